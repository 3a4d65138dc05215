"""The data plane as the conductor uses it: jobs on the real Dagster instance, counted for the report."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time

import dagster as dg

from jennie_assets.conduct import DataPlane, JobResult
from jennie_assets.definitions import CHECK_MODULES
from jennie_cli.errors import UserError
from jennie_cli.interrupts import Interrupts
from jennie_cli.places import RunFolder
from jennie_cli.report.model import AssetCounts, CheckCounts
from jennie_core.domain.base import KST
from jennie_core.domain.schedule import SCHEDULE, ScheduledJob
from jennie_infra.settings import Settings

HISTORY_AT = time(6, 0)
HISTORY_ASSETS = ("daily_prices", "index_prices", "investor_flows")


class ConductedPlane:
    """Runs jobs in this process against the run folder's instance and keeps their results.

    A signal that Dagster has caught during a run raises KeyboardInterrupt after it.
    """

    def __init__(self, plane: DataPlane, interrupts: Interrupts) -> None:
        self._plane = plane
        self._interrupts = interrupts
        self._results: list[JobResult] = []

    def backfill(self, sessions: Sequence[date], market_day: date, progress: Callable[[int, int], None]) -> int:
        """Materialise the history in one run over the range; returns the sessions written."""
        if not sessions:
            raise UserError("no history: the market data holds no session before the day")
        result = self._plane.backfill(
            HISTORY_ASSETS,
            sessions[0],
            sessions[-1],
            lambda _asset, done, total: progress(done, total),
            market_time=datetime.combine(market_day, HISTORY_AT, KST),
        )
        self._interrupts.check()
        self._results.append(result)
        if not result.ok:
            raise UserError(f"the backfill failed: {result.error or 'see Dagster run ' + result.run_id}")
        return result.partitions

    def run_job(self, job: ScheduledJob, day: date, due: datetime) -> JobResult:
        """Run one scheduled job for a session day at a market time; a failed run is in the report, not an exception."""
        result = self._plane.run_scheduled(job, day, due)
        self._interrupts.check()
        self._results.append(result)
        return result

    def asset_counts(self) -> AssetCounts:
        """Materialisations and failed runs of the day."""
        failed = [result for result in self._results if not result.ok]
        return AssetCounts(
            materialized=sum(len(result.materialized) for result in self._results),
            failed=sum(len(result.not_materialized) for result in self._results),
            failed_jobs=tuple(f"{result.job}: {result.error or result.run_id}" for result in failed),
        )

    def check_counts(self) -> CheckCounts:
        """Check evaluations of the day; a check that fails hourly is named once."""
        bad = [check for result in self._results for check in (*result.checks_failed, *result.checks_warned)]
        return CheckCounts(
            passed=sum(len(result.checks_passed) for result in self._results),
            failed=sum(len(result.checks_failed) for result in self._results),
            warned=sum(len(result.checks_warned) for result in self._results),
            failures=tuple(
                dict.fromkeys(
                    f"{check.severity} {check.asset}: {check.check}: {check.detail}"
                    + (" (forced)" if check.forced else "")
                    for check in bad
                )
            ),
        )

    def close(self) -> None:
        """Let go of the instance."""
        self._plane.close()


def open_data_plane(settings: Settings, folder: RunFolder, interrupts: Interrupts) -> ConductedPlane:
    """The data plane of a run folder."""
    return ConductedPlane(DataPlane(settings, folder.dagster_home), interrupts)


def conduct_jobs_before(plane: ConductedPlane, day: date, opening: datetime, say: Callable[[str], None]) -> None:
    """Jobs due before the exchange's day begins, in order, each at its own market time."""
    for job in SCHEDULE:
        due = datetime.combine(day, job.at, KST)
        if due <= opening:
            say(job.job)
            plane.run_job(job, day, due)
    say("")


def check_names() -> set[str]:
    """Every asset check of the location, as `check` and as `asset.check`."""
    keys = [key for made in dg.load_asset_checks_from_modules(CHECK_MODULES) for key in made.check_keys]
    return {key.name for key in keys} | {f"{key.asset_key.to_user_string()}.{key.name}" for key in keys}
