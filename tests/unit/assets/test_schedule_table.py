"""When the data plane works (R-JOB): decisions before the open and each half hour, records behind the close."""

import pytest

from jennie_core.domain.schedule import SCHEDULE, LateRule


def rows(job: str, times: str, rules: str) -> object:
    return pytest.param(job, times.split(), marks=pytest.mark.rule(*rules.split()), id=job)


@pytest.mark.parametrize(
    ("job", "times"),
    [
        rows("macro_collect_job", "07:20 11:40", "R-JOB-01 R-MACD-05"),
        rows("macro_council_job", "07:30 11:50", "R-JOB-02"),
        rows("scout_job", "08:30 09:30 10:30 11:30 12:30 13:30 14:30", "R-JOB-04"),
        rows("asset_snapshot_job", "15:45", "R-JOB-06 R-SNAP-01"),
        rows("close_prices_job", "16:00", "R-JOB-08"),
        rows("daily_briefing_job", "17:00", "R-JOB-10 R-BRF-01"),
        rows("market_data_job", "06:30", "R-JOB-09 R-JOB-13"),
    ],
)
def test_a_job_runs_at_its_times(job: str, times: list[str]) -> None:
    assert [f"{row.at:%H:%M}" for row in SCHEDULE if row.job == job] == times


@pytest.mark.rule("R-JOB-23")
def test_data_is_caught_up_and_a_late_decision_is_not() -> None:
    late = {row.job: row.late for row in SCHEDULE}
    caught_up = {job for job, rule in late.items() if rule is LateRule.CATCH_UP}
    assert caught_up == {"market_data_job", "macro_collect_job", "trading_records_job", "close_prices_job"}


@pytest.mark.rule("R-JOB-01", "R-JOB-02")
def test_the_council_reads_what_was_collected_before_it() -> None:
    order = [row.job for row in SCHEDULE if row.job.startswith("macro")]
    assert order == ["macro_collect_job", "macro_council_job"] * 2
