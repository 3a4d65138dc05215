"""The Dagster client against a real webserver: list jobs with their last run, start one, say what was refused."""

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jennie_infra.dagster_client import DagsterClient, DagsterRefusedError, DagsterUnavailableError
from tests.integration.command_rig import until

CODE = """
import dagster as dg

@dg.asset(partitions_def=dg.DailyPartitionsDefinition(start_date="2025-06-01"))
def prices(context):
    return context.partition_key

@dg.asset
def plain():
    return 1

scout = dg.define_asset_job("scout_job", selection=[prices])
other = dg.define_asset_job("other_job", selection=[plain])
every = dg.ScheduleDefinition(job=other, cron_schedule="30 8 * * 1-5", execution_timezone="Asia/Seoul")
defs = dg.Definitions(assets=[prices, plain], jobs=[scout, other], schedules=[every])
"""

SETTINGS = """
telemetry:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: DefaultRunCoordinator
"""


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real dagster-webserver over a tiny code location; ended by its own process handle."""
    home: Path = tmp_path_factory.mktemp("dagster")
    (home / "day_defs.py").write_text(textwrap.dedent(CODE))
    (home / "dagster.yaml").write_text(SETTINGS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("dagster-webserver")
    command = [str(program), "-f", str(home / "day_defs.py"), "-h", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"DAGSTER_HOME": str(home)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=home)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.rule("R-DASH-09")
async def test_jobs_are_listed_and_a_partition_is_run(webserver: str) -> None:
    client = DagsterClient(webserver)
    jobs = {job.job: job for job in await client.jobs()}
    assert {"scout_job", "other_job"} <= set(jobs)
    assert not any(name.startswith("__") for name in jobs)
    assert jobs["other_job"].cron == ("30 8 * * 1-5",)
    run = await client.launch("scout_job", partition="2025-06-27", said_by="test")
    assert run.partition == "2025-06-27"

    async def ended() -> bool:
        newest = (await client.runs(limit=1))[0]
        return newest.run_id == run.run_id and newest.status in ("SUCCESS", "FAILURE")

    await until(ended, seconds=60)
    state = {job.job: job for job in await client.jobs()}["scout_job"]
    assert state.last_run is not None
    assert (state.last_run.status, state.last_run.partition) == ("SUCCESS", "2025-06-27")
    assert state.last_run.ended_at is not None


async def test_an_unknown_job_is_refused_with_a_next_step(webserver: str) -> None:
    with pytest.raises(DagsterRefusedError) as found:
        await DagsterClient(webserver).launch("no_such_job")
    assert found.value.next_step


async def test_a_silent_webserver_is_said() -> None:
    with pytest.raises(DagsterUnavailableError) as found:
        await DagsterClient("http://127.0.0.1:9").jobs()
    assert "jennie status" in found.value.next_step
