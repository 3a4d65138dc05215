"""The report of the drills counts every run, keeps the seeds of the red ones, and the worst recovery."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.drills.report import collect, name_of, table, write


def run(name: str, outcome: str = "passed", when: str = "call", safety: bool = True, **told: Any) -> pytest.TestReport:
    marks = {"drill": 1} | ({"safety": 1} if safety else {})
    return pytest.TestReport(
        nodeid=f"tests/drills/test_a.py::{name}",
        location=("", 0, ""),
        keywords=marks,
        outcome=outcome,  # type: ignore[arg-type]
        longrepr="AssertionError: I2" if outcome == "failed" else None,
        when=when,  # type: ignore[arg-type]
        duration=1.0,
        user_properties=list(told.items()),
    )


def test_the_number_of_a_run_is_no_part_of_a_drills_name() -> None:
    assert name_of(run("test_01_x[run3]")) == "test_01_x"
    assert name_of(run("test_22_x[forgets-run12]")) == "test_22_x[forgets]"
    assert name_of(run("test_22_x[run12-forgets]")) == "test_22_x[forgets]"


def test_a_red_run_shows_its_seed_and_the_worst_recovery_is_kept(tmp_path: Path) -> None:
    results = collect(
        [
            run("test_01_x[run1]", seed=7, recovery_market_seconds=5.0, recovery_real_seconds=0.25),
            run("test_01_x[run2]", seed=8, recovery_market_seconds=30.0, recovery_real_seconds=0.125),
            run("test_01_x[run3]", outcome="failed", seed=9),
            run("test_02_y[run1]", outcome="failed", when="setup", seed=7, safety=False),
            run("test_02_y[run1]", when="teardown", safety=False),
        ]
    )
    first, second = results
    assert (first.runs, first.passed, first.failed, first.failed_seeds) == (3, 2, 1, [9])
    assert (first.worst_recovery_market_seconds, first.worst_recovery_real_seconds) == (30.0, 0.25)
    assert (second.runs, second.failed, second.safety) == (1, 1, False)
    assert any("failed: 9" in line for line in table(results))
    write(results, version="1", seconds=1.0, path=tmp_path / "drills" / "latest.json")
    document = json.loads((tmp_path / "drills" / "latest.json").read_text())
    assert (document["runs"], document["failed"], len(document["drills"])) == (4, 2, 2)
