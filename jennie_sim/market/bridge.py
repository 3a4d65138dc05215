"""A random path with given start, end, highest and lowest value."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CANDIDATES = 6
_SPREADS = (0.5, 0.7, 0.9, 1.2)


def draw_bridge(
    rng: np.random.Generator,
    variance: Floats,
    start: float,
    end: float,
    low: float,
    high: float,
    common: tuple[Floats, float] | None = None,
) -> Floats:
    """A fat-tailed path from `start` to `end` whose maximum is `high` and minimum is `low`.

    `variance` (shape: steps) gives each step's share of the day's variance; `common` are standardised increments
    (shape: steps) that the path has in common with others, and their part of the variance. Several bridges are drawn
    and the one whose excursions come nearest to the wanted ones is bent onto them: what lies above both ends is
    stretched to reach `high`, what lies below both to reach `low`, so the path keeps its shape and touches both.
    `low <= start, end <= high` is the caller's duty.
    """
    steps = len(variance)
    share = variance / variance.sum()
    clock = np.cumsum(share)
    top, bottom = max(start, end), min(start, end)
    trend = start + (end - start) * clock
    if high <= low:
        return np.full(steps, float(start))

    increments = rng.standard_t(5, (_CANDIDATES, steps)) * np.sqrt(share * 0.6)
    if common is not None:
        increments = increments * np.sqrt(1.0 - common[1]) + common[0]
    walk = np.cumsum(increments, axis=1)
    noise = walk - clock * walk[:, -1:]
    best, best_misfit = trend, np.inf
    for spread in _SPREADS:
        paths = trend + spread * (high - low) * noise
        above, below = paths.max(axis=1) - top, bottom - paths.min(axis=1)
        misfit = _misfit(above, high - top, high - low) + _misfit(below, bottom - low, high - low)
        pick = int(np.argmin(misfit))
        if misfit[pick] < best_misfit:
            best, best_misfit = paths[pick], float(misfit[pick])
    return _bend(best, low, bottom, top, high)


def _misfit(reached: Floats, wanted: float, span: float) -> Floats:
    slack = 0.02 * span
    return np.log((np.maximum(reached, 0.0) + slack) / (wanted + slack)) ** 2


def _bend(path: Floats, low: float, bottom: float, top: float, high: float) -> Floats:
    peak, trough = float(path.max()), float(path.min())
    if peak > top:
        path = np.where(path > top, top + (path - top) * ((high - top) / (peak - top)), path)
    if trough < bottom:
        path = np.where(path < bottom, bottom - (bottom - path) * ((bottom - low) / (bottom - trough)), path)
    path = np.clip(path, low, high)
    # A short path may never leave the band between its ends; its farthest points then become the extremes.
    if path.max() < high:
        path[int(np.argmax(path))] = high
    if path.min() > low:
        path[int(np.argmin(path))] = low
    return path
