"""Daily indicators of held stocks, from closed sessions only (R-MON-01)."""

from datetime import date

from jennie_core.domain.market import DailyBar
from jennie_core.strategy.held import PositionIndicators
from jennie_core.strategy.indicators import Ohlc, atr, death_cross, macd_bearish_divergence, rsi
from jennie_infra.gateway_client import GatewayClient, GatewayError
from jennie_infra.telemetry import get_logger

SESSIONS = 60
MIN_BARS_FOR_ATR = 2


async def daily_indicators(gateway: GatewayClient, code: str, day: date) -> PositionIndicators | None:
    """Indicators of the sessions before `day`; None when the gateway could not say (they stay unknown)."""
    try:
        bars = await gateway.daily_bars(code, SESSIONS)
    except GatewayError as error:
        get_logger().warning("daily bars unknown", code=code, error=str(error))
        return None
    return indicators_of([bar for bar in bars if bar.trade_date < day and bar.open_krw > 0])


def indicators_of(bars: list[DailyBar]) -> PositionIndicators:
    """From bars oldest first; what needs more bars than there are is unknown."""
    closes = [float(bar.close_krw) for bar in bars]
    ranges = [Ohlc(bar.high_krw, bar.low_krw, bar.close_krw) for bar in bars]
    return PositionIndicators(
        atr_krw=atr(ranges) if len(bars) >= MIN_BARS_FOR_ATR else None,
        rsi=rsi(closes),
        death_cross=death_cross(closes),
        macd_divergence=macd_bearish_divergence(closes),
    )
