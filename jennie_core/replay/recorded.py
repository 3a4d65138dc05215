"""Recorded ticks and marks as the slices of a day (decision 0001)."""

from collections.abc import Iterable, Iterator, Sequence

from jennie_core.domain.market import ClockMark, Tick
from jennie_core.replay.day_ports import Slice


class RecordedSlices:
    """Cuts a log at its settled marks. A mark that comes again, or late, settles nothing new and is left out.

    `repeated_marks` counts those: the log's process answered them, the replay has nothing to answer.
    """

    def __init__(self, items: Iterable[Tick | ClockMark]) -> None:
        self._items: Iterator[Tick | ClockMark] = iter(items)
        self._settled_us = -1
        self.repeated_marks = 0

    def next_slice(self, wanted: Sequence[str]) -> Slice | None:
        """Up to the next settled mark; what stands behind the last one was never decided on and is left out."""
        found: list[Tick | ClockMark] = []
        for item in self._items:
            if isinstance(item, ClockMark) and item.market_us <= self._settled_us:
                self.repeated_marks += item.settled
                continue
            found.append(item)
            if isinstance(item, ClockMark) and item.settled:
                self._settled_us = item.market_us
                return Slice(tuple(found), item.market_us)
        return None
