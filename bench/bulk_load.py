"""Bulk load: a year of daily bars into the market store, against the driver's bare `executemany` of the same rows."""

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from bench.result import Figure, median
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import StockDailyPrice
from jennie_infra.db.repositories.market_bulk import replace_window
from jennie_infra.db.schema import upgrade

CODES, SESSIONS = 800, 250
ROUNDS = 5
FIRST = date(2024, 1, 1)
TARGET = 1.5
"""Frame to rows, checks, delete of the window and the commit, paid on top of the driver's own insert."""


def measure(folder: Path) -> list[Figure]:
    """Seconds for 200,000 bars, both ways in turn, into a fresh database each time."""
    folder.mkdir(parents=True, exist_ok=True)
    frame, ours, floor = bars(), [], []
    for number in range(ROUNDS):
        floor.append(_fresh(folder / f"bare-{number}.db", lambda path: _bare(path, frame)))
        ours.append(_fresh(folder / f"ours-{number}.db", lambda path: _product(path, frame)))
    ratios = [mine / its for mine, its in zip(ours, floor, strict=True)]
    return [
        Figure(
            name=f"bulk load of {frame.height:,} daily bars (SQLite)",
            value=median(ours),
            unit="s",
            floor=median(floor),
            ratio=median(ratios),
            target=TARGET,
            samples=ROUNDS,
            is_steady=max(floor) <= 1.3 * min(floor),
            detail={
                "rows_per_second": round(frame.height / median(ours)),
                "round_ratios": [round(r, 3) for r in ratios],
            },
        )
    ]


def bars() -> pl.DataFrame:
    """Generated bars in the table's columns, in the order of its key."""
    rows = [
        (f"{code:06d}", FIRST + timedelta(days=day), 1_000 + day, 1_010 + day, 990 + day, 1_005 + day, 10_000 + code)
        for code in range(CODES)
        for day in range(SESSIONS)
    ]
    names = ["stock_code", "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        is_halted=pl.lit(False), source=pl.lit("bench"), known_at=pl.lit(datetime(2024, 12, 31, tzinfo=UTC))
    )


def _fresh(path: Path, load: Callable[[Path], float]) -> float:
    engine = make_engine(f"sqlite:///{path}", durable=False)
    upgrade("market", engine)
    engine.dispose()
    try:
        return load(path)
    finally:
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink()


def _bare(path: Path, frame: pl.DataFrame) -> float:
    rows = [(*row[:1], row[1].isoformat(), *row[2:9], "2024-12-31 00:00:00.000000") for row in frame.iter_rows()]
    marks = ", ".join("?" * frame.width)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        started = time.monotonic()
        connection.executemany(f"INSERT INTO stock_daily_price VALUES ({marks})", rows)
        connection.commit()
        return time.monotonic() - started
    finally:
        connection.close()


def _product(path: Path, frame: pl.DataFrame) -> float:
    engine = make_engine(f"sqlite:///{path}", durable=False)
    last = FIRST + timedelta(days=SESSIONS - 1)
    try:
        started = time.monotonic()
        with engine.begin() as connection:
            replace_window(connection, StockDailyPrice.__table__, frame, "trade_date", FIRST, last)  # type: ignore[arg-type]
        return time.monotonic() - started
    finally:
        engine.dispose()
