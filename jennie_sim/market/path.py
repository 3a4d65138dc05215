"""The trades of one code on one day, drawn from its open, high, low, close and volume."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jennie_sim.market.activity import Activity, draw_activity
from jennie_sim.market.bridge import draw_bridge
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.pull import Pull

Ints = NDArray[np.int64]

TICKS_PER_MINUTE = 10
BUYER, AUCTION, SELLER = 1, 3, 5
"""Who started the trade, in the broker's own code (CCLD_DVSN); an auction has no aggressor."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """One traded day of one code; `high` = 0 means that it did not trade (halt or no trade at all)."""

    code: str
    open: int
    high: int
    low: int
    close: int
    volume: int

    @property
    def traded(self) -> bool:
        """False on a halt."""
        return self.high > 0 and self.volume > 0

    @property
    def fewest_trades(self) -> int:
        """Trades needed to show all four prices: open, close if another trade, extremes that neither of them is."""
        inner = len({self.high, self.low} - {self.open, self.close})
        return 1 + inner + (1 if inner or self.close != self.open else 0)


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades in order of time: milliseconds since midnight KST, price, size, aggressor (each shape: n, int64)."""

    at_ms: Ints
    price: Ints
    size: Ints
    side: Ints


def code_rng(seed: int, code: str, purpose: str) -> np.random.Generator:
    """A random stream that belongs to one code alone, so that paths do not depend on who is subscribed."""
    return np.random.Generator(np.random.PCG64([seed & 0xFFFFFFFF, crc32(code.encode()), crc32(purpose.encode())]))


def draw_trades(bar: DayBar, levels: Ints, hours: SessionHours, seed: int, pull: Pull | None = None) -> Trades:
    """The day's trades: opening cross, about ten a minute in a U shape, closing cross.

    `levels` are all legal prices from `bar.low` to `bar.high`, ascending. The path touches both ends, never leaves
    them, and its sizes add up to `bar.volume`. A day with fewer shares than ticks simply has fewer ticks. `pull` is
    what the code has in common with others.
    """
    if not bar.traded:
        none = np.zeros(0, dtype=np.int64)
        return Trades(none, none, none, none)
    rng = code_rng(seed, bar.code, "path")
    activity = draw_activity(rng, (hours.continuous_end_ms - hours.open_ms) // MINUTE_MS)
    opening, closing = auction_volumes(rng, bar)
    count = min(
        int(TICKS_PER_MINUTE * len(activity.arrivals) * rng.uniform(0.94, 1.06)), bar.volume - opening - closing
    )
    at_ms, weights_of_minute = _arrivals(rng, activity, count, hours)
    index, moves, side = _walk(rng, bar, levels, activity, weights_of_minute, pull)
    size = _sizes(rng, bar.volume - opening - closing, activity.volume, weights_of_minute, moves)

    opening_at = hours.open_ms + int(rng.integers(100, 900))
    closing_at = hours.close_ms + int(rng.integers(100, 900))
    cross = 1 if closing else 0
    return Trades(
        at_ms=np.concatenate(([opening_at], at_ms, [closing_at] * cross)).astype(np.int64),
        price=np.concatenate(([bar.open], levels[index], [bar.close] * cross)).astype(np.int64),
        size=np.concatenate(([opening], size, [closing] * cross)).astype(np.int64),
        side=np.concatenate(([AUCTION], side, [AUCTION] * cross)).astype(np.int64),
    )


def auction_volumes(rng: np.random.Generator, bar: DayBar) -> tuple[int, int]:
    """Shares of the opening and the closing cross."""
    opening_share, closing_share = rng.beta(4, 110), rng.beta(5, 85)
    if bar.volume == 1:
        return 1, 0
    opening = max(1, int(bar.volume * opening_share))
    closing = max(1, int(bar.volume * closing_share))
    return opening, closing


def _arrivals(rng: np.random.Generator, activity: Activity, count: int, hours: SessionHours) -> tuple[Ints, Ints]:
    """Sorted arrival times, and the minute of the session each falls into."""
    counts = rng.multinomial(count, activity.arrivals / activity.arrivals.sum())
    minute = np.repeat(np.arange(len(counts)), counts)
    # The first second belongs to the opening cross.
    offset = np.where(minute == 0, rng.integers(1_000, MINUTE_MS, count), rng.integers(0, MINUTE_MS, count))
    return np.sort(hours.open_ms + minute * MINUTE_MS + offset), minute


def _walk(
    rng: np.random.Generator, bar: DayBar, levels: Ints, activity: Activity, minute: Ints, pull: Pull | None
) -> tuple[Ints, NDArray[np.float64], Ints]:
    """Index into `levels`, move in ticks, and aggressor of each continuous trade."""
    count = len(minute)
    if count == 0:
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)
    top = float(len(levels) - 1)
    start, close = (float(np.searchsorted(levels, price)) for price in (bar.open, bar.close))
    end = float(np.clip(close + np.rint(rng.normal(0.0, 0.7)), 0.0, top))
    per_minute = np.bincount(minute, minlength=len(activity.variance))
    common = None if pull is None else (pull.increments(minute, activity.variance), pull.share)
    path = draw_bridge(rng, activity.variance[minute] / per_minute[minute], start, end, 0.0, top, common)
    moves = np.diff(path, prepend=start)
    bought = moves * 1.2 + rng.normal(0.0, max(0.25, float(np.std(moves))), count) > 0
    index = np.clip(np.rint(path + np.where(bought, 0.4, -0.4)), 0, top).astype(np.int64)
    touch_extremes(index, path, start, close, len(levels) - 1)
    return index, moves, np.where(bought, BUYER, SELLER).astype(np.int64)


def touch_extremes(index: Ints, path: NDArray[np.float64], start: float, close: float, top: int) -> None:
    """Rounding may lose an extreme: put it back where the path was nearest to it."""
    seen = {int(start), int(close)}
    highest = int(np.argmax(path))
    if top not in seen and index.max() < top:
        index[highest] = top
    if 0 not in seen and index.min() > 0:
        order = np.argsort(path, kind="stable")
        index[int(order[0]) if int(order[0]) != highest or len(order) == 1 else int(order[1])] = 0


def _sizes(
    rng: np.random.Generator, volume: int, per_minute: NDArray[np.float64], minute: Ints, moves: NDArray[np.float64]
) -> Ints:
    """Share out `volume` over the continuous trades, each at least one share, the rest by activity and move."""
    count = len(minute)
    if count == 0:
        return np.zeros(0, np.int64)
    in_minute = np.bincount(minute, minlength=len(per_minute))
    scale = float(np.mean(np.abs(moves))) or 1.0
    weight = per_minute[minute] / in_minute[minute] * rng.lognormal(0.0, 1.1, count) * (1 + 0.6 * np.abs(moves) / scale)
    return share_out(volume, weight)


def share_out(volume: int, weight: NDArray[np.float64]) -> Ints:
    """`volume` shares over trades in proportion to their weights, each at least one; the sum is exact."""
    exact = weight / weight.sum() * (volume - len(weight))
    size: Ints = 1 + np.floor(exact).astype(np.int64)
    missing = volume - int(size.sum())
    if missing:
        largest = np.argsort(-(exact - np.floor(exact)), kind="stable")
        size[largest[:missing]] += 1
    return size
