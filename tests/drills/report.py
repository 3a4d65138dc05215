"""The report of the drills: per test its runs, seeds, results and worst recovery; the table has a line per drill."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PATH = Path("var/drills/latest.json")
PROPERTIES = ("seed", "recovery_market_seconds", "recovery_real_seconds")
MEASURED = "measured:"
"""Begins the name of a figure that a drill measures beside; the largest over its runs is kept."""
_NUMBERS = re.compile(r"test_(\d\d(?:_and_\d\d)*)_")


@dataclass
class DrillResult:
    """One test over its runs."""

    drill: str
    safety: bool
    runs: int = 0
    passed: int = 0
    failed: int = 0
    seeds: list[int] = field(default_factory=list)
    failed_seeds: list[int] = field(default_factory=list)
    worst_recovery_market_seconds: float = 0.0
    worst_recovery_real_seconds: float = 0.0
    longest_run_seconds: float = 0.0
    measured: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> list[str]:
        """Numbers of the drills that this test belongs to, as its name says; empty when it says none."""
        found = _NUMBERS.match(self.drill)
        return found[1].split("_and_") if found else []

    def take(self, report: pytest.TestReport) -> None:
        """Count one run."""
        told: dict[str, Any] = dict(report.user_properties)
        self.runs += 1
        self.longest_run_seconds = round(max(self.longest_run_seconds, report.duration), 2)
        if "seed" in told:
            self.seeds.append(told["seed"])
        for name, value in told.items():
            if name.startswith(MEASURED):
                name = name.removeprefix(MEASURED)
                self.measured[name] = max(self.measured.get(name, value), value)
        if report.passed:
            self.passed += 1
            market, real = (told.get(name) for name in PROPERTIES[1:])
            self.worst_recovery_market_seconds = max(self.worst_recovery_market_seconds, market or 0.0)
            self.worst_recovery_real_seconds = round(max(self.worst_recovery_real_seconds, real or 0.0), 2)
            return
        self.failed += 1
        self.failed_seeds += [told["seed"]] if "seed" in told else []
        self.failures.append(f"{report.nodeid}: {str(report.longrepr)[-600:]}")


def name_of(report: pytest.TestReport) -> str:
    """A drill's name without the number of its run: `test_x[drop-run3]` is `test_x[drop]`."""
    name, bracket, rest = report.nodeid.rpartition("::")[2].partition("[")
    parts = [part for part in rest.rstrip("]").split("-") if part and not part.removeprefix("run").isdigit()]
    return f"{name}[{'-'.join(parts)}]" if bracket and parts else name


def collect(reports: Iterable[pytest.TestReport]) -> list[DrillResult]:
    """Results by drill, in order of name. A run that failed before it began counts as failed."""
    found: dict[str, DrillResult] = {}
    for report in reports:
        if report.when == "call" or (report.when in ("setup", "teardown") and report.failed):
            name = name_of(report)
            found.setdefault(name, DrillResult(name, "safety" in report.keywords)).take(report)
    return [found[name] for name in sorted(found)]


def by_number(results: list[DrillResult]) -> list[DrillResult]:
    """One result per drill: the tests of its number taken together. A test of two drills counts in both."""
    found: dict[str, DrillResult] = {}
    for each in results:
        for number in each.numbers or ["-"]:
            drill = found.setdefault(number, DrillResult(number, safety=False))
            drill.safety = drill.safety or each.safety
            drill.runs += each.runs
            drill.passed += each.passed
            drill.failed += each.failed
            drill.seeds += each.seeds
            drill.failed_seeds += each.failed_seeds
            drill.measured |= each.measured
            for name in ("worst_recovery_market_seconds", "worst_recovery_real_seconds", "longest_run_seconds"):
                setattr(drill, name, max(getattr(drill, name), getattr(each, name)))
    return [found[number] for number in sorted(found)]


def total(results: list[DrillResult]) -> dict[str, int]:
    """Tests, runs, passed and failed over everything."""
    return {
        "tests": len(results),
        "runs": sum(each.runs for each in results),
        "passed": sum(each.passed for each in results),
        "failed": sum(each.failed for each in results),
    }


def write(results: list[DrillResult], *, version: str, seconds: float, path: Path = PATH) -> None:
    """Keep the report; the last one only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drills = [asdict(drill) | {"seeds": sorted(set(drill.seeds))} for drill in by_number(results)]
    document = {
        "version": version,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(seconds, 1),
        **total(results),
        "by_drill": [{name: value for name, value in drill.items() if name != "failures"} for drill in drills],
        "by_test": [asdict(result) for result in results],
    }
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    temporary.replace(path)


def table(results: list[DrillResult]) -> list[str]:
    """The report as lines of text: a line per drill, the total, what was measured beside, then every red test."""
    counts = f"{'drill':<9} {'tests':>5} {'runs':>5} {'passed':>6} {'failed':>6}"
    head = f"{counts}  {'worst recovery':<22} {'longest':>8}  seeds"
    lines = [head, "-" * len(head)]
    for drill in by_number(results):
        tests = sum(drill.drill in (each.numbers or ["-"]) for each in results)
        seeds = f"{min(drill.seeds)}..{max(drill.seeds)}" if drill.seeds else "-"
        recovery = f"{drill.worst_recovery_market_seconds:.0f} s market, {drill.worst_recovery_real_seconds:.1f} s"
        lines.append(
            f"{drill.drill + (' [S]' if drill.safety else ''):<9} {tests:>5} {drill.runs:>5} {drill.passed:>6} "
            f"{drill.failed:>6}  {recovery:<22} {drill.longest_run_seconds:>6.1f} s  {seeds}"
        )
    sums = total(results)
    lines += [
        "-" * len(head),
        f"{'total':<9} {sums['tests']:>5} {sums['runs']:>5} {sums['passed']:>6} {sums['failed']:>6}",
    ]
    lines += [f"{each.drill}: {name} {value:g}" for each in results for name, value in sorted(each.measured.items())]
    return lines + [
        f"FAILED {each.failed} of {each.runs}: {each.drill}"
        + (f" (failed: {', '.join(map(str, each.failed_seeds))})" if each.failed_seeds else "")
        for each in results
        if each.failed
    ]
