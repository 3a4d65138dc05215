"""Daily indicators of held stocks, from closed sessions only (R-MON-01)."""

from datetime import date

from jennie_core.strategy.daily_history import HELD_SESSIONS, held_indicators
from jennie_core.strategy.held import PositionIndicators
from jennie_infra.gateway_client import GatewayClient, GatewayError
from jennie_infra.telemetry import get_logger


async def daily_indicators(gateway: GatewayClient, code: str, day: date) -> PositionIndicators | None:
    """Indicators of the sessions before `day`; None when the gateway could not say (they stay unknown)."""
    try:
        bars = await gateway.daily_bars(code, HELD_SESSIONS)
    except GatewayError as error:
        get_logger().warning("daily bars unknown", code=code, error=str(error))
        return None
    return held_indicators(bars, day)
