"""Settled market time of one reader: what another worker wrote counts one settled mark later (decision 0001)."""

from datetime import datetime
from typing import Protocol

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import ClockMark


class Settled(Protocol):
    """Whoever knows the settled marks: a worker's clock, or the clock of a replay."""

    @property
    def previous_settled_us(self) -> int | None:
        """Time of the settled mark before the newest."""
        ...

    def may_use(self, known_at: datetime) -> bool:
        """Whether a value another worker wrote at `known_at` is in force now."""
        ...


class SettledMarks:
    """The newest settled mark and the one before it; an equal or older one changes nothing."""

    __slots__ = ("previous_settled_us", "settled_us")

    def __init__(self) -> None:
        self.settled_us: int | None = None
        self.previous_settled_us: int | None = None

    def observe_mark(self, mark: ClockMark) -> None:
        """Take a clock mark."""
        if mark.settled and (self.settled_us is None or mark.market_us > self.settled_us):
            self.previous_settled_us, self.settled_us = self.settled_us, mark.market_us

    def may_use(self, known_at: datetime) -> bool:
        """Whether a value another worker wrote at `known_at` is in force now."""
        return self.previous_settled_us is not None and to_epoch_us(known_at) <= self.previous_settled_us
