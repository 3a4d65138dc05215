"""The checks before a sell, in order; the first failure refuses (R-SELL-01..06, R-MSG-06, O1, O4)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.krx.sessions import SessionTimes


@dataclass(frozen=True, slots=True)
class SellFacts:
    """Everything the checks look at."""

    order: SellOrder
    market_time: datetime
    session: SessionTimes
    is_session: bool | None
    seen_order_ids: Collection[str]
    stops: StopState
    position: Position | None
    has_unresolved: bool
    last_failure_at: datetime | None
    """When the last sell of this code ended without a fill."""


Check = Callable[[SellFacts, OrderSettings], Refusal | None]


def not_seen(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-MSG-06: a sell order acts once, whatever the stream redelivers."""
    if facts.order.order_id in facts.seen_order_ids:
        return Refusal(rule="R-MSG-06", detail="sell order already handled", value=facts.order.order_id)
    return None


def not_expired(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """An automatic exit older than its lock is raised afresh by the monitor, not replayed (drill 15)."""
    age = (facts.market_time - facts.order.raised_at).total_seconds()
    if facts.order.sell_reason.is_operator_order or age <= settings.sell_lock_seconds:
        return None
    return Refusal(rule="R-BUY-14", detail="signal expired", value=round(age, 1), limit=settings.sell_lock_seconds)


def market_hours(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-SELL-02, R-CAL-04; an unknown calendar never holds back an exit, the broker then decides (I6)."""
    if facts.order.sell_reason.is_operator_order:
        return None
    if facts.is_session is False:
        return Refusal(rule="R-CAL-01", detail="market day closed", value=facts.session.day.isoformat())
    if facts.session.allows_exits_at(facts.market_time):
        return None
    return Refusal(rule="R-SELL-02", detail="outside exit hours", value=facts.market_time.strftime("%H:%M:%S"))


def exits_allowed(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-SELL-03, O4: only a halt with JENNIE_HALT_BLOCKS_EXITS holds back automatic exits; a pause never does."""
    if facts.order.sell_reason.is_operator_order or not facts.stops.blocks_automatic_exits:
        return None
    return Refusal(
        rule="R-SELL-03", detail=f"halt blocks exits: {facts.stops.reason}", value="halted", limit="not halted"
    )


def held(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-SELL-04, O3: managed shares only."""
    if facts.position is not None and facts.position.quantity > 0:
        return None
    external = None if facts.position is None else facts.position.external_quantity
    return Refusal(rule="R-SELL-04", detail="no managed shares held", value=external, limit="> 0")


def one_sell_at_a_time(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-SELL-05, O1: one unresolved sell per code."""
    if facts.has_unresolved:
        return Refusal(rule="R-SELL-05", detail="a sell of this stock is unresolved", value=facts.order.stock_code)
    return None


def not_just_refused(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """R-SELL-05: a sell that ended without a fill is reconciled first; the lock keeps a loop of rejections away."""
    if facts.order.sell_reason.is_operator_order or facts.last_failure_at is None:
        return None
    age = (facts.market_time - facts.last_failure_at).total_seconds()
    if age >= settings.sell_lock_seconds:
        return None
    return Refusal(
        rule="R-SELL-05",
        detail="the last sell of this stock failed",
        value=round(age, 1),
        limit=settings.sell_lock_seconds,
    )


CHECKS: tuple[Check, ...] = (
    not_seen,
    not_expired,
    market_hours,
    exits_allowed,
    held,
    one_sell_at_a_time,
    not_just_refused,
)


def check_sell(facts: SellFacts, settings: OrderSettings) -> Refusal | None:
    """The first check that fails, or None when the shares may be sold."""
    for check in CHECKS:
        refusal = check(facts, settings)
        if refusal is not None:
            return refusal
    return None


def halted_refusal(code: str) -> Refusal:
    """The refusal to sell into a trading halt (거래정지) again (drill 10)."""
    return Refusal(rule="HALTED", detail="trading of this stock is halted: the sell waits for its end", value=code)


def quantity_to_sell(order: SellOrder, position: Position) -> int:
    """R-SELL-06: never more than the managed shares."""
    return min(order.quantity, position.quantity)
