"""Whole-market scoring: one day from stored prices to scores, and its factors against the same as a pandas loop.

Real bars are read in place where a market folder is (MARKET_DATA, JENNIE_TEST_DATA or `../shared/data` beside the
checkout); elsewhere 2,700 generated codes stand in and the figures say so.
"""

import os
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from bench import pandas_factors
from bench.processes import BenchError
from bench.result import Figure, median
from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring import frames
from jennie_core.scoring.factors import price_factors, recent_sessions
from jennie_core.scoring.quant import quant_scores
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_infra.sources.files import MarketFolder

LAST = date(2025, 6, 27)
FILES = ("krx_daily_2024.parquet", "krx_daily_2025h1.parquet")
"""Files of `daily/` that hold the 250 sessions up to LAST; a folder without them is measured with generated bars."""
CODES, SESSIONS = 2_700, 250
WINDOW_DAYS = 372
"""Calendar days that hold 250 sessions."""
ROUNDS = 7
LOOP_ROUNDS = 3
LOOP_CODES = 150
GOAL_SECONDS = 0.5
TIMES_FASTER = 50


@dataclass(frozen=True)
class Market:
    """Stored bars, all other frames as a run has them in hand, and the words for the figure's name."""

    files: list[Path]
    inputs: MarketInputs
    label: str


