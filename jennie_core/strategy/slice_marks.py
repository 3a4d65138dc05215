"""Clock marks of a rehearsal or a replay, from the times of records and the ends of slices (decision 0001)."""

from jennie_core.domain.market import ClockMark

SECOND_US = 1_000_000
MOST_UNSETTLED = 60


class SliceMarks:
    """Marks of a rehearsal. Seconds between two marks follow from record times; the heartbeat settles a slice."""

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._settled_us: int | None = None

    @property
    def settled_us(self) -> int | None:
        """The newest settled mark; a record before it came too late."""
        return self._settled_us

    def before_record(self, exchange_us: int) -> list[ClockMark]:
        """Unsettled marks for the seconds that have passed up to this record's second."""
        second = exchange_us - exchange_us % SECOND_US
        if self._last_us is None:
            self._last_us = second
            return [ClockMark(second, settled=False)]
        if second <= self._last_us:
            return []
        first = max(self._last_us + SECOND_US, second - (MOST_UNSETTLED - 1) * SECOND_US)
        self._last_us = second
        return [ClockMark(market_us, settled=False) for market_us in range(first, second + 1, SECOND_US)]

    def is_news(self, market_us: int) -> bool:
        """Whether that time has not settled yet."""
        return self._settled_us is None or market_us > self._settled_us

    def settle(self, market_us: int) -> ClockMark | None:
        """The settled mark of a slice end; None for a time before the newest one.

        The newest one again gives its mark again: the conductor repeats the heartbeat when somebody has not answered,
        and a worker that was restarted meanwhile has nothing else to answer.
        """
        if self._settled_us is not None and market_us < self._settled_us:
            return None
        self._settled_us = market_us
        self._last_us = market_us if self._last_us is None else max(self._last_us, market_us)
        return ClockMark(market_us, settled=True)
