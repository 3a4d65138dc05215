"""From notices and inquiries to fills, each share once (drills 6, 8, 9).

A notice is one execution; an inquiry tells how much an order has filled in all. What the inquiry has beyond our books
is booked as an inquiry fill at the exact remaining amount. A notice that comes after such an inquiry, for an execution
the inquiry covered or may have covered, adds nothing; the order is then read again, so that a wrong guess is only ever
too few shares and is put right by the next reading.
"""

from dataclasses import dataclass
from datetime import date, datetime

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import AssetKind, Market, OrderSide
from jennie_core.domain.orders import BrokerOrder, ExecutionNotice
from jennie_core.krx.costs import commission_krw, sell_tax_krw
from jennie_core.strategy.booking import NewFill
from jennie_core.strategy.intent import Intent

DOUBT_US = 10_000_000
"""An inquiry may have seen executions of this much later than the event in hand: its reply takes its time, notices tell
time in whole seconds, and the desk may be behind the feed."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What the last inquiry of an order covered.

    `untold` counts the shares that inquiries have booked and no notice has told of. `in_doubt` says that a notice was
    set aside since: until the next reading nobody knows whether its shares are in our books.
    """

    at_us: int
    untold: int = 0
    in_doubt: bool = False

    def may_cover(self, executed_us: int) -> bool:
        """Whether the execution of a notice not seen before may be in our books already.

        While no share is untold, every share we have came with a notice, so a new notice is a new execution.
        """
        if executed_us < self.at_us:
            return True
        return executed_us <= self.at_us + DOUBT_US and (self.untold > 0 or self.in_doubt)

    def set_aside(self, quantity: int) -> "Inquiry":
        """After a notice that was not booked because of this inquiry."""
        return Inquiry(self.at_us, self.untold - quantity, in_doubt=True)

    def doubted(self) -> "Inquiry":
        """After a notice that may be a repetition of one that was told before: it tells of no share for certain."""
        return Inquiry(self.at_us, self.untold, in_doubt=True)

    def followed_by(self, at_us: int, booked: int) -> "Inquiry":
        """After the next reading, which booked so many shares and with them what was set aside."""
        return Inquiry(at_us, max(0, self.untold + booked))


def from_notice(intent: Intent, notice: ExecutionNotice, commission_ratio: float) -> NewFill:
    """The fill of one execution notice; the day makes its id unique, for order numbers begin anew each day."""
    return _fill(
        intent,
        fill_id=f"{intent.market_day:%Y%m%d}:{notice.notice_key}"[:80],
        quantity=notice.quantity,
        price_krw=notice.price_krw,
        at=notice.exchange_at,
        source="notice",
        commission_ratio=commission_ratio,
        before_krw=intent.filled_amount_krw,
    )


def from_inquiry(intent: Intent, row: BrokerOrder, at: datetime, commission_ratio: float) -> list[NewFill]:
    """Fills for the shares the broker has and we have not; two rows where the amount does not divide evenly."""
    quantity = row.filled_quantity - intent.filled_quantity
    amount = row.filled_amount_krw - intent.filled_amount_krw
    if quantity <= 0:
        return []
    if amount <= 0:  # R-ORD-11: a broker that names no amount leaves the price we asked for
        amount = intent.reference_price_krw * quantity
    low, dearer = divmod(amount, quantity)
    stem = f"{intent.market_day:%Y%m%d}:{intent.order_number}:inquiry:{row.filled_quantity}"
    cheaper = (quantity - dearer) * low
    parts = [(quantity - dearer, low, 0, "a"), (dearer, low + 1, cheaper, "b")]
    return [
        _fill(
            intent,
            fill_id=f"{stem}:{name}",
            quantity=count,
            price_krw=price,
            at=at,
            source="inquiry",
            commission_ratio=commission_ratio,
            before_krw=intent.filled_amount_krw + before_krw,
        )
        for count, price, before_krw, name in parts
        if count > 0
    ]


def notice_time_us(notice: ExecutionNotice) -> int:
    """Exchange time of a notice."""
    return to_epoch_us(notice.exchange_at)


@dataclass(frozen=True, slots=True)
class Listing:
    """What decides the tax on a sale; an unknown market pays the KOSPI rate, the highest (5.5)."""

    market: Market = Market.UNKNOWN
    kind: AssetKind = AssetKind.COMMON

    def as_context(self) -> dict[str, str]:
        """For the context of an intent, so that every fill of it pays the same rate, restarts or not."""
        return {"market": self.market.value, "asset_kind": self.kind.value}


def listing_of(intent: Intent) -> Listing:
    """The listing that was known when the intent was made."""
    market, kind = intent.context.get("market"), intent.context.get("asset_kind")
    return Listing(
        Market.UNKNOWN if market is None else Market(market), AssetKind.COMMON if kind is None else AssetKind(kind)
    )


def costs(
    side: OrderSide,
    amount_krw: int,
    on: date,
    commission_ratio: float,
    before_krw: int = 0,
    listing: Listing = Listing(),
) -> tuple[int, int]:
    """(fee, tax) of one fill by its date and market.

    Both are truncated on the order's total, of which `before_krw` was filled before: what an order costs does not
    depend on how its shares were told, one execution at a time or all at once by an inquiry (I2, drill 1).
    """

    def of_total(total_krw: int) -> tuple[int, int]:
        tax = sell_tax_krw(total_krw, listing.market, on, listing.kind) if side is OrderSide.SELL else 0
        return commission_krw(total_krw, commission_ratio), tax

    (fee, tax), (fee_before, tax_before) = of_total(before_krw + amount_krw), of_total(before_krw)
    return fee - fee_before, tax - tax_before


def _fill(
    intent: Intent,
    *,
    fill_id: str,
    quantity: int,
    price_krw: int,
    at: datetime,
    source: str,
    commission_ratio: float,
    before_krw: int,
) -> NewFill:
    amount, listing = quantity * price_krw, listing_of(intent)
    fee, tax = costs(intent.side, amount, intent.market_day, commission_ratio, before_krw, listing)
    return NewFill(fill_id, quantity, price_krw, fee, tax, at, source)
