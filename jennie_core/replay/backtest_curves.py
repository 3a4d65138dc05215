"""Returns and falls of a series of values by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak; days are those of peak and trough."""

    depth_pct: float
    peak: date
    trough: date


def daily_returns(start: float, values: Sequence[float]) -> list[float]:
    """Simple returns as ratios, the first against `start`."""
    return [later / earlier - 1 for earlier, later in zip([start, *values[:-1]], values, strict=True)]


def deepest_fall(series: Sequence[tuple[date, float]]) -> Drawdown:
    """The largest loss from an earlier peak (0 when the series never fell)."""
    peak_day, peak = series[0]
    worst = Drawdown(0.0, peak_day, peak_day)
    for day, value in series:
        if value > peak:
            peak_day, peak = day, value
        fall = (value / peak - 1) * 100
        if fall < worst.depth_pct:
            worst = Drawdown(fall, peak_day, day)
    return worst


def fall_from_peak(values: Sequence[float]) -> list[float]:
    """Percent below the highest value so far, per point."""
    peak, found = values[0], []
    for value in values:
        peak = max(peak, value)
        found.append((value / peak - 1) * 100)
    return found


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample; None with fewer than two values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
