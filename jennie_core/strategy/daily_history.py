"""Closed sessions of one code as the executors and the monitor look at them (R-COR, R-IND-04, R-MON-01)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.market import DailyBar
from jennie_core.strategy.correlation import WINDOW_RETURNS, Closes
from jennie_core.strategy.held import PositionIndicators
from jennie_core.strategy.indicators import ATR_PERIOD, Ohlc, atr, death_cross, macd_bearish_divergence, rsi

SESSIONS = WINDOW_RETURNS + 10
HELD_SESSIONS = 60
"""Sessions the monitor asks for; the running one counts among them."""
MIN_BARS_FOR_ATR = 2


@dataclass(frozen=True, slots=True)
class History:
    """Closed sessions of a code before the market day."""

    closes: Closes
    atr_krw: float | None

    def close_before(self, day: date) -> float | None:
        """The last close before a day."""
        earlier = [session for session in self.closes if session < day]
        return self.closes[max(earlier)] if earlier else None


def history_of(bars: Sequence[DailyBar], day: date) -> History:
    """From bars oldest first; only sessions before `day` count."""
    closed = [bar for bar in bars if bar.trade_date < day]
    rows = [Ohlc(bar.high_krw, bar.low_krw, bar.close_krw) for bar in closed]
    known = len(rows) > ATR_PERIOD and all(bar.low_krw > 0 for bar in closed[-ATR_PERIOD - 1 :])
    return History({bar.trade_date: float(bar.close_krw) for bar in closed}, atr(rows) if known else None)


def held_indicators(found: Sequence[DailyBar], day: date) -> PositionIndicators:
    """From bars oldest first, traded sessions before `day` only; what needs more bars than there are is unknown."""
    bars = [bar for bar in found if bar.trade_date < day and bar.open_krw > 0]
    return indicators_of([Ohlc(bar.high_krw, bar.low_krw, bar.close_krw) for bar in bars])


def indicators_of(bars: Sequence[Ohlc]) -> PositionIndicators:
    """From traded sessions oldest first; what needs more of them than there are is unknown."""
    closes = [float(bar.close) for bar in bars]
    return PositionIndicators(
        atr_krw=atr(bars) if len(bars) >= MIN_BARS_FOR_ATR else None,
        rsi=rsi(closes),
        death_cross=death_cross(closes),
        macd_divergence=macd_bearish_divergence(closes),
    )
