"""Pauses between connections: doubling with jitter, from the start again after a stable minute (drill 17)."""

import random
from collections.abc import Callable

STABLE_SECONDS = 60.0
GROWTH = 2.0
LEAST_SHARE = 0.5


class Backoff:
    """Real seconds. The jitter takes up to half of a pause away: clients cut together do not return together."""

    def __init__(
        self, first_seconds: float, longest_seconds: float, draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first = first_seconds
        self._longest = longest_seconds
        self._draw = draw
        self._next = first_seconds

    def after(self, connected_seconds: float) -> float:
        """The pause after a connection that lasted so long (0: none came about)."""
        if connected_seconds >= STABLE_SECONDS:
            self._next = self._first
        pause = self._next
        self._next = min(self._longest, pause * GROWTH)
        return pause * self._draw(LEAST_SHARE, 1.0)
