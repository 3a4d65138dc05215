"""The whole backtest over years of real bars, as a person starts it: seconds, bars a second, peak memory."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from bench.processes import BenchError
from bench.result import Figure
from bench.scoring import market_folder

START, END = "2020-01-01", "2025-06-30"
GOAL_SECONDS = 40.0
GOAL_GB = 4.0
REFUSED = 2
"""The folder holds other years; then there is nothing to measure either."""


def measure(folder: Path) -> list[Figure]:
    """One run of `jennie backtest` in a process of its own; nothing where the bars are not."""
    data = market_folder()
    bars = 0 if data is None else bars_in(data)
    if data is None or bars == 0:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    words = ("backtest", START, END, "--data", str(data), "--out", str(folder / "backtest.html"), "--plain")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JENNIE_")}
    with (folder / "backtest.log").open("w+b") as log:
        started = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "jennie_cli", *words], stdout=log, stderr=log, env=clean)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read().decode(errors="replace")
    if process.returncode == REFUSED:
        return []
    if process.returncode != 0:
        raise BenchError(f"jennie backtest ended with {process.returncode}; see {log.name}")
    found = re.search(r"\b[0-9a-f]{16}\b", said)
    detail: dict[str, object] = {
        "range": f"{START} to {END}",
        "bars": bars,
        "bars_per_second": round(bars / seconds),
        "trade_hash": None if found is None else found.group(),
    }
    cpu, peak_mb = used.ru_utime + used.ru_stime, used.ru_maxrss * _RSS_UNIT / 1e6
    return [
        Figure(
            name=f"backtest {START} – {END}, {bars:,} bars, reading and report included",
            value=seconds, unit="s", goal=GOAL_SECONDS, cpu_seconds=cpu, rss_mb=peak_mb, samples=1, detail=detail,
        ),
        Figure(name="backtest: bars a second", value=bars / seconds, unit="bars/s", samples=1, detail=detail),
        Figure(name="backtest: peak memory", value=peak_mb / 1_000, unit="GB", goal=GOAL_GB, samples=1, detail=detail),
    ]  # fmt: skip


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def bars_in(data: Path) -> int:
    """Rows of the daily bars that the backtest reads; 0 without such a folder."""
    files = [path for path in sorted((data / "daily").glob("*.parquet")) if "crosscheck" not in path.name]
    day = pl.col("date")
    used = day.is_between(pl.lit(START).str.to_date() - pl.duration(days=400), pl.lit(END).str.to_date())
    return sum(pl.scan_parquet(path).filter(used).select(pl.len()).collect().item() for path in files)
