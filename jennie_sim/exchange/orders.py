"""Orders, fills and refusals as the exchange knows them."""

from dataclasses import dataclass, field
from enum import StrEnum

from jennie_core.domain.enums import OrderSide


class OrderKind(StrEnum):
    """How an order finds its price (ORD_DVSN)."""

    LIMIT = "limit"
    MARKET = "market"
    CONDITIONAL = "conditional"  # a limit order that becomes a market order in the closing auction (조건부지정가)
    BEST = "best"  # limit at the opposite side's best quote (최유리지정가)
    PRIORITY = "priority"  # limit at the own side's best quote (최우선지정가)


class Lifetime(StrEnum):
    """How long the unfilled part lives."""

    DAY = "day"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(StrEnum):
    """Where an order stands at the exchange."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Refusal(StrEnum):
    """Why the exchange does not take a request; the protocol turns it into the broker's code and text."""

    UNKNOWN_ACCOUNT = "unknown_account"
    ACCOUNT_TYPE = "account_type"
    UNKNOWN_CODE = "unknown_code"
    BAD_QUANTITY = "bad_quantity"
    BAD_PRICE = "bad_price"
    TICK_SIZE = "tick_size"
    PRICE_LIMIT = "price_limit"
    ORDER_TYPE = "order_type"
    VENUE = "venue"
    HALTED = "halted"
    NOT_TRADABLE = "not_tradable"
    BEFORE_ENTRY = "before_entry"
    AFTER_CLOSE = "after_close"
    CASH = "cash"
    SHARES = "shares"
    NO_HOLDING = "no_holding"
    UNKNOWN_ORDER = "unknown_order"
    NOTHING_LEFT = "nothing_left"


class Refused(Exception):  # noqa: N818  an outcome, not a mishap
    """The request is refused and nothing has changed."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(detail or refusal.value)
        self.refusal = refusal
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `at_ms` is market time; fee and tax in won; `realized_pnl_krw` of a sale is before both."""

    number: int
    order_number: int
    code: str
    side: OrderSide
    quantity: int
    price_krw: int
    at_ms: int
    fee_krw: int
    tax_krw: int
    realized_pnl_krw: int = 0

    @property
    def amount_krw(self) -> int:
        """Price times quantity."""
        return self.quantity * self.price_krw


@dataclass(slots=True)
class Order:
    """One entry in the exchange's order list; a revise or cancel is an entry of its own (own number)."""

    number: int
    account: str
    code: str
    side: OrderSide
    kind: OrderKind
    lifetime: Lifetime
    quantity: int
    price_krw: int
    accepted_at_ms: int
    type_code: str = "00"
    action: str = "new"
    """new, revise or cancel."""
    original_number: int = 0
    status: OrderStatus = OrderStatus.WORKING
    filled_quantity: int = 0
    filled_amount_krw: int = 0
    cancelled_quantity: int = 0
    rejected_quantity: int = 0
    queue_ahead: int = 0
    was_aggressive: bool = False
    """It could take shares on arrival; its rest follows the tape instead of waiting at its own price."""
    fill_cap: int | None = None
    """Shares that may be filled at most; only a switched-on fault sets it."""
    fills: list[Fill] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """Shares that still wait."""
        return self.quantity - self.filled_quantity - self.cancelled_quantity - self.rejected_quantity

    @property
    def fillable(self) -> int:
        """Shares that may be filled now."""
        return self.remaining if self.fill_cap is None else min(self.remaining, self.fill_cap - self.filled_quantity)

    @property
    def is_buy(self) -> bool:
        """매수."""
        return self.side is OrderSide.BUY

    @property
    def is_working(self) -> bool:
        """Still in the book."""
        return self.status is OrderStatus.WORKING and self.action != "cancel"

    @property
    def average_price_krw(self) -> float:
        """Mean fill price; 0 while nothing is filled."""
        return self.filled_amount_krw / self.filled_quantity if self.filled_quantity else 0.0

    @property
    def is_open(self) -> bool:
        """In the book with something left."""
        return self.is_working and self.remaining > 0

    def priority(self) -> tuple[int, int, int, str, int]:
        """Sort key among orders of one code and side: better price first, then time (가격·시간 우선).

        Orders of one instant stand by size and account, whichever reached the exchange first: two clients race there,
        and their race must not decide who gets the shares. The number parts orders that are alike.
        """
        price = -self.price_krw if self.is_buy else self.price_krw
        if self.kind is OrderKind.MARKET:
            price = -(1 << 60)
        return (price, self.accepted_at_ms, -self.quantity, self.account, self.number)


class NoticeKind(StrEnum):
    """What an order notice tells."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    REVISED = "revised"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    KILLED = "killed"  # the remainder of an IOC or FOK order


@dataclass(frozen=True, slots=True)
class Notice:
    """One order or execution notice (체결통보) in exchange time."""

    kind: NoticeKind
    order: Order
    quantity: int
    price_krw: int
    at_ms: int
    account: str
    delivery_ms: int | None = None
    """Place in the feed when it is not the notice's own time; only a switched-on fault sets it."""

    @property
    def sent_at_ms(self) -> int:
        """When the feed sends it."""
        return self.at_ms if self.delivery_ms is None else self.delivery_ms
