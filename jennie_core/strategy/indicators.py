"""Technical indicators over a series, oldest value first (R-IND-01..09). None means: not enough values.

`running` holds the incremental forms of the same definitions for the tick path.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

RSI_PERIOD = 14
ATR_PERIOD = 14
DEATH_CROSS_VALUES = 21
DEATH_CROSS_MARGIN_RATIO = 0.002
MACD_VALUES = 36
DIVERGENCE_WINDOW = 10
DIVERGENCE_NEAR_MAX_RATIO = 0.98


class Ohlc(NamedTuple):
    """High, low and close of one bar, as the true range needs them."""

    high: float
    low: float
    close: float


class Bollinger(NamedTuple):
    """Bands of R-IND-06."""

    lower: float
    middle: float
    upper: float


class Macd(NamedTuple):
    """MACD line, signal and histogram per value, each as long as the input (R-IND-07)."""

    line: list[float]
    signal: list[float]
    histogram: list[float]


def sma(values: Sequence[float], n: int) -> float | None:
    """Mean of the last n (R-IND-01)."""
    return sum(values[-n:]) / n if len(values) >= n else None


def ema_series(values: Sequence[float], n: int) -> list[float]:
    """Exponential means, k = 2/(n+1), seeded with the first value (R-IND-02)."""
    k = 2 / (n + 1)
    series: list[float] = []
    for value in values:
        series.append(value if not series else series[-1] + k * (value - series[-1]))
    return series


def ema(values: Sequence[float], n: int) -> float | None:
    """The last exponential mean (R-IND-02)."""
    return ema_series(values, n)[-1] if values else None


def rsi(values: Sequence[float], n: int = RSI_PERIOD) -> float | None:
    """Wilder's RSI, seeded with the mean of the first n changes; needs n+1 values; no loss gives 100 (R-IND-03)."""
    if len(values) <= n:
        return None
    changes = [later - earlier for earlier, later in pairwise(values)]
    gain = sum(change for change in changes[:n] if change > 0) / n
    loss = -sum(change for change in changes[:n] if change < 0) / n
    for change in changes[n:]:
        gain = (gain * (n - 1) + max(change, 0)) / n
        loss = (loss * (n - 1) + max(-change, 0)) / n
    return 100.0 if loss == 0 else 100 - 100 / (1 + gain / loss)


def true_ranges(bars: Sequence[Ohlc]) -> list[float]:
    """True range of every bar but the first."""
    return [
        max(bar.high - bar.low, abs(bar.high - previous.close), abs(bar.low - previous.close))
        for previous, bar in pairwise(bars)
    ]


def atr(bars: Sequence[Ohlc], n: int = ATR_PERIOD) -> float:
    """Simple mean of the last n true ranges, of those there are when fewer; 0 with less than two bars (R-IND-04)."""
    ranges = true_ranges(bars)[-n:]
    return sum(ranges) / len(ranges) if ranges else 0.0


def clamp_atr(atr_krw: float | None, price_krw: float) -> float:
    """ATR for sizing: within 1..5 % of the price; unknown or not positive counts as 2 % (R-IND-05)."""
    if atr_krw is None or not atr_krw > 0:
        return price_krw * 0.02
    return min(max(atr_krw, price_krw * 0.01), price_krw * 0.05)


def bollinger(values: Sequence[float], n: int = 20, width: float = 2.0) -> Bollinger | None:
    """Mean and population standard deviation of the last n (R-IND-06)."""
    if len(values) < n:
        return None
    window = values[-n:]
    middle = sum(window) / n
    deviation = sqrt(sum((value - middle) ** 2 for value in window) / n)
    return Bollinger(middle - width * deviation, middle, middle + width * deviation)


def macd(values: Sequence[float], fast: int = 12, slow: int = 26, smooth: int = 9) -> Macd:
    """Difference of two EMAs, its own EMA as signal, and the histogram (R-IND-07)."""
    line = [a - b for a, b in zip(ema_series(values, fast), ema_series(values, slow), strict=True)]
    signal = ema_series(line, smooth)
    return Macd(line, signal, [a - b for a, b in zip(line, signal, strict=True)])


def death_cross(values: Sequence[float]) -> bool | None:
    """SMA5 has just fallen below SMA20 by more than 0.2 %; needs 21 values (R-IND-08)."""
    if len(values) < DEATH_CROSS_VALUES:
        return None
    short, long = sum(values[-5:]) / 5, sum(values[-20:]) / 20
    previous_short, previous_long = sum(values[-6:-1]) / 5, sum(values[-21:-1]) / 20
    return short < long * (1 - DEATH_CROSS_MARGIN_RATIO) and previous_short >= previous_long


def macd_bearish_divergence(values: Sequence[float]) -> bool | None:
    """Close near its 10-bar high while the histogram is below its value at that high; needs 36 values (R-IND-09)."""
    if len(values) < MACD_VALUES:
        return None
    window = list(values[-DIVERGENCE_WINDOW:])
    histogram = macd(values).histogram[-DIVERGENCE_WINDOW:]
    peak = max(window)
    at_peak = histogram[window.index(peak)]
    return window[-1] >= DIVERGENCE_NEAR_MAX_RATIO * peak and histogram[-1] < at_peak
