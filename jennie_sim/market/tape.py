"""The running totals behind each trade, ready to be shown, matched against and sent."""

from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from jennie_sim.market.hours import SECOND_MS
from jennie_sim.market.interruption import Interruption
from jennie_sim.market.path import BUYER, SELLER, DayBar, Trades

Ints = NDArray[np.int64]


class Col(IntEnum):
    """Columns of a tape row. Prices in won, sizes in shares; `*_at` as HHMMSS numbers."""

    AT_MS = 0
    PRICE = 1
    SIZE = 2
    SIDE = 3
    VOLUME = 4
    TURNOVER = 5
    HIGH = 6
    LOW = 7
    HIGH_AT = 8
    LOW_AT = 9
    ASK = 10
    BID = 11
    ASK_SIZE = 12
    BID_SIZE = 13
    TOTAL_ASK = 14
    TOTAL_BID = 15
    SELL_COUNT = 16
    BUY_COUNT = 17
    SOLD = 18
    BOUGHT = 19


@dataclass(frozen=True, slots=True)
class Tape:
    """All trades of one code on one day with their running totals.

    `rows` has shape (trades, len(Col)), int64. `depth` is the usual size of one level of the order book.
    `interruptions` are the call auctions in mid-session, in order of time.
    """

    bar: DayBar
    rows: Ints
    times: list[int]
    depth: int
    interruptions: tuple[Interruption, ...] = ()

    @property
    def trades(self) -> Trades:
        """The bare trades."""
        return Trades(*(self.rows[:, column] for column in (Col.AT_MS, Col.PRICE, Col.SIZE, Col.SIDE)))

    def interruption_at(self, at_ms: int) -> Interruption | None:
        """The call auction that is on at an instant."""
        return next((row for row in self.interruptions if row.begins_ms <= at_ms < row.ends_ms), None)

    def index_at(self, at_ms: int) -> int:
        """Index of the last trade at or before `at_ms`; -1 before the first."""
        return bisect_right(self.times, at_ms) - 1

    def between(self, after_ms: int, until_ms: int) -> list[list[int]]:
        """Rows with `after_ms < time <= until_ms`."""
        first = bisect_right(self.times, after_ms)
        last = bisect_right(self.times, until_ms, first)
        rows: list[list[int]] = self.rows[first:last].tolist() if first < last else []
        return rows

    def row(self, index: int) -> list[int]:
        """One row."""
        values: list[int] = self.rows[index].tolist()
        return values


@dataclass(frozen=True, slots=True)
class Band:
    """Where the day's quotes may stand: the legal prices of the day's range and the limits around it."""

    levels: Ints
    step_below: int
    lower_limit: int
    upper_limit: int


def make_tape(
    bar: DayBar, trades: Trades, band: Band, seed_key: int, interruptions: tuple[Interruption, ...] = ()
) -> Tape:
    """Add running totals and the best quotes after each trade.

    After a purchase the best ask is the trade's price and the bid one step below; after a sale the other way round. The
    quotes stay inside the day's range where its width allows; at a price limit the side that has run out is 0.
    """
    count = len(trades.price)
    depth = max(1, bar.volume // 500)
    rows = np.zeros((count, len(Col)), dtype=np.int64)
    if count:
        rows[:, Col.AT_MS], rows[:, Col.PRICE] = trades.at_ms, trades.price
        rows[:, Col.SIZE], rows[:, Col.SIDE] = trades.size, trades.side
        rows[:, Col.VOLUME] = np.cumsum(trades.size)
        rows[:, Col.TURNOVER] = np.cumsum(trades.size * trades.price)
        _extremes(rows, trades)
        _quotes(rows, trades, band)
        _sizes(rows, depth, seed_key)
        _sides(rows, trades)
    return Tape(bar=bar, rows=rows, times=trades.at_ms.tolist(), depth=depth, interruptions=interruptions)


def _clock(at_ms: Ints) -> Ints:
    second = at_ms // SECOND_MS
    return second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60


def _extremes(rows: Ints, trades: Trades) -> None:
    clock, position = _clock(trades.at_ms), np.arange(len(rows))
    for value, at, running in (
        (Col.HIGH, Col.HIGH_AT, np.maximum.accumulate(trades.price)),
        (Col.LOW, Col.LOW_AT, np.minimum.accumulate(trades.price)),
    ):
        rows[:, value] = running
        is_new = np.concatenate(([True], running[1:] != running[:-1]))
        rows[:, at] = clock[np.maximum.accumulate(np.where(is_new, position, 0))]


def _quotes(rows: Ints, trades: Trades, band: Band) -> None:
    levels = band.levels
    index = np.searchsorted(levels, trades.price)
    top = len(levels) - 1
    rises = np.diff(trades.price, append=trades.price[-1]) > 0
    bought = np.where(trades.side == BUYER, True, np.where(trades.side == SELLER, False, rises))
    ask = np.where(bought, index, index + 1)
    if top > 0:
        ask = np.clip(ask, 1, top)
        rows[:, Col.ASK], rows[:, Col.BID] = levels[ask], levels[ask - 1]
        return
    price = int(levels[0])
    rows[:, Col.ASK] = 0 if price >= band.upper_limit else price
    rows[:, Col.BID] = price if price >= band.upper_limit else band.step_below


def _sizes(rows: Ints, depth: int, seed_key: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed_key))
    best = np.maximum(1, depth * rng.lognormal(-0.1, 0.5, (len(rows), 2))).astype(np.int64)
    rest = np.maximum(9, depth * rng.lognormal(2.2, 0.15, (len(rows), 2))).astype(np.int64)
    for quote, size, total, side in (
        (Col.ASK, Col.ASK_SIZE, Col.TOTAL_ASK, 0),
        (Col.BID, Col.BID_SIZE, Col.TOTAL_BID, 1),
    ):
        present = rows[:, quote] > 0
        rows[:, size] = np.where(present, best[:, side], 0)
        rows[:, total] = np.where(present, best[:, side] + rest[:, side], 0)


def _sides(rows: Ints, trades: Trades) -> None:
    bought, sold = trades.side == BUYER, trades.side == SELLER
    rows[:, Col.BUY_COUNT], rows[:, Col.SELL_COUNT] = np.cumsum(bought), np.cumsum(sold)
    rows[:, Col.BOUGHT], rows[:, Col.SOLD] = np.cumsum(trades.size * bought), np.cumsum(trades.size * sold)
