"""Fixtures of the drills. DRILL_RUNS repeats each of them, DRILL_SEED moves the seeds."""

import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from jennie_cli.safety import record_drills
from jennie_live.common.web import version
from tests.drills import report
from tests.drills.rig import Rig, running_rig
from tests.e2e.house import free_port_bases

RUNS = int(os.environ.get("DRILL_RUNS", "1"))
FIRST_SEED = int(os.environ.get("DRILL_SEED", "1"))
Recorder = Callable[[str, object], None]
_BEGUN = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """The report says how long everything took."""
    config.stash[_BEGUN] = time.monotonic()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every drill that asks for `rig` or `drill_run` runs DRILL_RUNS times, run N with the seed FIRST_SEED + N - 1."""
    if "drill_run" in metafunc.fixturenames:
        ids = [f"run{run + 1}" for run in range(RUNS)]
        metafunc.parametrize("drill_run", range(RUNS), indirect=True, ids=ids)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After `make drills`: the report, and the record of the safety drills of this version (O7) if all of them ran."""
    if "DRILL_RUNS" not in os.environ or hasattr(config, "workerinput"):
        return
    seen = [each for outcome in ("passed", "failed", "error") for each in terminalreporter.getreports(outcome)]
    drills = [each for each in seen if isinstance(each, pytest.TestReport) and "drill" in each.keywords]
    results = report.collect(drills)
    if not results:
        return
    is_whole = not config.option.keyword and config.args == ["tests/drills"]
    if is_whole:
        record_drills({each.drill: each.failed == 0 for each in results if each.safety})
    report.write(results, version=version(), seconds=time.monotonic() - config.stash[_BEGUN])
    terminalreporter.section("drills")
    for line in report.table(results):
        terminalreporter.write_line(line)
    terminalreporter.write_line(
        f"written to {report.PATH}"
        + ("" if is_whole else "; only some drills ran, so nothing is put on record for live mode")
    )


@pytest.fixture
def drill_run(request: pytest.FixtureRequest) -> int:
    """Which repetition this is, from 0."""
    return int(request.param)


@pytest.fixture
def drill_seed(drill_run: int, record_property: Recorder) -> int:
    """The one seed of a run; every random choice of a drill comes from it."""
    seed = FIRST_SEED + drill_run
    record_property("seed", seed)
    return seed


@pytest.fixture(scope="session")
def port_bases() -> Iterator[int]:
    """Free bases, each handed out once; test processes that run side by side never share one."""
    return iter(free_port_bases())


@pytest.fixture
async def rig(drill_seed: int, port_bases: Iterator[int], record_property: Recorder) -> AsyncIterator[Rig]:
    """A rig of its own for each run of each drill."""
    async with running_rig(Path(tempfile.mkdtemp(prefix="jd-")), next(port_bases), seed=drill_seed) as made:
        made.recovery.record = record_property
        yield made
