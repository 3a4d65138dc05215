"""Weekly tidying: old runs of Dagster and old artifacts. Prices, scores and the ledger are never touched."""

from datetime import timedelta

import dagster as dg

from jennie_assets.platform import Platform
from jennie_assets.run_facts import PARTITION_TAG
from jennie_infra.clock import wall_now

KEEP_RUN_DAYS = 30
KEEP_ARTIFACT_DAYS = 14
MOST_RUNS = 500


@dg.op(description="Delete finished runs older than 30 days, but never the newest of a job and partition.")
def delete_old_runs(context: dg.OpExecutionContext) -> int:
    """Deleting a run removes its materialisations too, so the newest run of each (job, partition) stays."""
    instance = context.instance
    seen: set[tuple[str, str]] = set()
    deleted = 0
    cutoff = wall_now() - timedelta(days=KEEP_RUN_DAYS)
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    for record in instance.get_run_records(dg.RunsFilter(statuses=finished)):
        run = record.dagster_run
        place = (run.job_name, run.tags.get(PARTITION_TAG, run.run_id))
        if place not in seen:
            seen.add(place)
        elif record.create_timestamp < cutoff and deleted < MOST_RUNS:
            instance.delete_run(run.run_id)
            deleted += 1
    context.log.info("%s runs deleted", deleted)
    return deleted


@dg.op(description="Delete frames between assets older than 14 days.")
def delete_old_artifacts(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """They can be made again from the stores."""
    dropped = platform.artifacts.drop_before(wall_now().date() - timedelta(days=KEEP_ARTIFACT_DAYS))
    context.log.info("%s partitions of artifacts deleted", dropped)
    return dropped


@dg.job(description="오래된 실행 기록과 중간 결과 정리")
def maintenance_job() -> None:
    """Runs on Sundays."""
    delete_old_runs()
    delete_old_artifacts()
