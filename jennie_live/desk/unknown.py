"""What inquiries say of an order whose reply was lost: placed, not placed, or not to be told (O1, R-ORD-12)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.orders import AccountBalance, BrokerOrder
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.strategy.intent import Intent

EARLIER = timedelta(seconds=5)
LATER = timedelta(seconds=90)
"""An order of ours was accepted between its signal (clocks differ by a few seconds) and the end of the next slice."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Exactly one order of the broker fits."""

    row: BrokerOrder


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """Enough inquiries over enough time agree that there is no such order."""

    checks: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """No trace so far; asked too few times or over too short a time."""

    checks: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Frozen:
    """Nobody can tell; the operator must look, the code stays blocked."""

    reason: str


Verdict = Placed | NotPlaced | AskAgain | Frozen


def judge(
    intent: Intent,
    rows: Iterable[BrokerOrder],
    balance: AccountBalance,
    *,
    taken: Collection[str],
    held_before: int,
    now: datetime,
    settings: OrderSettings,
) -> Verdict:
    """The verdict of one inquiry at `now`. `held_before`: shares of the code that our books explain."""
    fitting = [row for row in rows if row.order_number not in taken and fits(intent, row)]
    if len(fitting) > 1:
        numbers = ", ".join(sorted(row.order_number for row in fitting))
        return Frozen(f"{len(fitting)} orders of the broker fit: {numbers}")
    if fitting:
        return Placed(fitting[0])
    held = next((each.quantity for each in balance.holdings if each.stock_code == intent.stock_code), None)
    moved = (0 if held is None else held) - held_before
    if (moved > 0) if intent.side is OrderSide.BUY else (moved < 0):
        return Frozen(f"the broker lists no such order, yet holdings moved by {moved} shares")
    since = intent.unknown_since or intent.market_at
    checks = intent.unknown_checks + 1
    settle = timedelta(seconds=settings.unknown_settle_seconds)
    if checks >= settings.unknown_inquiries and now - since >= settle:
        return NotPlaced(checks)
    return AskAgain(checks, now + settle / max(1, settings.unknown_inquiries - 1))


def fits(intent: Intent, row: BrokerOrder) -> bool:
    """Whether a row of the broker's order list can be this intent: account, code, side, quantity, type, price, time."""
    if row.original_order_number or row.stock_code != intent.stock_code or row.side is not intent.side:
        return False
    if row.ordered_quantity != intent.quantity or row.order_type is not intent.order_type:
        return False
    if intent.order_type is OrderType.LIMIT and row.order_price_krw != intent.limit_price_krw:
        return False
    ordered = ordered_at(row)
    return intent.market_at - EARLIER <= ordered <= (intent.unknown_since or intent.market_at) + LATER


def ordered_at(row: BrokerOrder) -> datetime:
    """Market time at which the broker took an order (to a second)."""
    digits = row.ordered_time.ljust(6, "0")
    clock = (int(digits[0:2]), int(digits[2:4]), int(digits[4:6]))
    day = row.ordered_on
    return datetime(day.year, day.month, day.day, *clock, tzinfo=KST)
