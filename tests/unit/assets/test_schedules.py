"""When a scheduled job runs, and with which reason it does not (T5, T6)."""

from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from jennie_assets.definitions import build_definitions
from jennie_assets.schedules import AFTER_PUBLICATION, build_schedules, decide, partition_day
from jennie_core.domain.base import KST
from jennie_core.domain.schedule import SCHEDULE, ScheduledJob
from jennie_infra.settings import load_settings


def _row(name: str) -> ScheduledJob:
    return next(job for job in SCHEDULE if job.job == name)


def _due(job: ScheduledJob, day: date) -> datetime:
    return datetime.combine(day, job.at, KST)


def test_a_session_day_runs_its_own_partition() -> None:
    job = _row("scout_job")
    due = _due(job, date(2025, 6, 27))
    decision = decide(job, due, due)
    assert isinstance(decision, dg.RunRequest)
    assert decision.partition_key == "2025-06-27"
    assert decision.run_key == "2025-06-27-scout_job_0830"


def test_market_data_of_a_monday_is_the_partition_of_the_friday_before() -> None:
    assert partition_day(_row("market_data_job"), date(2025, 6, 30)) == date(2025, 6, 27)


def test_the_partition_before_a_holiday_skips_it() -> None:
    assert partition_day(_row("market_data_job"), date(2025, 10, 10)) == date(2025, 10, 2)


@pytest.mark.rule("R-JOB-26")
@pytest.mark.parametrize("day", [date(2025, 10, 6), date(2026, 6, 3), date(2026, 7, 17)])
def test_a_holiday_is_skipped_with_its_reason(day: date) -> None:
    job = _row("scout_job")
    decision = decide(job, _due(job, day), _due(job, day))
    assert isinstance(decision, dg.SkipReason)
    assert decision.skip_message == f"{day} is not a KRX session"


@pytest.mark.rule("R-JOB-26")
def test_an_unknown_day_counts_as_closed() -> None:
    job = _row("scout_job")
    due = _due(job, date(2031, 3, 3))
    decision = decide(job, due, due)
    assert isinstance(decision, dg.SkipReason)
    assert "does not know" in (decision.skip_message or "")


@pytest.mark.rule("R-JOB-23")
def test_a_decision_past_its_validity_is_too_late_but_data_is_caught_up() -> None:
    day = date(2025, 6, 27)
    scout, data = _row("scout_job"), _row("market_data_job")
    late = decide(scout, _due(scout, day), _due(scout, day) + timedelta(minutes=56))
    assert isinstance(late, dg.SkipReason)
    assert (late.skip_message or "").startswith("skipped: too late")
    assert isinstance(decide(data, _due(data, day), _due(data, day) + timedelta(hours=9)), dg.RunRequest)


def test_dagsters_own_evaluation_skips_the_holiday() -> None:
    """The schedule object that the daemon evaluates, not only the function behind it."""
    definitions = build_definitions(load_settings({}, Path("absent.env")))
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("trading_records_job_1540")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2025, 10, 6, 15, 40, tzinfo=KST),
            repository_def=repository,
        )
        tick = schedule.evaluate_tick(context)
    assert not tick.run_requests
    assert tick.skip_message == "2025-10-06 is not a KRX session"


def test_the_last_session_is_loaded_again_after_the_exchange_has_published_it() -> None:
    names = {one.name for one in build_schedules(dg.DefaultScheduleStatus.STOPPED, (AFTER_PUBLICATION,))}
    assert names - {one.name for one in build_schedules(dg.DefaultScheduleStatus.STOPPED)} == {"market_data_job_0805"}
    monday = datetime(2025, 6, 30, 8, 5, tzinfo=KST)
    request = decide(AFTER_PUBLICATION, monday, monday)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-06-27"
