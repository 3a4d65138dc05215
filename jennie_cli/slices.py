"""Ends of a rehearsal day's slices (decision 0001): fine while anything can trade, coarse before and after."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jennie_core.domain.base import KST
from jennie_core.domain.schedule import SCHEDULE, ScheduledJob
from jennie_core.krx.sessions import SessionTimes

QUIET_SECONDS = 60
EVENING_SLICE = timedelta(minutes=10)


def jobs_after(times: SessionTimes, start: datetime, until: datetime) -> list[tuple[datetime, ScheduledJob]]:
    """Scheduled jobs in (start, until] with their times, in order."""
    due = [(datetime.combine(times.day, job.at, KST), job) for job in SCHEDULE]
    return sorted((pair for pair in due if start < pair[0] <= until), key=lambda pair: pair[0])


def slice_ends(
    times: SessionTimes, start: datetime, until: datetime, *, fine: timedelta, quiet: timedelta
) -> Iterator[datetime]:
    """Ends after `start` up to `until`; one falls at each job's time."""
    stops = sorted({due for due, _ in jobs_after(times, start, until)} | {until})
    now = start
    while now < until:
        if now < times.open_at - timedelta(minutes=1):
            step = min(now + quiet, times.open_at - timedelta(minutes=1))
        elif now < times.close_at + timedelta(minutes=2):
            step = now + fine
        else:
            step = now + EVENING_SLICE
        due = next((stop for stop in stops if stop > now), until)
        now = min(step, due, until)
        yield now


def day_end(times: SessionTimes) -> datetime:
    """When a rehearsal day is over: past the last job and the after-market."""
    return times.close_at.replace(hour=20, minute=10)
