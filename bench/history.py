"""The scout over a whole history of real bars: readings of every code and session, then every session's decision."""

import os
import resource
import time
from datetime import date
from pathlib import Path

from bench.processes import BenchError
from bench.result import Figure
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.history import daily_readings, scout_days
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.history import read_history

FIRST, LAST = date(2020, 1, 1), date(2025, 6, 30)
GOAL_SECONDS = 22.0
"""Of the 40 seconds that a backtest of these years may take on two cores, files and engine included."""


def measure(folder: Path | None) -> list[Figure]:
    """One pass over the years of FIRST to LAST; nothing where there are no real bars of them."""
    if folder is None:
        return []
    source = MarketFolder(folder)
    sessions = source.sessions(FIRST, LAST)
    if not sessions or sessions[0].year > FIRST.year or sessions[-1].year < LAST.year:
        return []
    started = time.monotonic()
    inputs = read_history(source, FIRST, LAST).inputs
    reading = time.monotonic() - started
    started, used = time.monotonic(), time.process_time()
    readings = daily_readings(inputs)
    readings_done = time.monotonic() - started
    listed = [
        len(day.watchlist.entries) for day in scout_days(inputs, sessions, settings=ScoutSettings(), readings=readings)
    ]
    seconds = time.monotonic() - started
    if len(listed) != len(sessions) or not any(listed):
        raise BenchError(f"{len(listed)} of {len(sessions)} sessions were decided, {sum(listed)} stocks listed")
    return [
        Figure(
            name=f"scout over {len(sessions):,} sessions, {readings.height / 1e6:.2f} M rows (real bars)",
            value=seconds,
            unit="s",
            goal=GOAL_SECONDS,
            cpu_seconds=time.process_time() - used,
            rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            samples=1,
            detail={
                "sessions_per_second": round(len(sessions) / seconds, 1),
                "of_which_readings_s": round(readings_done, 2),
                "files_before_s": round(reading, 2),
                "load": os.getloadavg()[0],
            },
        )
    ]
