"""Which held stocks the correlation check must look at, so that it decides the same in a fraction of the time.

The live check compares a candidate with every held stock in plain Python. Whoever is clearly below the limit in one
matrix product cannot refuse; the others, and all of which a close is missing, go through the live check.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np

from jennie_core.replay.backtest_bars import BarPanel
from jennie_core.strategy.correlation import WINDOW_RETURNS
from jennie_core.strategy.daily_history import SESSIONS

MARGIN = 1e-6

Closes = dict[date, float]


class CorrelationView:
    """Closes before one session, by code, read once a session."""

    def __init__(self, panel: BarPanel, row: int) -> None:
        self._panel, self._row = panel, row
        self._closes: dict[str, Closes | None] = {}

    def closes(self, code: str) -> Closes | None:
        """Closes of the sessions before, as the executor would have fetched them."""
        if code not in self._closes:
            self._closes[code] = self._panel.closes_before(code, self._row, SESSIONS)
        return self._closes[code]

    def held_closes(self, code: str, held: Sequence[str], limit: float) -> dict[str, Closes | None]:
        """Closes of the held stocks that may reach the limit with `code`."""
        return {other: self.closes(other) for other in self._suspects(code, list(held), limit)}

    def _suspects(self, code: str, held: list[str], limit: float) -> list[str]:
        if not held:
            return []
        window = self._panel.return_windows([code, *held], self._row, WINDOW_RETURNS)
        if window is None or np.isnan(window[:, 0]).any():
            return held
        centred = window - window.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.sqrt((centred**2).sum(axis=0))
            values = (centred[:, 1:].T @ centred[:, 0]) / (scale[1:] * scale[0])
        return [other for other, value in zip(held, values.tolist(), strict=True) if not value < limit - MARGIN]
