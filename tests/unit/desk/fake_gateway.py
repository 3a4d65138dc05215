"""A broker in memory behind GatewayClient's interface: the test says what it does with each call."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from jennie_core.domain.decisions import Accepted, Refused, Unknown
from jennie_core.domain.enums import ListingStatus, Market, OrderSide, OrderType
from jennie_core.domain.market import DailyBar, Quote, SessionDay
from jennie_core.domain.orders import (
    AccountBalance,
    BrokerOrder,
    CancelRequest,
    ExecutionNotice,
    Holding,
    OrderReply,
    OrderRequest,
)
from jennie_infra.gateway_client import GatewayUnavailableError


@dataclass
class Placed:
    """One order in the broker's ledger."""

    number: str
    intent_id: str
    request: OrderRequest
    at: datetime
    executions: list[tuple[int, int]] = field(default_factory=list)
    cancelled: int = 0

    @property
    def filled(self) -> int:
        return sum(quantity for quantity, _ in self.executions)

    @property
    def amount(self) -> int:
        return sum(quantity * price for quantity, price in self.executions)

    @property
    def remaining(self) -> int:
        return self.request.quantity - self.filled - self.cancelled

    def row(self) -> BrokerOrder:
        return BrokerOrder(
            order_number=self.number,
            stock_code=self.request.stock_code,
            side=self.request.side,
            order_type=self.request.order_type,
            ordered_on=self.at.date(),
            ordered_time=self.at.strftime("%H%M%S"),
            ordered_quantity=self.request.quantity,
            order_price_krw=self.request.limit_price_krw or 0,
            filled_quantity=self.filled,
            filled_amount_krw=self.amount,
            average_price_krw=self.amount / self.filled if self.filled else 0.0,
            remaining_quantity=self.remaining,
            cancelled_quantity=self.cancelled,
            rejected_quantity=0,
            is_cancelled=self.cancelled > 0,
        )


