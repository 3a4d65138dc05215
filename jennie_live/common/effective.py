"""Values written by another worker come into force at a settled mark, never within a slice (decision 0001)."""

from datetime import datetime
from typing import Generic, Protocol, TypeVar

from jennie_infra.clock import MarketClock


class Timed(Protocol):
    """Anything with the market time at which it was written."""

    @property
    def known_at(self) -> datetime:
        """Market time of writing."""
        ...


T = TypeVar("T", bound=Timed)


class Effective(Generic[T]):
    """Holds the value in force and the newest one waiting for its time."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self.value: T | None = None
        self._waiting: T | None = None

    def offer(self, value: T | None) -> None:
        """Give the value just read at a settled mark; it takes force once every reader can have seen it."""
        if value is not None and (self._waiting is None or value.known_at > self._waiting.known_at):
            self._waiting = value
        if self._waiting is not None and self._clock.may_use(self._waiting.known_at):
            self.value = self._waiting
            self._waiting = None
