"""Dagster schedules built from the one schedule table (T5): KST, closed days skipped with the reason."""

from datetime import date, datetime, time, timedelta

import dagster as dg

from jennie_assets.partitions import CALENDAR, key_of
from jennie_core.domain.base import KST
from jennie_core.domain.schedule import SCHEDULE, LateRule, ScheduledJob
from jennie_infra.clock import wall_now

MAINTENANCE_CRON = "0 3 * * 0"
AFTER_PUBLICATION = ScheduledJob(
    job="market_data_job",
    at=time(8, 5),
    late=LateRule.CATCH_UP,
    partition_offset=-1,
    description="the last session again, once the exchange's own API has published it (08:00)",
)
"""Beside the table, for those who take prices or index from the exchange's API: at 06:30 it lacks the last session."""


def schedule_name(job: ScheduledJob) -> str:
    """`scout_job_0830`."""
    return f"{job.job}_{job.at:%H%M}"


def partition_day(job: ScheduledJob, market_day: date) -> date:
    """The session a job of `market_day` works on."""
    return market_day if job.partition_offset == 0 else CALENDAR.previous_session(market_day, -job.partition_offset)


def decide(job: ScheduledJob, due: datetime, now: datetime) -> dg.RunRequest | dg.SkipReason:
    """Run the job of its due time, or say why not: closed day, unknown day, too late."""
    day = due.astimezone(KST).date()
    is_session = CALENDAR.is_session(day)
    if is_session is None:
        return dg.SkipReason(f"the calendar does not know {day}: treated as closed (T6)")
    if not is_session:
        return dg.SkipReason(f"{day} is not a KRX session")
    late = now - due
    if job.late is LateRule.SKIP and late > timedelta(minutes=job.validity_minutes):
        return dg.SkipReason(f"skipped: too late by {late - timedelta(minutes=job.validity_minutes)}")
    return dg.RunRequest(run_key=f"{key_of(day)}-{schedule_name(job)}", partition_key=key_of(partition_day(job, day)))


def build_schedules(
    status: dg.DefaultScheduleStatus, more: tuple[ScheduledJob, ...] = ()
) -> list[dg.ScheduleDefinition]:
    """One schedule per row of the table and of `more`, and the weekly maintenance."""
    weekly = dg.ScheduleDefinition(
        name="maintenance_weekly",
        job_name="maintenance_job",
        cron_schedule=MAINTENANCE_CRON,
        execution_timezone=str(KST),
        default_status=status,
    )
    return [*(_schedule(job, status) for job in (*SCHEDULE, *more)), weekly]


def _schedule(job: ScheduledJob, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=schedule_name(job),
        job_name=job.job,
        cron_schedule=f"{job.at.minute} {job.at.hour} * * 1-5",
        execution_timezone=str(KST),
        default_status=status,
        description=job.description,
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return decide(job, context.scheduled_execution_time, wall_now())

    return due
