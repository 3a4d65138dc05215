"""The asset graph is reviewed like code; with UPDATE_SNAPSHOTS=1 this test writes a changed one."""

import os
from pathlib import Path

import dagster as dg
import pytest

from jennie_assets.definitions import build_definitions
from jennie_assets.jobs import JOB_ASSETS
from jennie_assets.partitions import SESSIONS
from jennie_assets.permit import BASES
from jennie_core.domain.schedule import SCHEDULE
from jennie_infra.settings import load_settings

SNAPSHOT = Path(__file__).parent / "snapshots" / "asset_graph.txt"
GROUPS = {"market_data", "news", "macro", "scout", "trading", "reporting", "research"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(load_settings({}, Path("absent.env")))


def _lines(definitions: dg.Definitions) -> list[str]:
    graph = definitions.resolve_asset_graph()
    lines: list[str] = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys)) or "-"
        policy = "range" if node.backfill_policy and node.backfill_policy.max_partitions_per_run is None else "single"
        kind = policy if node.is_materializable else "external"
        lines.append(f"{node.group_name} / {key.to_user_string()} [{kind}] <- {parents}")
        for check in sorted(node.check_keys, key=lambda check: check.name):
            mark = "blocking" if graph.get(check).blocking else "reports"
            lines.append(f"    check {check.name} ({mark})")
    lines += [f"job {name}: {' '.join(sorted(assets))}" for name, assets in sorted(JOB_ASSETS.items())]
    repository = definitions.get_repository_def()
    lines += [f"schedule {row.name}: {row.cron_schedule} -> {row.job_name}" for row in repository.schedule_defs]
    lines += [f"sensor {row.name}" for row in sorted(repository.sensor_defs, key=lambda row: row.name)]
    return lines


def test_the_graph_is_the_reviewed_one(definitions: dg.Definitions) -> None:
    found = "\n".join(_lines(definitions)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_every_asset_says_what_it_is(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.group_name in GROUPS, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.description, name


def test_all_partitioned_assets_share_one_partitions_object(definitions: dg.Definitions) -> None:
    found = {id(spec.partitions_def) for spec in definitions.resolve_all_asset_specs() if spec.partitions_def}
    assert found == {id(SESSIONS)}


def test_every_materialised_asset_has_a_check(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    bare = [key.to_user_string() for key in graph.materializable_asset_keys if not graph.get(key).check_keys]
    assert bare == []


def test_the_permit_rests_on_exactly_the_blocking_checks(definitions: dg.Definitions) -> None:
    """O6: a blocking check that the permit forgets could not stop a buy."""
    graph = definitions.resolve_asset_graph()
    blocking = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == {(basis.asset, basis.check) for basis in BASES}


def test_every_row_of_the_schedule_table_has_its_job_and_schedule(definitions: dg.Definitions) -> None:
    """T5: one table feeds the schedules and the conductor."""
    repository = definitions.get_repository_def()
    assert {job.job for job in SCHEDULE} == set(JOB_ASSETS)
    assert all(repository.has_job(job.job) for job in SCHEDULE)
    assert len(repository.schedule_defs) == len(SCHEDULE) + 1
    assert all(schedule.execution_timezone == "Asia/Seoul" for schedule in repository.schedule_defs)


def test_nothing_runs_by_itself_in_a_rehearsal(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {row.default_status for row in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}
    assert {row.default_status for row in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}


def test_a_rehearsal_that_is_kept_up_may_watch_itself() -> None:
    watched = build_definitions(load_settings({"JENNIE_SENSORS": "true"}, Path("absent.env"))).get_repository_def()
    assert {row.default_status for row in watched.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}
    assert {row.default_status for row in watched.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
