"""Fixtures of the drills; DRILL_RUNS repeats each of them."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from jennie_cli.safety import record_drills
from tests.drills.rig import Rig, running_rig
from tests.e2e.house import free_port_bases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every drill that uses the rig runs DRILL_RUNS times."""
    if "rig" in metafunc.fixturenames:
        runs = int(os.environ.get("DRILL_RUNS", "1"))
        metafunc.parametrize("drill_run", range(runs), indirect=True, ids=[f"run{run + 1}" for run in range(runs)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After `make drills`, put on record which safety drills of this version are green (O7)."""
    if "DRILL_RUNS" not in os.environ:
        return
    passed: dict[str, bool] = {}
    for outcome, is_green in (("passed", True), ("failed", False), ("error", False)):
        for report in terminalreporter.getreports(outcome):
            if "safety" in report.keywords and getattr(report, "when", "call") in ("call", "setup"):
                name = report.nodeid.split("[")[0]
                passed[name] = passed.get(name, True) and is_green
    record_drills(passed)


@pytest.fixture
def drill_run(request: pytest.FixtureRequest) -> int:
    """Which repetition this is."""
    return int(request.param)


@pytest.fixture(scope="session")
def port_bases() -> Iterator[int]:
    """Free bases, each handed out once."""
    return iter(free_port_bases())


@pytest.fixture
async def rig(drill_run: int, port_bases: Iterator[int]) -> AsyncIterator[Rig]:
    """A rig of its own for each run of each drill."""
    async with running_rig(Path(tempfile.mkdtemp(prefix="jd-")), next(port_bases)) as made:
        yield made
