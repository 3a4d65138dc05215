"""The KRX session calendar: committed facts, overlaid with the broker's answers (T6, R-CAL-01).

A day the calendar cannot vouch for is *unknown*: `is_session` answers None and buying treats it as closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

from jennie_core.domain.market import SessionDay
from jennie_core.krx.data.closures import CLOSED_WEEKDAYS, KNOWN_FROM, KNOWN_UNTIL, UNCONFIRMED_WEEKDAYS

SATURDAY = 5
SETTLEMENT_SESSIONS = 2
ONE_DAY = timedelta(days=1)


class UnknownSessionError(LookupError):
    """A question about sessions touched a day on which the calendar does not know whether KRX trades."""

    def __init__(self, day: date) -> None:
        super().__init__(f"the KRX calendar does not know {day.isoformat()}; extend it with scripts/make_calendar.py")
        self.day = day


class KrxCalendar:
    """Which days are KRX sessions; immutable, an overlay makes a new one."""

    def __init__(
        self,
        closed_weekdays: Iterable[date],
        *,
        known_from: date,
        known_until: date,
        unconfirmed: Iterable[date] = (),
        broker_answers: Mapping[date, bool] = MappingProxyType({}),
    ) -> None:
        self._closed = frozenset(closed_weekdays)
        self._known_from = known_from
        self._known_until = known_until
        self._unconfirmed = frozenset(unconfirmed)
        self._answers = dict(broker_answers)
        last = max([known_until, *self._answers])
        days = [known_from + timedelta(days=offset) for offset in range((last - known_from).days + 1)]
        self._sessions = [day for day in days if self.is_session(day)]
        self._unknown = [day for day in days if self.is_session(day) is None]
        self._last_day = last

    @staticmethod
    def shipped() -> "KrxCalendar":
        """The committed calendar without any broker answer (built once)."""
        return _shipped()

    @property
    def known_from(self) -> date:
        """First day of the committed facts."""
        return self._known_from

    @property
    def known_until(self) -> date:
        """Last day of the committed facts."""
        return self._known_until

    def known_days_ahead(self, today: date) -> int:
        """Days from `today` to the horizon; fewer than 60 fails a blocking check (T6). Negative when passed."""
        return (self._known_until - today).days

    def unconfirmed_between(self, start: date, end: date) -> list[date]:
        """Days in [start, end] that are still unknown inside the horizon."""
        return self._unknown[bisect_left(self._unknown, start) : bisect_right(self._unknown, end)]

    def is_session(self, day: date) -> bool | None:
        """True, False, or None for unknown (beyond the horizon, unconfirmed, or sources that contradict each other).

        The broker's "closed" always wins (a holiday declared last week). Its "open" fills an unknown weekday; against
        a committed closure it is a contradiction, hence unknown. Weekends never trade, whatever an answer says.
        """
        if day.weekday() >= SATURDAY:
            return False
        committed = self._committed(day)
        answer = self._answers.get(day)
        if answer is None:
            return committed
        if committed is False and answer:
            return None
        return answer

    def sessions_between(self, start: date, end: date) -> list[date]:
        """Sessions in [start, end], ascending. Raises UnknownSessionError when the span holds an unknown day."""
        self._require_known(start, end)
        return self._sessions[bisect_left(self._sessions, start) : bisect_right(self._sessions, end)]

    def previous_session(self, day: date, n: int = 1) -> date:
        """The n-th session strictly before `day`. Raises UnknownSessionError across an unknown day."""
        index = bisect_left(self._sessions, day) - n
        if index < 0:
            raise UnknownSessionError(self._known_from - ONE_DAY)
        session = self._sessions[index]
        self._require_known(session, day - ONE_DAY)
        return session

    def next_session(self, day: date, n: int = 1) -> date:
        """The n-th session strictly after `day`. Raises UnknownSessionError across an unknown day."""
        index = bisect_right(self._sessions, day) + n - 1
        if index >= len(self._sessions):
            raise UnknownSessionError(self._last_day + ONE_DAY)
        session = self._sessions[index]
        self._require_known(day + ONE_DAY, session)
        return session

    def session_age(self, from_date: date, to_date: date) -> int:
        """Sessions in (from_date, to_date]: a value of Friday is one session old on Monday (T4); negative backwards."""
        if to_date < from_date:
            return -self.session_age(to_date, from_date)
        self._require_known(from_date + ONE_DAY, to_date)
        return bisect_right(self._sessions, to_date) - bisect_right(self._sessions, from_date)

    def first_session_of_year(self, year: int) -> date:
        """The opening day of the trading year (late opening, 5.1)."""
        return self.next_session(date(year - 1, 12, 31))

    def settlement_date(self, trade_date: date) -> date:
        """T+2 settlement (5.6). A weekday of unknown standing counts as a session, so a fill can always be booked."""
        day, left = trade_date, SETTLEMENT_SESSIONS
        while left:
            day += ONE_DAY
            if self.is_session(day) is not False:
                left -= 1
        return day

    def with_answers(self, answers: Iterable[SessionDay]) -> "KrxCalendar":
        """This calendar overlaid with the broker's holiday answers; later answers replace earlier ones."""
        merged = self._answers | {answer.day: answer.is_open for answer in answers}
        return KrxCalendar(
            self._closed,
            known_from=self._known_from,
            known_until=self._known_until,
            unconfirmed=self._unconfirmed,
            broker_answers=merged,
        )

    def conflicts(self, answers: Iterable[SessionDay]) -> list[SessionDay]:
        """Answers that contradict the committed facts: an alert, and a correction for the committed file."""
        found = []
        for answer in answers:
            committed = False if answer.day.weekday() >= SATURDAY else self._committed(answer.day)
            if committed is not None and committed != answer.is_open:
                found.append(answer)
        return found

    def _committed(self, day: date) -> bool | None:
        if not self._known_from <= day <= self._known_until or day in self._unconfirmed:
            return None
        return day not in self._closed

    def _require_known(self, start: date, end: date) -> None:
        if start > end:
            return
        if start < self._known_from:
            raise UnknownSessionError(start)
        if end > self._last_day:
            raise UnknownSessionError(self._last_day + ONE_DAY)
        index = bisect_left(self._unknown, start)
        if index < len(self._unknown) and self._unknown[index] <= end:
            raise UnknownSessionError(self._unknown[index])


@lru_cache(maxsize=1)
def _shipped() -> KrxCalendar:
    closed = [
        date(year, int(text[:2]), int(text[2:])) for year, days in CLOSED_WEEKDAYS.items() for text in days.split()
    ]
    return KrxCalendar(closed, known_from=KNOWN_FROM, known_until=KNOWN_UNTIL, unconfirmed=UNCONFIRMED_WEEKDAYS)
