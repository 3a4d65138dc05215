"""The trades of one code on one day along its real minute bars; the official daily bar has the last word."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jennie_sim.market.bridge import draw_bridge
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.path import (
    AUCTION,
    BUYER,
    SELLER,
    TICKS_PER_MINUTE,
    DayBar,
    Trades,
    auction_volumes,
    code_rng,
    draw_trades,
    share_out,
    touch_extremes,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST_SHARES = 50
"""A day with fewer shares a bar is drawn from the daily bar alone."""
OTHER_SCALE = 0.05
"""Bars whose middle is farther from the day's than this are of another price scale (a split in between)."""


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """Bars of one code (each shape: n, start ascending). `width_ms` is the length of one bar, 1 or 5 minutes."""

    width_ms: int
    start_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ints


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A piece of the day: where it begins and ends in time and price, and its share of the volume."""

    from_ms: int
    until_ms: int
    open: float
    high: float
    low: float
    close: float
    weight: float


def draw_bar_trades(
    bar: DayBar, minutes: MinuteBars, grid: PriceGrid, levels: Ints, hours: SessionHours, seed: int
) -> Trades:
    """Opening cross, trades inside each bar, from the last bar on to the official close, closing cross.

    Prices leave neither the bar's nor the day's range and stand on legal ticks; day high and low are touched; sizes
    follow the bars' volumes and add up to the day's. Where a bar is missing nothing is traded.
    """
    rng = code_rng(seed, bar.code, "bars")
    stretches = _stretches(bar, minutes, hours)
    if not stretches or bar.volume < FEWEST_SHARES * len(stretches):
        return draw_trades(bar, levels, hours, seed)
    opening, closing = auction_volumes(rng, bar)
    continuous = bar.volume - opening - closing
    at_ms, path, weight = _walk(rng, stretches, continuous)
    nearest = np.clip(grid.nearest(path), bar.low, bar.high)
    index = np.searchsorted(levels, nearest).astype(np.int64)
    start, close = (float(np.searchsorted(levels, price)) for price in (bar.open, bar.close))
    touch_extremes(index, index.astype(np.float64), start, close, len(levels) - 1)
    rises = np.diff(path, prepend=path[0]) + rng.normal(0.0, max(1.0, float(np.std(np.diff(path)))), len(path))
    return Trades(
        at_ms=np.concatenate(([hours.open_ms + 500], at_ms, [hours.close_ms + 500])).astype(np.int64),
        price=np.concatenate(([bar.open], levels[index], [bar.close])).astype(np.int64),
        size=np.concatenate(([opening], share_out(continuous, weight), [closing])).astype(np.int64),
        side=np.concatenate(([AUCTION], np.where(rises > 0, BUYER, SELLER), [AUCTION])).astype(np.int64),
    )


def _stretches(bar: DayBar, minutes: MinuteBars, hours: SessionHours) -> list[_Stretch]:
    inside = (minutes.start_ms >= hours.open_ms) & (minutes.start_ms < hours.continuous_end_ms) & (minutes.low > 0)
    start = minutes.start_ms[inside]
    if not len(start):
        return []
    prices = [part[inside] for part in (minutes.open, minutes.high, minutes.low, minutes.close)]
    middle = float(prices[1].max() + prices[2].min()) / (bar.high + bar.low)
    scale = middle if abs(middle - 1) > OTHER_SCALE else 1.0
    opened, high, low, close = (np.clip(part / scale, bar.low, bar.high) for part in prices)
    volume = minutes.volume[inside].astype(np.float64)
    usual = float(np.median(volume[volume > 0])) if (volume > 0).any() else 1.0
    flat = (high == low) & (volume == 0)
    flat[0] = False  # the first bar of a day often lacks the volume of the opening cross
    volume = np.where((volume == 0) & ~flat, usual, volume)
    made = [
        _Stretch(int(start[n]), min(int(start[n]) + minutes.width_ms, hours.continuous_end_ms), float(opened[n]),
                 float(high[n]), float(low[n]), float(close[n]), float(volume[n]))
        for n in np.flatnonzero(~flat)
    ]  # fmt: skip
    return made + _rest_of_day(bar, made, hours)


def _rest_of_day(bar: DayBar, known: list[_Stretch], hours: SessionHours) -> list[_Stretch]:
    """From the end of the last bar to the closing auction: to the official close, by way of extremes not yet seen."""
    if not known or known[-1].until_ms >= hours.continuous_end_ms:
        return []
    last = known[-1]
    high, low = max(last.close, bar.close), min(last.close, bar.close)
    if max(row.high for row in known) < bar.high:
        high = bar.high
    if min(row.low for row in known) > bar.low:
        low = bar.low
    span = hours.continuous_end_ms - last.until_ms
    lively = [row.weight / (row.until_ms - row.from_ms) for row in known[-6:]]
    weight = 1.3 * sum(lively) / len(lively) * span  # the end of a session is livelier than the afternoon
    return [_Stretch(last.until_ms, hours.continuous_end_ms, last.close, high, low, float(bar.close), weight)]


def _walk(rng: np.random.Generator, stretches: list[_Stretch], shares: int) -> tuple[Ints, Floats, Floats]:
    """Arrival times, prices (not yet on ticks) and volume weights of the continuous trades."""
    times: list[Ints] = []
    prices: list[Floats] = []
    weights: list[Floats] = []
    mean = np.mean([row.weight / (row.until_ms - row.from_ms) for row in stretches])
    room = max(1, shares // 4)
    for row in stretches:
        length = row.until_ms - row.from_ms
        lively = np.sqrt(row.weight / length / mean)
        count = int(np.clip(rng.poisson(TICKS_PER_MINUTE * length / MINUTE_MS * lively), 4, max(4, room)))
        room = max(0, room - count)
        first = 1_000 if not times else 0  # the first second belongs to the opening cross
        times.append(np.sort(rng.integers(row.from_ms + first, row.until_ms, count)))
        prices.append(draw_bridge(rng, np.ones(count), row.open, row.close, row.low, row.high))
        weights.append(rng.lognormal(0.0, 1.0, count) * row.weight / count)
    return np.concatenate(times), np.concatenate(prices), np.concatenate(weights)
