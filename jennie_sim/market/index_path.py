"""The day's path of an index, drawn from its open, high, low and close."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jennie_sim.market.activity import draw_activity
from jennie_sim.market.breaker import STEP_MS, Breaker, broken_index, paused_index
from jennie_sim.market.bridge import draw_bridge
from jennie_sim.market.fall import Fall
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.path import code_rng
from jennie_sim.market.pull import Pull


@dataclass(frozen=True, slots=True)
class IndexNow:
    """An index at one instant, in points."""

    value: float
    open: float
    high: float
    low: float
    previous_close: float

    @property
    def change(self) -> float:
        """Points against the previous close."""
        return self.value - self.previous_close

    @property
    def change_pct(self) -> float:
        """Per cent against the previous close."""
        return self.change / self.previous_close * 100 if self.previous_close else 0.0


@dataclass(frozen=True, slots=True)
class IndexPath:
    """Values every ten seconds of continuous trading (shape: steps, float64), then the close.

    `rows` are the daily rows up to and with the traded day, oldest first. `breakers` have stopped the index's market.
    """

    code: str
    hours: SessionHours
    values: NDArray[np.float64]
    rows: pl.DataFrame
    close: float
    breakers: tuple[Breaker, ...] = ()

    @classmethod
    def draw(
        cls, code: str, rows: pl.DataFrame, hours: SessionHours, seed: int, pull: Pull | None = None
    ) -> "IndexPath":
        """Draw the path of the last row; `pull` is what it has in common with the market's codes."""
        opened, high, low, close = (float(rows[column][-1]) for column in ("open", "high", "low", "close"))
        high, low = max(high, opened, close), min(low, opened, close)
        rng = code_rng(seed, code, "index")
        activity = draw_activity(rng, (hours.continuous_end_ms - hours.open_ms) // MINUTE_MS)
        minute = np.repeat(np.arange(len(activity.variance)), MINUTE_MS // STEP_MS)
        common = None if pull is None else (pull.increments(minute, activity.variance), pull.share)
        path = draw_bridge(rng, activity.variance[minute], opened, close, low, high, common)
        return cls(code, hours, np.concatenate(([opened], path)).round(2), rows, float(rows["close"][-1]))

    def fallen(self, fall: Fall) -> "IndexPath":
        """The path of a day on which the whole market falls."""
        steps = self.hours.open_ms + np.arange(len(self.values), dtype=np.int64) * STEP_MS
        last = fall.factors(np.array([self.hours.close_ms]), self.hours)[0]
        values = (self.values * fall.factors(steps, self.hours)).round(2)
        return replace(self, values=values, close=round(self.close * float(last), 2))

    def broken(self) -> "IndexPath":
        """The path with the circuit breakers that it sets off."""
        values, breakers = broken_index(self.values, self.previous_close, self.hours)
        return self._stopped(values, breakers)

    def stopped_by(self, breakers: tuple[Breaker, ...]) -> "IndexPath":
        """The path with the breakers of the market that it belongs to."""
        values = self.values
        for breaker in breakers:
            values = paused_index(values, breaker, self.hours)
        return self._stopped(values, breakers)

    def _stopped(self, values: NDArray[np.float64], breakers: tuple[Breaker, ...]) -> "IndexPath":
        ended = bool(breakers) and breakers[-1].ends_the_day
        return replace(self, values=values, breakers=breakers, close=float(values[-1]) if ended else self.close)

    @property
    def previous_close(self) -> float:
        """Close of the session before."""
        return float(self.rows["close"][-2]) if self.rows.height > 1 else float(self.rows["open"][-1])

    def at(self, at_ms: int) -> IndexNow:
        """The index at an instant; before the open all values are the previous close."""
        previous = self.previous_close
        if at_ms < self.hours.open_ms:
            return IndexNow(previous, previous, previous, previous, previous)
        seen = self.values[: min((at_ms - self.hours.open_ms) // STEP_MS, len(self.values) - 1) + 1]
        value = self.close if at_ms >= self.hours.close_ms else float(seen[-1])
        return IndexNow(value, float(seen[0]), float(seen.max()), float(seen.min()), previous)
