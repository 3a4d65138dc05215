"""Daily and weekly loss limits with risk reserved before an order is sent (R-GRD-08, O5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pydantic import Field

from jennie_core.domain.base import Message
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.trading_settings import RiskSettings

RULE = "R-GRD-08"


@dataclass(frozen=True, slots=True)
class PnlReading:
    """Profit and loss net of costs, realised and unrealised; None = unknown, which counts as reached."""

    day_pnl_krw: int | None
    """Since the previous session's close."""
    week_pnl_krw: int | None
    """Since the close of the last session of the week before."""
    day_equity_krw: int | None
    """Equity at the previous session's close."""
    week_equity_krw: int | None
    """Equity at the close of the last session of the week before; in the first week, the earliest known equity."""


class LossLimitState(Message):
    """Durable: a limit that was reached holds until the next session or week, whatever prices do afterwards."""

    market_day: date
    daily_reached: bool = False
    weekly_reached: bool = False
    week: str = Field(description="ISO year and week, e.g. 2025-W26")


class MarkedHolding(NamedTuple):
    """One open position for the unrealised part: value now against its reference price."""

    quantity: int
    price_krw: int | None
    reference_price_krw: float | None
    """Previous close for a carried position, average price for one bought today (week: the week's start likewise)."""


def pnl_krw(realized_net_krw: int | None, holdings: Iterable[MarkedHolding]) -> int | None:
    """Realised (net of costs) plus unrealised; None when any part is unknown."""
    if realized_net_krw is None:
        return None
    total = float(realized_net_krw)
    for holding in holdings:
        if holding.price_krw is None or holding.reference_price_krw is None:
            return None
        total += holding.quantity * (holding.price_krw - holding.reference_price_krw)
    return int(total // 1)


def advance(
    state: LossLimitState | None, reading: PnlReading, market_day: date, settings: RiskSettings
) -> LossLimitState:
    """The state after a reading: latches what is reached, opens again on a new session or week."""
    week = iso_week(market_day)
    daily = state is not None and state.market_day == market_day and state.daily_reached
    weekly = state is not None and state.week == week and state.weekly_reached
    return LossLimitState(
        market_day=market_day,
        week=week,
        daily_reached=daily or _is_reached(reading.day_pnl_krw, reading.day_equity_krw, settings.daily_loss_limit_pct),
        weekly_reached=weekly
        or _is_reached(reading.week_pnl_krw, reading.week_equity_krw, settings.weekly_loss_limit_pct),
    )


def loss_refusal(
    state: LossLimitState | None, reading: PnlReading, market_day: date, settings: RiskSettings
) -> Refusal | None:
    """Why no position may be opened now; an unknown figure or an unknown state refuses as well."""
    if state is None:
        return Refusal(rule=RULE, detail="loss-limit state unknown: counts as reached")
    if state.week == iso_week(market_day) and state.weekly_reached:
        return _reached("weekly", reading.week_pnl_krw, reading.week_equity_krw, settings.weekly_loss_limit_pct)
    if state.market_day == market_day and state.daily_reached:
        return _reached("daily", reading.day_pnl_krw, reading.day_equity_krw, settings.daily_loss_limit_pct)
    for name, pnl, equity, limit_pct in _limits(reading, settings):
        if pnl is None or equity is None or equity <= 0:
            return Refusal(rule=RULE, detail=f"{name} profit and loss unknown: counts as reached")
        if _is_reached(pnl, equity, limit_pct):
            return _reached(name, pnl, equity, limit_pct)
    return None


class RiskBook:
    """Risk of orders in flight: reserved before sending, free again once nothing can come of it unmeasured (O5)."""

    def __init__(self) -> None:
        self._reserved: dict[str, int] = {}
        self._bought: set[str] = set()

    @property
    def reserved_krw(self) -> int:
        """Sum of all reservations."""
        return sum(self._reserved.values())

    def reserve(self, intent_id: str, risk_krw: int, reading: PnlReading, settings: RiskSettings) -> Refusal | None:
        """Reserve, or refuse when used plus reserved plus this risk exceeds a limit. Repeating an intent is free."""
        if intent_id in self._reserved:
            return None
        for name, pnl, equity, limit_pct in _limits(reading, settings):
            if pnl is None or equity is None or equity <= 0:
                return Refusal(rule=RULE, detail=f"{name} profit and loss unknown: counts as reached")
            limit = equity * limit_pct / 100
            wanted = max(0, -pnl) + self.reserved_krw + risk_krw
            if wanted > limit:
                return Refusal(
                    rule=RULE, detail=f"{name} loss and reserved risk", value=float(wanted), limit=round(limit, 1)
                )
        self._reserved[intent_id] = risk_krw
        return None

    def release(self, intent_id: str) -> None:
        """Nothing was bought: the order was refused, not placed, or ended empty."""
        self._reserved.pop(intent_id, None)
        self._bought.discard(intent_id)

    def bought(self, intent_id: str, risk_krw: int) -> None:
        """An ended order has shares, perhaps late ones: its risk stays until they are measured, so no buy slips in."""
        self._reserved.setdefault(intent_id, risk_krw)
        self._bought.add(intent_id)

    def measured(self) -> None:
        """A reading has all that was bought so far: it counts through its profit and loss from now on."""
        for intent_id in self._bought:
            self._reserved.pop(intent_id, None)
        self._bought.clear()

    def restore(self, reservations: dict[str, int]) -> None:
        """Intent -> risk of orders still unresolved, after a restart; what was bought before is measured first."""
        self._reserved = dict(reservations)
        self._bought.clear()


def iso_week(day: date) -> str:
    """ISO year and week of a day."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _limits(reading: PnlReading, settings: RiskSettings) -> tuple[tuple[str, int | None, int | None, float], ...]:
    return (
        ("daily", reading.day_pnl_krw, reading.day_equity_krw, settings.daily_loss_limit_pct),
        ("weekly", reading.week_pnl_krw, reading.week_equity_krw, settings.weekly_loss_limit_pct),
    )


def _is_reached(pnl: int | None, equity: int | None, limit_pct: float) -> bool:
    """A known loss at or beyond the limit; an unknown one refuses in `loss_refusal` but does not latch."""
    if pnl is None or equity is None or equity <= 0:
        return False
    return -pnl * 100 >= limit_pct * equity


def _reached(name: str, pnl: int | None, equity: int | None, limit_pct: float) -> Refusal:
    value = None if pnl is None or equity is None or equity <= 0 else round(pnl / equity * 100, 3)
    return Refusal(rule=RULE, detail=f"{name} loss limit reached", value=value, limit=-limit_pct)
