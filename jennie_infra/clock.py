"""Two kinds of time (T1): market time from marks and ticks, real time from the machine."""

import time
from datetime import UTC, datetime, timedelta

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.market import ClockMark
from jennie_core.strategy.settled import SettledMarks


class MarketClock:
    """Market time of a worker; moves only forward, and only by marks and ticks (T2)."""

    def __init__(self) -> None:
        self._now_us: int | None = None
        self._settled = SettledMarks()
        self._last_mark_real: float | None = None

    def observe_mark(self, mark: ClockMark) -> None:
        """Take a clock mark."""
        self.observe_us(mark.market_us)
        self._last_mark_real = time.monotonic()
        self._settled.observe_mark(mark)

    def observe_us(self, market_us: int) -> None:
        """Take the exchange time of a tick; an older time changes nothing."""
        if self._now_us is None or market_us > self._now_us:
            self._now_us = market_us

    @property
    def is_known(self) -> bool:
        """Whether any mark or tick has been seen."""
        return self._now_us is not None

    def now(self) -> datetime:
        """Market time in KST; raises MarketTimeUnknownError before the first mark."""
        return from_epoch_us(self.now_us())

    def now_us(self) -> int:
        """Market time in microseconds since the epoch."""
        if self._now_us is None:
            raise MarketTimeUnknownError("no clock mark has been seen yet")
        return self._now_us

    @property
    def settled_us(self) -> int | None:
        """Time of the newest settled mark."""
        return self._settled.settled_us

    @property
    def previous_settled_us(self) -> int | None:
        """Time of the settled mark before the newest; a value written by another worker at or before it may be used."""
        return self._settled.previous_settled_us

    def may_use(self, known_at: datetime) -> bool:
        """Whether a value another worker wrote at `known_at` is in force now (decision 0001)."""
        return self._settled.may_use(known_at)

    def seconds_since_mark(self) -> float | None:
        """Real seconds since the last mark: a silent feed is noticed by its missing marks."""
        return None if self._last_mark_real is None else time.monotonic() - self._last_mark_real


class MarketTimeUnknownError(Exception):
    """No mark has arrived, so nothing that depends on market time may be decided."""


def real_now_us() -> int:
    """Real time in microseconds since the epoch, for receive stamps and latencies."""
    return time.time_ns() // 1_000


def wall_now() -> datetime:
    """The machine's wall clock in KST. Market decisions never use it (T2)."""
    return datetime.now(UTC).astimezone(KST)


def next_second(instant: datetime) -> datetime:
    """First whole second after `instant`."""
    return instant.replace(microsecond=0) + timedelta(seconds=1)
