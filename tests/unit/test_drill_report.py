"""The report of the drills counts every run, keeps the seeds of the red ones, and the worst recovery."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.drills.report import by_number, collect, name_of, table, write


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
    assert {name: document[name] for name in ("tests", "runs", "passed", "failed")} == {
        "tests": 2,
        "runs": 4,
        "passed": 2,
        "failed": 2,
    }
    assert [(drill["drill"], drill["runs"], drill["seeds"]) for drill in document["by_drill"]] == [
        ("01", 3, [7, 8, 9]),
        ("02", 1, [7]),
    ]
    assert len(document["by_test"]) == 2


def test_the_tests_of_a_drill_are_one_line_and_one_of_two_drills_stands_in_both() -> None:
    results = collect(
        [
            run("test_01_x[run1]", seed=1, recovery_market_seconds=5.0, **{"measured:p99_ms": 2.0}),
            run("test_01_x[run2]", seed=2, recovery_market_seconds=5.0, **{"measured:p99_ms": 7.5}),
            run("test_01_and_07_y[run1]", seed=1, recovery_market_seconds=15.0),
            run("test_without_a_number[run1]", seed=1, safety=False),
        ]
    )
    drills = {drill.drill: drill for drill in by_number(results)}
    assert [(name, drill.runs) for name, drill in drills.items()] == [("-", 1), ("01", 3), ("07", 1)]
    assert (drills["01"].worst_recovery_market_seconds, drills["01"].measured) == (15.0, {"p99_ms": 7.5})
    lines = table(results)
    assert any(line.startswith("01 [S]") and "15 s market" in line and line.endswith("1..2") for line in lines)
    assert any(line.split()[:3] == ["total", "3", "4"] for line in lines)
