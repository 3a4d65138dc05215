"""The market time at which a desk counts an event (decision 0001, T3)."""

from typing import Any

from jennie_core.strategy.merge import EventMerge
from jennie_core.strategy.settled import Settled


class EventTime:
    """Times of events in microseconds; never before the slice in which they are handled."""

    def __init__(self, clock: Settled, merge: EventMerge[Any]) -> None:
        self._clock = clock
        self._merge = merge
        self.begun_us = 0
        """When this process took the desk: it decides nothing as of an earlier instant."""

    def of_event(self, at_us: int) -> int:
        """An event's own time, but always inside its slice: after the mark that was completed last."""
        completed = self._merge.completed_us
        return at_us if completed is None else max(at_us, completed + 1)

    def of_decision(self, at_us: int) -> int:
        """When a request is decided: at its own time, unless whole slices have passed since (R-BUY-14)."""
        passed = self._clock.previous_settled_us
        own = max(self.of_event(at_us), self.begun_us)
        return own if passed is None else max(own, passed)
