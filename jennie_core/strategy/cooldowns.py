"""Cooldowns that a sell starts (R-SELL-09, R-SELL-10)."""

from datetime import datetime, timedelta
from typing import NamedTuple

from jennie_core.domain.enums import SellReason
from jennie_core.domain.trading_settings import RiskSettings

LOSS_REASONS = frozenset({SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP})


class SellCooldowns(NamedTuple):
    """Ends of the cooldowns of a stock that was just sold; None = none starts."""

    stop_loss_until: datetime | None
    sell_until: datetime


def cooldowns_after_sell(reason: SellReason, sold_at: datetime, settings: RiskSettings) -> SellCooldowns:
    """Every sell starts 24 hours; a stop, death cross or breakeven exit three days as well (market time)."""
    loss = sold_at + timedelta(days=settings.stop_loss_cooldown_days) if reason in LOSS_REASONS else None
    return SellCooldowns(loss, sold_at + timedelta(hours=settings.sell_cooldown_hours))
