"""The data plane for a conductor: backfills and jobs on the real Dagster instance, visible afterwards in its UI."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from jennie_assets.definitions import build_definitions
from jennie_assets.partitions import key_of, sessions_between
from jennie_assets.platform import Platform
from jennie_assets.run_facts import BACKFILL_TAG, MARKET_TIME_TAG, RANGE_END_TAG, RANGE_START_TAG
from jennie_assets.schedules import decide
from jennie_core.domain.schedule import ScheduledJob
from jennie_infra.db import schema
from jennie_infra.settings import Settings

TEMPLATE = Path(__file__).resolve().parent.parent / "dagster.yaml"
BACKFILL_JOB = "backfill"

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The conductor shows results itself; everything is in the run's event log."""

Progress = Callable[[str, int, int], None]
"""Called with asset name, sessions done, sessions in all."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One evaluated asset check."""

    asset: str
    check: str
    passed: bool
    severity: str
    detail: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a run ended. `skipped` says why nothing was run; `error` is the first failure in one line."""

    job: str
    run_id: str
    partition: str
    ok: bool
    seconds: float
    materialized: tuple[str, ...] = ()
    not_materialized: tuple[str, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    partitions: int = 1
    error: str = ""
    skipped: str = ""

    @property
    def checks_passed(self) -> tuple[CheckOutcome, ...]:
        """Passed ones."""
        return tuple(check for check in self.checks if check.passed)

    @property
    def checks_failed(self) -> tuple[CheckOutcome, ...]:
        """Failed ones that count as errors."""
        return tuple(check for check in self.checks if not check.passed and check.severity == "ERROR")

    @property
    def checks_warned(self) -> tuple[CheckOutcome, ...]:
        """Failed ones that only warn."""
        return tuple(check for check in self.checks if not check.passed and check.severity == "WARN")


class DataPlane:
    """One Dagster instance and the definitions, loaded once. Use it from one thread at a time."""

    def __init__(self, settings: Settings, dagster_home: Path) -> None:
        self._home = dagster_home.resolve()
        prepare_home(self._home)
        os.environ["DAGSTER_HOME"] = str(self._home)
        self.platform = Platform(settings)
        definitions = build_definitions(settings, self.platform)
        self._repository = definitions.get_repository_def()
        self._instance = dg.DagsterInstance.from_config(str(self._home))

    def prepare_stores(self) -> None:
        """Bring both stores to this version's schema."""
        schema.upgrade("market", self.platform.market)
        schema.upgrade("ledger", self.platform.ledger)

    def backfill(
        self, assets: Sequence[str], first: date, last: date, progress: Progress | None = None, *, market_time: datetime
    ) -> JobResult:
        """Materialise assets over every KRX session of [first, last] in one run."""
        days = sessions_between(first, last)
        if not days:
            return JobResult(
                BACKFILL_JOB, "", f"{first}..{last}", True, 0.0, skipped=f"no KRX session in {first}..{last}"
            )
        tags = {
            RANGE_START_TAG: key_of(days[0]),
            RANGE_END_TAG: key_of(days[-1]),
            BACKFILL_TAG: "true",
            MARKET_TIME_TAG: market_time.isoformat(),
        }
        if progress is not None:
            self.platform.report_progress = progress
        keys = [dg.AssetKey(name) for name in assets]
        job = self._repository.get_implicit_global_asset_job_def()
        return self._execute(job, BACKFILL_JOB, f"{days[0]}..{days[-1]}", tags, partitions=len(days), selection=keys)

    def run_job(self, job_name: str, partition_key: str, market_time: datetime) -> JobResult:
        """Run a job for one partition at a market time; failures are told in the result, not raised."""
        job = self._repository.get_job(job_name)
        tags = {MARKET_TIME_TAG: market_time.isoformat()}
        return self._execute(job, job_name, partition_key, tags, partition_key=partition_key)

    def run_scheduled(
        self, job: ScheduledJob, market_day: date, due: datetime, now: datetime | None = None
    ) -> JobResult:
        """Run a row of the schedule table as Dagster's schedule would: skipped on closed days and when too late."""
        decision = decide(job, due, due if now is None else now)
        if isinstance(decision, dg.SkipReason):
            return JobResult(job.job, "", key_of(market_day), True, 0.0, skipped=decision.skip_message or "skipped")
        if decision.partition_key is None:
            raise ValueError(f"{job.job} has no partition")
        return self.run_job(job.job, decision.partition_key, due if now is None else now)

    def close(self) -> None:
        """Release the instance and the stores."""
        self._instance.dispose()
        self.platform.close()

    def _execute(
        self,
        job: dg.JobDefinition,
        name: str,
        partition: str,
        tags: dict[str, str],
        *,
        partitions: int = 1,
        partition_key: str | None = None,
        selection: Sequence[dg.AssetKey] | None = None,
    ) -> JobResult:
        started = time.monotonic()
        result = job.execute_in_process(
            instance=self._instance,
            tags=tags,
            partition_key=partition_key,
            asset_selection=selection,
            run_config=QUIET,
            raise_on_error=False,
        )
        wanted = job.asset_layer.selected_asset_keys if selection is None else set(selection)
        return _summary(
            result, name, partition, partitions, {key.to_user_string() for key in wanted}, time.monotonic() - started
        )


def prepare_home(home: Path) -> None:
    """Make DAGSTER_HOME with the instance's settings in it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, home / "dagster.yaml")


def _summary(
    result: dg.ExecuteInProcessResult, job: str, partition: str, partitions: int, wanted: set[str], seconds: float
) -> JobResult:
    done = sorted(
        {
            event.asset_key.to_user_string()
            for event in result.all_events
            if event.is_step_materialization and event.asset_key is not None
        }
    )
    failures = [event for event in result.all_events if event.is_step_failure or event.is_run_failure]
    checks = tuple(_check(event) for event in result.all_events if _is_evaluation(event))
    return JobResult(
        job=job,
        run_id=result.run_id,
        partition=partition,
        ok=result.success,
        seconds=round(seconds, 3),
        materialized=tuple(done),
        not_materialized=tuple(sorted(wanted - set(done))),
        checks=checks,
        partitions=partitions,
        error=_first_failure(failures, checks),
    )


def _check(event: dg.DagsterEvent) -> CheckOutcome:
    data = event.asset_check_evaluation_data
    texts: dict[str, Any] = {name: value.value for name, value in data.metadata.items()}
    return CheckOutcome(
        asset=data.asset_key.to_user_string(),
        check=data.check_name,
        passed=data.passed,
        severity=data.severity.value,
        detail=str(texts.get("detail", data.description or "")),
        forced=bool(texts.get("forced", False)),
    )


def _first_failure(failures: Sequence[dg.DagsterEvent], checks: Sequence[CheckOutcome]) -> str:
    """A failed check names itself; anything else is the error's own line."""
    if not failures:
        return ""
    failed = [check for check in checks if not check.passed and check.severity == "ERROR"]
    if failed:
        return "; ".join(f"check {check.asset}.{check.check}: {check.detail}" for check in failed)
    return _one_line(failures[0])


def _one_line(event: dg.DagsterEvent) -> str:
    """The innermost cause, as the operator should read it."""
    error = getattr(event.event_specific_data, "error", None)
    if error is not None and error.cls_name == "DagsterExecutionStepExecutionError" and error.cause is not None:
        error = error.cause
    text = error.message if error is not None else (event.message or "")
    return text.strip().splitlines()[0][:300] if text.strip() else "failed without a message"


def _is_evaluation(event: dg.DagsterEvent) -> bool:
    return event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
