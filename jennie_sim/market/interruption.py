"""Volatility interruptions (변동성완화장치, VI): which trades of a path set one off, and what becomes of the path."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import MINUTE_MS, SECOND_MS, SessionHours
from jennie_sim.market.path import AUCTION, Trades

Ints = NDArray[np.int64]

STATIC_PCT = 10
DYNAMIC_PCT = 6
DYNAMIC_PCT_OF_INDEX_MEMBERS = 3
AUCTION_MS = 2 * MINUTE_MS
RANDOM_END_MS = 30 * SECOND_MS
CATCH_UP_MS = 3 * MINUTE_MS
"""So long after the single price the path runs faster, until it is where it would have been."""
LAST_BEGIN_MS = 4 * MINUTE_MS
"""None begins so shortly before the closing auction: the path must still show the day's high and low."""


class InterruptionKind(StrEnum):
    """What set a call auction off in mid-session; the values of the first three are the broker's vi_kind_code."""

    STATIC = "1"
    DYNAMIC = "2"
    BOTH = "3"
    RESUMPTION = "0"  # the auction behind a trading halt: no VI, but traded the same way


@dataclass(frozen=True, slots=True)
class Interruption:
    """A call auction in mid-session: `begins_ms <= time < ends_ms`, one single price at its end."""

    kind: InterruptionKind
    begins_ms: int
    ends_ms: int
    price_krw: int
    """What would have been traded; also the single price at the end."""
    static_reference_krw: int
    dynamic_reference_krw: int

    @property
    def is_vi(self) -> bool:
        """False for the auction that ends a trading halt."""
        return self.kind is not InterruptionKind.RESUMPTION


@dataclass(frozen=True, slots=True)
class VolatilityRule:
    """Deviations in per cent that set one off (protocol sheet 5.4)."""

    dynamic_pct: int = DYNAMIC_PCT
    static_pct: int = STATIC_PCT


def interrupted(
    trades: Trades,
    base_krw: int,
    rule: VolatilityRule,
    grid: PriceGrid,
    hours: SessionHours,
    rng: np.random.Generator,
    position: int = 0,
) -> tuple[Trades, tuple[Interruption, ...]]:
    """The path with its volatility interruptions from `position` on, and these in order of time.

    `base_krw` is the static reference there: the last single price, before the opening cross the base price.

    No trade is lost and none is invented: the trade that would have been 10 % away from the last single price, or too
    far from the trade before, waits for the end of the call auction and is its single price; what followed it catches
    up behind. So open, high, low, close and volume of the day stay what they were (docs/decisions/0008).
    """
    found: list[Interruption] = []
    reference = base_krw
    if position == 0 and len(trades.price):
        if _is_far(trades.price[:1], base_krw, rule.static_pct)[0]:
            trades = _interrupt(found, trades, 0, base_krw, rule, hours, rng)
        reference, position = int(trades.price[0]), 1
    while (index := _next_trigger(trades, position, reference, rule, grid, hours)) is not None:
        trades = _interrupt(found, trades, index, reference, rule, hours, rng)
        reference, position = int(trades.price[index]), index + 1
    return trades, tuple(found)


def _interrupt(
    found: list[Interruption],
    trades: Trades,
    index: int,
    reference: int,
    rule: VolatilityRule,
    hours: SessionHours,
    rng: np.random.Generator,
) -> Trades:
    """Note the interruption that trade `index` sets off; the opening cross is judged by the static rule alone."""
    price = int(trades.price[index])
    if index:
        before = int(trades.price[index - 1])
        # of two trades in one millisecond the first still belongs to the time before
        begins_ms = max(int(trades.at_ms[index]), int(trades.at_ms[index - 1]) + 1)
        kind = _kind(price, reference, before, rule)
    else:
        before, begins_ms, kind = reference, hours.open_ms, InterruptionKind.STATIC
    ends_ms = begins_ms + AUCTION_MS + int(rng.integers(0, RANDOM_END_MS))
    found.append(Interruption(kind, begins_ms, ends_ms, price, reference, before))
    return postponed(trades, index, begins_ms, ends_ms, min(ends_ms + CATCH_UP_MS, hours.continuous_end_ms))


def _kind(price: int, reference: int, before: int, rule: VolatilityRule) -> InterruptionKind:
    static = abs(price - reference) * 100 >= rule.static_pct * reference
    dynamic = abs(price - before) * 100 >= rule.dynamic_pct * before
    if static and dynamic:
        return InterruptionKind.BOTH
    return InterruptionKind.STATIC if static else InterruptionKind.DYNAMIC


def _next_trigger(
    trades: Trades, position: int, reference: int, rule: VolatilityRule, grid: PriceGrid, hours: SessionHours
) -> int | None:
    """Index of the next trade behind the opening cross that sets one off."""
    price = trades.price
    if position >= len(price):
        return None
    before, after = price[position - 1 : -1], price[position:]
    step = np.abs(after - before)
    # At the lowest prices a single tick is a large part; one tick alone never sets an interruption off.
    jump = (step * 100 >= rule.dynamic_pct * before) & (step > grid.ticks_of(before))
    early = trades.at_ms[position:] < hours.continuous_end_ms - LAST_BEGIN_MS
    hits = np.flatnonzero((jump | _is_far(after, reference, rule.static_pct)) & early)
    return position + int(hits[0]) if len(hits) else None


def _is_far(prices: Ints, reference: int, percent: int) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = np.abs(prices - reference) * 100 >= percent * reference
    return far


def postponed(trades: Trades, index: int, begins_ms: int, ends_ms: int, caught_up_ms: int) -> Trades:
    """The path whose trade `index` waits until `ends_ms` as a single price; the rest catches up by `caught_up_ms`.

    Trades of the waiting time at the same price are part of the cross.
    """
    at_ms, price = trades.at_ms.copy(), trades.price
    size, side = trades.size.copy(), trades.side.copy()
    behind = np.arange(index, int(np.searchsorted(at_ms, caught_up_ms, side="left")))
    waiting = behind[((at_ms[behind] < ends_ms) & (price[behind] == price[index])) | (behind == index)]
    at_ms[behind] = (
        ends_ms + 1 + (at_ms[behind] - begins_ms) * (caught_up_ms - ends_ms - 1) // (caught_up_ms - begins_ms)
    )
    at_ms[index], side[index] = ends_ms, AUCTION
    size[index] = size[waiting].sum()
    keep = np.ones(len(price), dtype=bool)
    keep[waiting[waiting != index]] = False
    return Trades(at_ms[keep], price[keep], size[keep], side[keep])
