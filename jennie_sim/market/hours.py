"""The regular session of one day in milliseconds since midnight KST, the exchange's own unit of time."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from jennie_core.domain.base import KST

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class SessionHours:
    """Boundaries of the KRX regular session; every other boundary is an offset from open and close (T6)."""

    open_ms: int
    close_ms: int
    opening_auction_ms: int = 30 * MINUTE_MS
    closing_auction_ms: int = 10 * MINUTE_MS

    @property
    def entry_ms(self) -> int:
        """Orders are taken from here (opening auction, 08:30 on a usual day)."""
        return self.open_ms - self.opening_auction_ms

    @property
    def continuous_end_ms(self) -> int:
        """End of continuous trading, start of the closing auction (15:20 on a usual day)."""
        return self.close_ms - self.closing_auction_ms


def to_ms(moment: time) -> int:
    """Milliseconds since midnight."""
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * SECOND_MS + moment.microsecond // 1_000


def to_instant(day: date, at_ms: int) -> datetime:
    """The aware KST instant `at_ms` milliseconds after midnight of `day`."""
    return datetime.combine(day, time(), KST) + timedelta(milliseconds=at_ms)


def from_instant(day: date, instant: datetime) -> int:
    """Milliseconds from midnight of `day` to an aware instant."""
    return (instant - datetime.combine(day, time(), KST)) // timedelta(milliseconds=1)


_HHMMSS: dict[int, str] = {}


def hhmmss(at_ms: int) -> str:
    """The broker's six-digit time of day; remembered per second, a slice holds only a few."""
    second = at_ms // SECOND_MS
    text = _HHMMSS.get(second)
    if text is None:
        minutes, seconds = divmod(second, 60)
        text = _HHMMSS[second] = f"{minutes // 60:02d}{minutes % 60:02d}{seconds:02d}"
    return text
