"""The legal prices of one kind of security on one day, in numpy where many are needed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.ticks import tick_table

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """Tick arithmetic of one tick table."""

    below: tuple[int, ...]
    ticks: tuple[int, ...]

    @classmethod
    def of(cls, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> "PriceGrid":
        """The grid in force on a day."""
        table = tick_table(on, kind, market)
        return cls(tuple(below for below, _ in table), tuple(tick for _, tick in table))

    def tick(self, price: int) -> int:
        """Tick of the band that holds `price`."""
        for below, tick in zip(self.below, self.ticks, strict=True):
            if price < below:
                return tick
        raise AssertionError("the last band has no bound")

    def is_legal(self, price: int) -> bool:
        """Whether an order may name this price."""
        return price > 0 and price % self.tick(price) == 0

    def step_up(self, price: int) -> int:
        """The next legal price above a legal one."""
        return price + self.tick(price)

    def step_down(self, price: int) -> int:
        """The next legal price below a legal one; 0 when there is none."""
        return price - self.tick(price - 1) if price > 1 else 0

    def levels(self, low: int, high: int) -> Ints:
        """All legal prices from `low` to `high`, ascending (shape: n, int64)."""
        pieces, start = [], 1
        for below, tick in zip(self.below, self.ticks, strict=True):
            first, last = max(low, start), min(high, below - 1)
            if first <= last:
                pieces.append(np.arange(-(-first // tick) * tick, last + 1, tick, dtype=np.int64))
            start = below
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)

    def ticks_of(self, prices: Ints) -> Ints:
        """The tick of each price (shape kept, int64)."""
        ticks: Ints = np.array(self.ticks, dtype=np.int64)[
            np.searchsorted(np.array(self.below[:-1]), prices, side="right")
        ]
        return ticks

    def nearest(self, prices: NDArray[np.float64] | Ints) -> Ints:
        """The nearest legal price of each (shape kept, int64); the lower of two equally near."""
        values = np.maximum(np.asarray(prices, dtype=np.float64), 1.0)
        tick = self.ticks_of(values.astype(np.int64))
        result: Ints = np.maximum(np.ceil(values / tick - 0.5) * tick, 1).astype(np.int64)
        return result
