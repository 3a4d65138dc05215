"""One daily partition per KRX session, shared by every asset (one object, or chained backfills split)."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import dagster as dg

from jennie_core.krx.calendar import KrxCalendar

FIRST_SESSION = date(2010, 1, 4)
CALENDAR = KrxCalendar.shipped()


def _closures(calendar: KrxCalendar) -> list[str | datetime]:
    """Weekends, and each closed weekday at midnight; an unconfirmed weekday stays a partition until it is known."""
    days = (calendar.known_until - FIRST_SESSION).days
    weekdays = [day for n in range(days + 1) if (day := FIRST_SESSION + timedelta(days=n)).weekday() < 5]
    closed = [datetime.combine(day, time()) for day in weekdays if calendar.is_session(day) is False]
    return ["0 0 * * 0,6", *closed]


SESSIONS = dg.DailyPartitionsDefinition(
    FIRST_SESSION.isoformat(), timezone="Asia/Seoul", end_offset=1, exclusions=_closures(CALENDAR)
)
"""Today's key exists all day (`end_offset=1`), which the jobs after the close need."""


def key_of(day: date) -> str:
    """Partition key of a session."""
    return day.isoformat()


def day_of(key: str) -> date:
    """Session of a partition key."""
    return date.fromisoformat(key)


def sessions_before(upstream: str, sessions: int) -> dg.AssetDep:
    """Partition D rests on the `sessions` sessions before D, never on D itself (Q2)."""
    return dg.AssetDep(
        upstream,
        partition_mapping=dg.TimeWindowPartitionMapping(
            start_offset=-sessions, end_offset=-1, allow_nonexistent_upstream_partitions=True
        ),
    )


def sessions_between(first: date, last: date) -> Sequence[date]:
    """KRX sessions of [first, last] by the shipped calendar."""
    return CALENDAR.sessions_between(first, last)
