"""Values written by another worker come into force at a settled mark, never within a slice (decision 0001)."""

from collections import deque
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from jennie_core.strategy.settled import Settled


class Timed(Protocol):
    """Anything with the market time at which it was written."""

    @property
    def known_at(self) -> datetime:
        """Market time of writing."""
        ...


T = TypeVar("T", bound=Timed)


class Effective(Generic[T]):
    """Holds the value in force and those waiting for their time; a newer one never pushes out one that waits."""

    def __init__(self, clock: Settled) -> None:
        self._clock = clock
        self.value: T | None = None
        self._waiting: deque[T] = deque()

    def offer(self, value: T | None) -> None:
        """Give the value just read at a settled mark; it takes force once every reader can have seen it."""
        newest = self._waiting[-1] if self._waiting else self.value
        if value is not None and (newest is None or value.known_at > newest.known_at):
            self._waiting.append(value)
        while self._waiting and self._clock.may_use(self._waiting[0].known_at):
            self.value = self._waiting.popleft()
