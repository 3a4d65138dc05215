"""A market that really falls: every price of the day is lowered from an instant on, as a rehearsal asks for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jennie_core.krx.limits import PriceLimits
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.path import DayBar, Trades


@dataclass(frozen=True, slots=True)
class Fall:
    """Prices and indices sink by `percent` within `minutes` from `after_minutes` after the open on, and stay there."""

    percent: float
    after_minutes: int
    minutes: int

    def factors(self, at_ms: NDArray[np.int64], hours: SessionHours) -> NDArray[np.float64]:
        """What each instant's price is multiplied with."""
        since = (at_ms - hours.open_ms) / MINUTE_MS - self.after_minutes
        sunk: NDArray[np.float64] = 1 - self.percent / 100 * np.clip(since / self.minutes, 0.0, 1.0)
        return sunk

    def of(self, trades: Trades, grid: PriceGrid, limits: PriceLimits, hours: SessionHours) -> Trades:
        """The trades at sunken, legal prices within the day's limits; times, sizes and sides stay."""
        sunk = grid.nearest(trades.price * self.factors(trades.at_ms, hours))
        price = np.where(self.factors(trades.at_ms, hours) < 1, np.clip(sunk, limits.lower_krw, limits.upper_krw), 0)
        return Trades(trades.at_ms, np.where(price > 0, price, trades.price), trades.size, trades.side)


def bar_of(code: str, trades: Trades) -> DayBar:
    """The daily bar that trades make; a day without trades is the caller's to leave out."""
    price = trades.price
    return DayBar(code, int(price[0]), int(price.max()), int(price.min()), int(price[-1]), int(trades.size.sum()))
