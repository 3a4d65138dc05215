"""What one path has in common with others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pull:
    """Common standardised moves per minute of the session (shape: minutes, float64), and their part of the variance."""

    moves: Floats
    share: float

    def increments(self, minute: Ints, variance: Floats) -> Floats:
        """The common part of each step: what a minute moves is spread evenly over its steps.

        `minute` (shape: steps) is the minute of each step, `variance` (shape: minutes) the minutes' weights.
        """
        in_minute = np.bincount(minute, minlength=len(variance))
        present = np.where(in_minute > 0, variance, 0.0)
        per_minute = self.moves[: len(variance)] * np.sqrt(self.share * present / present.sum())
        spread: Floats = per_minute[minute] / in_minute[minute]
        return spread
