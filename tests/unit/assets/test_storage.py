"""The batching event log keeps what the default one keeps."""

from pathlib import Path

import dagster as dg
import pytest

from jennie_assets.conduct import prepare_home
from jennie_assets.storage import BATCH_VARIABLE, BatchingSqliteEventLogStorage

DAYS = dg.DailyPartitionsDefinition("2025-01-01")
RANGE = {"dagster/asset_partition_range_start": "2025-01-02", "dagster/asset_partition_range_end": "2025-01-31"}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def sample(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    for key in context.partition_keys:
        context.add_asset_metadata({"rows": int(key[-2:])}, partition_key=key)
    return dg.MaterializeResult(metadata={"source": "test"})


@dg.asset_check(asset=sample, partitions_def=DAYS)
def judged() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def test_a_range_is_stored_with_every_partition_and_one_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    prepare_home(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv(BATCH_VARIABLE, "500")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, BatchingSqliteEventLogStorage)
        job = dg.Definitions(assets=[sample], asset_checks=[judged]).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, tags=RANGE)
        assert result.success
        key = dg.AssetKey("sample")
        assert len(instance.get_materialized_partitions(key)) == 30
        records = instance.fetch_materializations(key, limit=100).records
        rows = {record.partition_key: record.asset_materialization.metadata["rows"].value for record in records}
        assert rows["2025-01-17"] == 17
        assert len(instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)) == 30
        checks = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, "judged"), limit=50)
        assert [record.status.value for record in checks] == ["SUCCEEDED"]
