"""The report of the drills: per drill its runs, seeds, results and worst recovery."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PATH = Path("var/drills/latest.json")
PROPERTIES = ("seed", "recovery_market_seconds", "recovery_real_seconds")


@dataclass
class DrillResult:
    """One drill over its runs."""

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
    failures: list[str] = field(default_factory=list)

    def take(self, report: pytest.TestReport) -> None:
        """Count one run."""
        told: dict[str, Any] = dict(report.user_properties)
        self.runs += 1
        self.longest_run_seconds = round(max(self.longest_run_seconds, report.duration), 2)
        if "seed" in told:
            self.seeds.append(told["seed"])
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


def write(results: list[DrillResult], *, version: str, seconds: float, path: Path = PATH) -> None:
    """Keep the report; the last one only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "version": version,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(seconds, 1),
        "runs": sum(result.runs for result in results),
        "failed": sum(result.failed for result in results),
        "drills": [asdict(result) for result in results],
    }
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    temporary.replace(path)


def table(results: list[DrillResult]) -> list[str]:
    """The report as lines of text."""
    head = f"{'drill':<88} {'runs':>4} {'pass':>4} {'fail':>4} {'market s':>8} {'real s':>7} {'run s':>6}  seeds"
    lines = [head, "-" * len(head)]
    for each in results:
        seeds = f"{min(each.seeds)}..{max(each.seeds)}" if each.seeds else "-"
        if each.failed_seeds:
            seeds += f" (failed: {', '.join(map(str, each.failed_seeds))})"
        mark = " [S]" if each.safety else ""
        lines.append(
            f"{(each.drill.removeprefix('test_') + mark)[:88]:<88} {each.runs:>4} {each.passed:>4} {each.failed:>4} "
            f"{each.worst_recovery_market_seconds:>8.0f} {each.worst_recovery_real_seconds:>7.2f} "
            f"{each.longest_run_seconds:>6.1f}  {seeds}"
        )
    return lines
