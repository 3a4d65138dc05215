"""Times and phases of a KRX session; every rule window is an offset from its open and close (T6, R-CAL-02..04)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.krx.data.hours import AFTER_MARKET_UNTIL_2000_FROM, CLOSE_AT_1530_FROM, EXAM_DAYS

MINUTE_US = 60_000_000
OPENING_AUCTION_MINUTES = 30
CLOSING_AUCTION_MINUTES = 10
RANDOM_END_SECONDS = 30
LATE_HOUR = timedelta(hours=1)


class SessionPhase(StrEnum):
    """What the regular KRX market does at an instant."""

    BEFORE = "before"
    OPENING_AUCTION = "opening_auction"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing_auction"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """The hours of one session as aware KST datetimes, and as microseconds for the tick path.

    Build it with `session_times(day)`, or by hand for an extraordinary day that the exchange announces.
    """

    day: date
    open_at: datetime
    close_at: datetime
    after_market_end_at: datetime

    @property
    def opening_auction_at(self) -> datetime:
        """Order entry for the opening cross begins (08:30 on a usual day)."""
        return self.open_at - timedelta(minutes=OPENING_AUCTION_MINUTES)

    @property
    def closing_auction_at(self) -> datetime:
        """Continuous trading ends (15:20 on a usual day)."""
        return self.close_at - timedelta(minutes=CLOSING_AUCTION_MINUTES)

    @property
    def streaming_from(self) -> datetime:
        """Prices are streamed from here (08:50, R-CAL-03)."""
        return self.open_at - timedelta(minutes=10)

    @property
    def streaming_until(self) -> datetime:
        """Prices are streamed until here (15:35, R-CAL-03)."""
        return self.close_at + timedelta(minutes=5)

    @property
    def open_us(self) -> int:
        """Opening in microseconds since the epoch."""
        return to_epoch_us(self.open_at)

    @property
    def close_us(self) -> int:
        """Close in microseconds since the epoch."""
        return to_epoch_us(self.close_at)

    @property
    def last_trade_us(self) -> int:
        """Trades of the closing cross may carry a time up to here (random end, unverified 30 s)."""
        return self.close_us + RANDOM_END_SECONDS * 1_000_000

    def after_open_us(self, minutes: int) -> int:
        """The instant `minutes` after the open, in microseconds."""
        return self.open_us + minutes * MINUTE_US

    def before_close_us(self, minutes: int) -> int:
        """The instant `minutes` before the close, in microseconds."""
        return self.close_us - minutes * MINUTE_US

    def phase_at(self, instant: datetime) -> SessionPhase:
        """Phase at an aware instant; each phase begins at its first moment."""
        if instant < self.opening_auction_at:
            return SessionPhase.BEFORE
        if instant < self.open_at:
            return SessionPhase.OPENING_AUCTION
        if instant < self.closing_auction_at:
            return SessionPhase.CONTINUOUS
        if instant < self.close_at:
            return SessionPhase.CLOSING_AUCTION
        return SessionPhase.AFTER

    def allows_entries_at(self, instant: datetime, cutoff_minutes: int = CLOSING_AUCTION_MINUTES) -> bool:
        """Whether a position may be opened: from the open to 15:20 on a usual day (R-CAL-02, R-BUY-01)."""
        return self.open_at <= instant < self.close_at - timedelta(minutes=cutoff_minutes)

    def allows_exits_at(self, instant: datetime) -> bool:
        """Whether a sell order may be sent: from the open to 15:30 on a usual day (R-CAL-02, R-SELL-02)."""
        return self.open_at <= instant < self.close_at


@lru_cache(maxsize=64)
def session_times(day: date) -> SessionTimes:
    """The hours of `day` as KRX keeps them; says nothing on whether `day` is a session (ask the calendar).

    Entrance exam day: open and close one hour later. First session of the year: opens at 10:00, closes as usual.
    """
    opens = _at(day, time(9, 0))
    closes = _at(day, time(15, 30) if day >= CLOSE_AT_1530_FROM else time(15, 0))
    if day in EXAM_DAYS:
        opens, closes = opens + LATE_HOUR, closes + LATE_HOUR
    elif _is_first_session(day):
        opens += LATE_HOUR
    after = time(20, 0) if day >= AFTER_MARKET_UNTIL_2000_FROM else time(18, 0)
    return SessionTimes(day=day, open_at=opens, close_at=closes, after_market_end_at=_at(day, after))


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=KST)


def _is_first_session(day: date) -> bool:
    if day.month != 1 or day.day > 10:
        return False
    try:
        return KrxCalendar.shipped().first_session_of_year(day.year) == day
    except UnknownSessionError:
        return False
