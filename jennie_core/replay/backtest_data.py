"""What the bars of a backtest are known to lack or to distort, counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

JUMP_RATIO = 0.301
MARKETS = ("KOSPI", "KOSDAQ")


@dataclass(frozen=True, slots=True)
class YearCoverage:
    """Listed codes of one year's snapshots that have no bar on their day; ratios are means over the snapshots."""

    year: int
    snapshots: int
    listed: float
    missing_ratio: float
    kospi_listed: float
    kospi_missing_ratio: float


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Counts over the bars of the range and the history before it."""

    first: date
    last: date
    bars: int
    codes: int
    sessions: int
    halted_bars: int
    jumps: int
    jump_codes: int
    ended_codes: int
    """Codes whose last bar is older than the last session: delisted, or the file that carries them ends."""
    missing_sessions: tuple[date, ...]
    years: tuple[YearCoverage, ...]


def data_facts(
    prices: pl.DataFrame, listed: pl.DataFrame, start: date, end: date, expected: Sequence[date]
) -> DataFacts:
    """Facts of `frames.DAILY_PRICES` (sorted by code and date); `expected` are the calendar's sessions of the range.

    `listed` has code, snapshot_date and market; rows of an unknown market and snapshots outside the range are left out.
    """
    move = pl.col("close_krw") / pl.col("close_krw").shift(1).over("code") - 1.0
    jumps = prices.filter(move.abs() > JUMP_RATIO)
    last = prices["trade_date"].max()
    sessions = prices["trade_date"].unique().sort().to_list()
    known = set(sessions)
    ended = prices.group_by("code").agg(pl.col("trade_date").max()).filter(pl.col("trade_date") < last).height
    return DataFacts(
        first=sessions[0],
        last=sessions[-1],
        bars=prices.height,
        codes=prices["code"].n_unique(),
        sessions=len(sessions),
        halted_bars=int(prices["is_halted"].sum()),
        jumps=jumps.height,
        jump_codes=jumps["code"].n_unique(),
        ended_codes=ended,
        missing_sessions=tuple(day for day in expected if day not in known),
        years=_coverage(prices, listed, start, end),
    )


def _coverage(prices: pl.DataFrame, listed: pl.DataFrame, start: date, end: date) -> tuple[YearCoverage, ...]:
    rows = listed.filter(pl.col("market").is_in(MARKETS) & pl.col("snapshot_date").is_between(start, end))
    days = rows.select("snapshot_date").unique()
    bars = prices.select("code", pl.col("trade_date").alias("snapshot_date")).join(days, on="snapshot_date", how="semi")
    traded_days = bars.select("snapshot_date").unique()
    marked = (
        rows.join(traded_days, on="snapshot_date", how="semi")
        .unique(["code", "snapshot_date"])
        .join(bars.with_columns(has_bar=pl.lit(value=True)), on=["code", "snapshot_date"], how="left")
        .with_columns(missing=pl.col("has_bar").is_null(), kospi=pl.col("market") == "KOSPI")
    )
    daily = marked.group_by("snapshot_date").agg(
        pl.len().alias("listed"),
        pl.col("missing").mean(),
        pl.col("kospi").sum().alias("kospi_listed"),
        pl.col("missing").filter(pl.col("kospi")).mean().alias("kospi_missing"),
    )
    yearly = daily.group_by(pl.col("snapshot_date").dt.year().alias("year")).agg(
        pl.len(), pl.col("listed", "missing", "kospi_listed").mean(), pl.col("kospi_missing").mean()
    )
    return tuple(YearCoverage(*row) for row in yearly.sort("year").iter_rows())
