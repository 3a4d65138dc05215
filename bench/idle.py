"""Resource use of an idle stack: CPU and resident memory per process, over half a minute of a running stack.

    python -m bench.idle            measures the newest stack of `jennie up`
    python -m bench.idle --pid N    measures the processes below a given supervisor

Writes var/bench/idle.json.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.processes import BenchError
from bench.result import Figure, write
from jennie_cli.places import running_stacks

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class IdleUse:
    """One process over the measured time."""

    name: str
    pid: int
    rss_mb: float
    cpu_seconds: float
    threads: int


def measure(supervisor_pid: int, seconds: float) -> list[IdleUse]:
    """Use of every process below the supervisor and of itself; one that ends meanwhile is left out."""
    try:
        parent = psutil.Process(supervisor_pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess as error:
        raise BenchError(f"no process {supervisor_pid}") from error
    before = {process.pid: _cpu(process) for process in family}
    time.sleep(seconds)
    found: list[IdleUse] = []
    for process in family:
        try:
            with process.oneshot():
                cpu = _cpu(process) - before[process.pid]
                rss = process.memory_info().rss / 2**20
                found.append(IdleUse(_name(process), process.pid, rss, cpu, process.num_threads()))
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda row: -row.rss_mb)


def figures(rows: list[IdleUse], seconds: float) -> list[Figure]:
    """One figure per process and one for the whole."""
    made = [
        Figure(
            name=f"idle: {row.name}",
            value=row.cpu_seconds / seconds * 100,
            unit="% of a core",
            cpu_seconds=round(row.cpu_seconds, 2),
            rss_mb=round(row.rss_mb, 1),
            samples=1,
            detail={"threads": row.threads},
        )
        for row in rows
    ]
    cpu, rss = sum(row.cpu_seconds for row in rows), sum(row.rss_mb for row in rows)
    whole = Figure(
        name="idle: whole stack",
        value=cpu / seconds * 100,
        unit="% of a core",
        cpu_seconds=round(cpu, 2),
        rss_mb=round(rss, 1),
        samples=len(rows),
    )
    return [*made, whole]


def main() -> int:
    """Measure, print, write; exit code 1 when nothing runs."""
    options = argparse.ArgumentParser(prog="python -m bench.idle")
    options.add_argument("--pid", type=int, help="supervisor of the stack; default: the newest stack that runs")
    options.add_argument("--seconds", type=float, default=SECONDS)
    given = options.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    var_dir = Path(os.environ.get("JENNIE_VAR_DIR", "var"))
    stacks = sorted(running_stacks(var_dir), key=lambda stack: stack.started_at)
    pid = given.pid or (stacks[-1].supervisor_pid if stacks else None)
    try:
        if pid is None:
            raise BenchError("nothing runs; `make up` starts the stack")
        found = figures(measure(pid, given.seconds), given.seconds)
    except BenchError as error:
        console.print(f"[red]bench:[/] {error}")
        return 1
    table = Table(title=f"idle for {given.seconds:g} s", title_justify="left")
    for column in ("process", "% of a core", "rss MB"):
        table.add_column(column, justify="left" if column == "process" else "right")
    for figure in found:
        table.add_row(figure.name.removeprefix("idle: "), f"{figure.value:.1f}", f"{figure.rss_mb:,.0f}")
    console.print(table)
    write(found, var_dir / "bench" / "idle.json")
    return 0


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _name(process: psutil.Process) -> str:
    """The module that is run, else the program's name."""
    arguments = process.cmdline()
    if "-m" in arguments[:-1]:
        return arguments[arguments.index("-m") + 1]
    return process.name()


if __name__ == "__main__":
    sys.exit(main())