class FakeGateway:
    """Keeps its own ledger, the judge of every test. `replies` scripts the next order calls, `reads_fail` the reads."""

    def __init__(self, now: Callable[[], datetime], cash_krw: int = 100_000_000) -> None:
        self.now = now
        self.cash_krw = cash_krw
        self.orders: list[Placed] = []
        self.by_hand: list[Placed] = []
        self.held: dict[str, tuple[int, float]] = {}
        self.prices: dict[str, int] = {}
        self.markets: dict[str, Market] = {}
        self.statuses: dict[str, ListingStatus] = {}
        self.interrupted: set[str] = set()
        self.replies: deque[str] = deque()
        self.cancel_replies: deque[str] = deque()
        self.reads_fail = False
        self.calls: list[str] = []
        self.claims: dict[str, list[str]] = {}
        self.hold_reply: asyncio.Event | None = None
        """While set and not released, the answer of an order call is on its way; the order is in the book already."""
        self.before_place: Callable[[OrderRequest], None] | None = None
        self.sent_intents: list[str] = []

    # ---- what the test does at the broker -------------------------------------------------------

    def execute(self, order: Placed, quantity: int, price_krw: int) -> ExecutionNotice:
        """Fill a part of an order; returns the notice of it, which the test may deliver or not."""
        assert quantity <= order.remaining
        order.executions.append((quantity, price_krw))
        self._move(order.request.stock_code, order.request.side, quantity, price_krw)
        return ExecutionNotice(
            notice_key=f"{order.number}-{len(order.executions)}",
            order_number=order.number,
            stock_code=order.request.stock_code,
            side=order.request.side,
            is_execution=True,
            quantity=quantity,
            price_krw=price_krw,
            order_quantity=order.request.quantity,
            exchange_at=self.now(),
            received_us=0,
        )

    def trade_by_hand(self, code: str, quantity: int, price_krw: int) -> None:
        """A trade in the broker's own app; negative sells."""
        side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
        self._move(code, side, abs(quantity), price_krw)
        placed = external_order(self, code, side, abs(quantity))
        self.orders.remove(placed)
        placed.number = f"9{len(self.by_hand):09d}"
        placed.executions.append((abs(quantity), price_krw))
        self.by_hand.append(placed)

    def _move(self, code: str, side: OrderSide, quantity: int, price_krw: int) -> None:
        held, average = self.held.get(code, (0, 0.0))
        self.prices[code] = price_krw
        if side is OrderSide.BUY:
            self.cash_krw -= quantity * price_krw
            total = held + quantity
            self.held[code] = (total, (held * average + quantity * price_krw) / total)
        else:
            assert quantity <= held, "the broker never sells short"
            self.cash_krw += quantity * price_krw
            self.held[code] = (held - quantity, average)
        if self.held[code][0] == 0:
            del self.held[code]

    # ---- GatewayClient's interface --------------------------------------------------------------

    async def place(self, order: OrderRequest) -> OrderReply:
        if self.before_place is not None:
            self.before_place(order)
        self.calls.append(f"place {order.intent_id}")
        self.sent_intents.append(order.intent_id)
        script = self.replies.popleft() if self.replies else "accept"
        if script == "refuse":
            return OrderReply(
                intent_id=order.intent_id, outcome=Refused(rule="KIS", code="APBK0656", text="no such stock")
            )
        if script == "drop":
            return OrderReply(intent_id=order.intent_id, outcome=Unknown(reason="TimeoutError"))
        placed = Placed(f"{len(self.orders) + 1:010d}", order.intent_id, order, self.now())
        self.orders.append(placed)
        if self.hold_reply is not None:
            await self.hold_reply.wait()
        if script == "lose":
            return OrderReply(intent_id=order.intent_id, outcome=Unknown(reason="TimeoutError"))
        return OrderReply(
            intent_id=order.intent_id, outcome=Accepted(order_number=placed.number), sent_at_us=1_700_000_000_000_000
        )

    async def cancel(self, request: CancelRequest) -> OrderReply:
        self.calls.append(f"cancel {request.order_number}")
        script = self.cancel_replies.popleft() if self.cancel_replies else "accept"
        order = next(order for order in self.orders if order.number == request.order_number)
        if script in ("refuse", "drop"):
            outcome = (
                Refused(rule="KIS", code="APBK0344", text="nothing to cancel")
                if script == "refuse"
                else Unknown(reason="TimeoutError")
            )
            return OrderReply(intent_id=request.intent_id, outcome=outcome)
        order.cancelled += order.remaining
        if script == "lose":
            return OrderReply(intent_id=request.intent_id, outcome=Unknown(reason="TimeoutError"))
        return OrderReply(intent_id=request.intent_id, outcome=Accepted(order_number=f"c{order.number}"))

    async def balance(self) -> AccountBalance:
        self._read("balance")
        holdings = tuple(
            Holding(
                stock_code=code,
                stock_name=f"stock {code}",
                quantity=quantity,
                sellable_quantity=quantity,
                average_price_krw=average,
                current_price_krw=self.prices.get(code, round(average)),
                evaluation_krw=quantity * self.prices.get(code, round(average)),
            )
            for code, (quantity, average) in sorted(self.held.items())
        )
        open_buys = sum(
            order.remaining * (order.request.limit_price_krw or self.prices.get(order.request.stock_code, 10_000))
            for order in self.orders
            if order.request.side is OrderSide.BUY
        )
        return AccountBalance(
            deposit_krw=self.cash_krw,
            cash_krw=self.cash_krw,
            orderable_cash_krw=self.cash_krw - open_buys,
            total_evaluation_krw=self.cash_krw + sum(holding.evaluation_krw for holding in holdings),
            holdings=holdings,
            inquired_at=self.now(),
        )

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        self._read("orders")
        return [order.row() for order in (*self.orders, *self.by_hand) if order.at.date() == day]

    async def open_orders(self) -> list[BrokerOrder]:
        self._read("open")
        return [order.row() for order in self.orders if order.remaining > 0]

    async def quote(self, code: str) -> Quote:
        self._read("quote")
        price = self.prices.get(code, 10_000)
        return Quote(
            code=code,
            name=f"stock {code}",
            price_krw=price,
            previous_close_krw=price,
            open_krw=price,
            high_krw=price,
            low_krw=price,
            volume=1,
            turnover_krw=price,
            upper_limit_krw=price * 13 // 10,
            lower_limit_krw=price * 7 // 10,
            change_pct=0.0,
            status=self.statuses.get(code, ListingStatus.NORMAL),
            market=self.markets.get(code, Market.UNKNOWN),
            in_volatility_interruption=code in self.interrupted,
            quoted_at=self.now(),
        )

    async def daily_bars(self, code: str, sessions: int, until: date | None = None) -> list[DailyBar]:
        self._read("bars")
        if until is None:
            return []
        price = self.prices.get(code, 10_000)
        return [
            DailyBar(
                code=code, trade_date=until, open_krw=price, high_krw=price, low_krw=price, close_krw=price, volume=1
            )
        ]

    async def session_days(self, start: date) -> list[SessionDay]:
        self._read("days")
        return [SessionDay(day=start, is_open=True)]

    async def claim_codes(self, claimant: str, codes: list[str]) -> None:
        self.claims[claimant] = codes

    def _read(self, what: str) -> None:
        self.calls.append(what)
        if self.reads_fail:
            raise GatewayUnavailableError(f"{what}: TimeoutError")


def external_order(gateway: FakeGateway, code: str, side: OrderSide, quantity: int) -> Placed:
    """An order somebody else placed."""
    request = OrderRequest(
        intent_id="somebody", lease=0, stock_code=code, side=side, order_type=OrderType.MARKET, quantity=quantity
    )
    placed = Placed(f"{len(gateway.orders) + 1:010d}", "somebody", request, gateway.now())
    gateway.orders.append(placed)
    return placed