def market_folder() -> Path | None:
    """The folder of real bars, None where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for named in (os.environ.get("MARKET_DATA"), os.environ.get("JENNIE_TEST_DATA"), str(beside)):
        if named and (Path(named) / "daily").is_dir():
            return Path(named)
    return None


def measure(folder: Path) -> list[Figure]:
    """The day and the loop; `folder` takes generated bars where there are no real ones."""
    folder.mkdir(parents=True, exist_ok=True)
    found = market_folder()
    files = [] if found is None else [found / "daily" / name for name in FILES]
    market = _generated(folder) if found is None or not all(path.exists() for path in files) else _real(found, files)
    return [_one_day(market), _against_a_loop(market)]


def _one_day(market: Market) -> Figure:
    seconds, reading, cpu = [], [], []
    for _ in range(ROUNDS):
        started, used = time.monotonic(), time.process_time()
        prices = stored_bars(market.files, LAST - timedelta(days=WINDOW_DAYS), LAST)
        reading.append(time.monotonic() - started)
        inputs = MarketInputs(prices, *_others(market.inputs))
        scored = quant_scores(assemble_readings(inputs, as_of=LAST), regime=MarketRegime.SIDEWAYS)
        seconds.append(time.monotonic() - started)
        cpu.append(time.process_time() - used)
    if scored["total_quant_score"].null_count() > scored.height // 10:
        raise BenchError(f"{scored['total_quant_score'].null_count()} of {scored.height} codes have no score")
    return Figure(
        name=f"quant score of a day, Parquet to scores ({scored.height:,} codes x 250 sessions, {market.label})",
        value=median(seconds),
        unit="s",
        goal=GOAL_SECONDS,
        cpu_seconds=median(cpu),
        samples=ROUNDS,
        detail={
            "seconds": [round(value, 3) for value in seconds],
            "of_which_reading": round(median(reading), 3),
            "rows": prices.height,
            "load": os.getloadavg()[0],
        },
    )


def _against_a_loop(market: Market) -> Figure:
    """Price factors of all codes against the loop over a sample of them, scaled to all; both from bars in memory."""
    prices = recent_sessions(stored_bars(market.files, LAST - timedelta(days=WINDOW_DAYS), LAST), LAST)
    codes = prices.filter(pl.col("trade_date") == LAST)["code"].to_list()
    sample = codes[:: max(1, len(codes) // LOOP_CODES)]
    table = pd.DataFrame(prices.to_dict(as_series=False))
    ours, loop = [], []
    for _ in range(LOOP_ROUNDS):
        started = time.monotonic()
        expected = pandas_factors.price_factors(table, LAST, sample)
        loop.append((time.monotonic() - started) * len(codes) / len(sample))
        rounds = []
        for _ in range(3):
            started = time.monotonic()
            factors = price_factors(prices, as_of=LAST)
            rounds.append(time.monotonic() - started)
        ours.append(median(rounds))
    _require_equal(factors, expected)
    ratios = [mine / its for mine, its in zip(ours, loop, strict=True)]
    return Figure(
        name=f"price factors of a day, against a pandas loop ({len(sample)} of {len(codes):,} codes, scaled)",
        value=median(ours),
        unit="s",
        floor=median(loop),
        ratio=median(ratios),
        target=1 / TIMES_FASTER,
        samples=LOOP_ROUNDS,
        detail={
            "times_faster": [round(1 / ratio, 1) for ratio in ratios],
            "factors": len(pandas_factors.COLUMNS),
            "load": os.getloadavg()[0],
        },
    )


def _require_equal(factors: pl.DataFrame, expected: pd.DataFrame) -> None:
    """Both must have computed the same thing; raises BenchError naming the first factor that differs."""
    loop = pl.DataFrame(expected.to_dict(orient="list"), strict=False)
    joined = loop.join(factors, on="code", how="left", suffix="_ours")
    for name in pandas_factors.COLUMNS:
        theirs, mine = (joined[column].cast(pl.Float64).fill_nan(None) for column in (name, f"{name}_ours"))
        apart = ((theirs - mine).abs() > 1e-6 * mine.abs().clip(lower_bound=1.0)).any()
        if apart or theirs.is_null().ne(mine.is_null()).any():
            raise BenchError(f"the pandas loop and the scorer disagree about {name}")


def stored_bars(files: list[Path], start: date, end: date) -> pl.DataFrame:
    """`frames.DAILY_PRICES` of Parquet files with code, date, open, high, low, close, volume."""
    krw = [pl.col(name).cast(pl.Int64).alias(f"{name}_krw") for name in ("open", "high", "low", "close")]
    rows = pl.concat([pl.scan_parquet(path) for path in files]).filter(pl.col("date").is_between(start, end))
    named = rows.select("code", pl.col("date").alias("trade_date"), *krw, pl.col("volume").cast(pl.Int64))
    return named.with_columns(is_halted=pl.col("high_krw") == 0).collect().sort("code", "trade_date")


def _others(inputs: MarketInputs) -> tuple[pl.DataFrame, ...]:
    return (
        inputs.master, inputs.market_caps, inputs.fundamentals, inputs.flows, inputs.consensus, inputs.headlines,
    )  # fmt: skip


def _real(folder: Path, files: list[Path]) -> Market:
    source = MarketFolder(folder)
    inputs = MarketInputs(
        prices=frames.empty(frames.DAILY_PRICES),
        master=source.stock_master(LAST),
        market_caps=source.market_caps(LAST),
        fundamentals=source.fundamentals(LAST),
        headlines=source.headlines(LAST - timedelta(days=14), LAST),
    )
    return Market(files, inputs, "real bars")


def _generated(folder: Path) -> Market:
    """A Parquet file of random walks, written once a run."""
    days = [day for day in (LAST - timedelta(days=n) for n in range(WINDOW_DAYS)) if day.weekday() < 5][:SESSIONS]
    dice = np.random.default_rng(1)
    close = (20_000 * np.exp(np.cumsum(dice.normal(0, 0.02, (CODES, SESSIONS)), axis=1))).astype(np.int64) + 100
    codes = [f"{number:05}0" for number in range(CODES)]
    flat = close.ravel()
    bars = pl.DataFrame(
        {
            "code": np.repeat(codes, SESSIONS),
            "date": sorted(days) * CODES,
            "open": flat,
            "high": flat + 50,
            "low": flat - 50,
            "close": flat,
            "volume": dice.integers(10_000, 999_999, flat.size),
        },
        schema_overrides={"code": pl.String, "date": pl.Date},
    )
    path = folder / "generated.parquet"
    bars.write_parquet(path)
    rows = [(code, code, "KOSPI", "COMMON", None, "반도체", None) for code in codes]
    master = pl.DataFrame(rows, schema=dict(frames.STOCK_MASTER), orient="row")
    return Market([path], MarketInputs(frames.empty(frames.DAILY_PRICES), master), "generated bars")
