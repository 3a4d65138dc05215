"""Series of a market folder by date: index, macro, flows, headlines."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from jennie_core.scoring import frames
from jennie_infra.sources.checks import PRICES
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.tables import read_parquet


def index_daily(folder: Path, start: date, end: date) -> pl.DataFrame:
    """`frames.INDEX_DAILY`; the change is taken from the previous close where the file has none."""
    path = folder / "index" / "krx_index_daily.parquet"
    if not path.exists():
        return frames.empty(frames.INDEX_DAILY)
    frame = read_parquet(path, ("index_code", "date", *PRICES), date_column="date", end=end).sort("index_code", "date")
    if frame.select("index_code", "date").is_duplicated().any():
        raise DataFileError(path, "an index has more than one row on a date", column="date")
    change = (pl.col("close") / pl.col("close").shift(1).over("index_code") - 1.0) * 100.0
    return (
        frame.with_columns(change_pct=change)
        .filter(pl.col("date") >= start)
        .select(
            "index_code",
            pl.col("date").alias("trade_date"),
            *(pl.col(n).cast(pl.Float64) for n in PRICES),
            "change_pct",
        )
    )


def macro_daily(folder: Path, start: date, decision_day: date) -> pl.DataFrame:
    """`frames.MACRO_DAILY` before `decision_day`; rows without a value (foreign holidays) are left out."""
    path = folder / "macro" / "macro_daily.parquet"
    if not path.exists():
        return frames.empty(frames.MACRO_DAILY)
    end = decision_day - timedelta(days=1)
    frame = read_parquet(path, ("series", "date", "close"), date_column="date", start=start, end=end)
    known = frame.filter(pl.col("close").is_not_null())
    return known.select(
        "series", pl.col("date").alias("observed_on"), pl.col("close").cast(pl.Float64).alias("value")
    ).sort("series", "observed_on")


def investor_flows(folder: Path, start: date, end: date) -> pl.DataFrame:
    """`frames.INVESTOR_FLOWS`; empty where the folder has none for the window."""
    needed = ("code", "date", "institution_net_shares", "foreign_net_shares")
    parts = []
    for path in sorted(folder.glob("flows/stock_investor_flows*.parquet")):
        frame = read_parquet(path, needed, optional=("foreign_held_pct",), date_column="date", start=start, end=end)
        if frame.select("code", "date").is_duplicated().any():
            raise DataFileError(path, "R-ENR-12: a code has more than one row on a date", column="date")
        held = pl.col("foreign_held_pct") if "foreign_held_pct" in frame.columns else pl.lit(None)
        parts.append(
            frame.select(
                "code",
                pl.col("date").alias("trade_date"),
                pl.col("foreign_net_shares", "institution_net_shares").cast(pl.Int64),
                held.cast(pl.Float64).alias("foreign_held_pct"),
            )
        )
    return pl.concat(parts).sort("code", "trade_date") if parts else frames.empty(frames.INVESTOR_FLOWS)


def market_flows(folder: Path, start: date, end: date) -> pl.DataFrame:
    """`frames.MARKET_FLOWS`, converted from 100 million won."""
    path = folder / "flows" / "market_investor_flows_daily.parquet"
    if not path.exists():
        return frames.empty(frames.MARKET_FLOWS)
    names = {"foreign": "foreign", "institution": "institution_total", "individual": "individual"}
    needed = ("market", "date", *(f"{name}_net_100m_krw" for name in names.values()))
    frame = read_parquet(path, needed, date_column="date", start=start, end=end)
    return frame.select(
        "market",
        pl.col("date").alias("trade_date"),
        *((pl.col(f"{column}_net_100m_krw") * 1e8).alias(f"{name}_net_krw") for name, column in names.items()),
    ).sort("market", "trade_date")


def headlines(folder: Path, start: date, end: date) -> pl.DataFrame:
    """`frames.HEADLINES`; exact repeats of a crawl count once."""
    parts = [
        read_parquet(path, ("code", "date", "title"), optional=("press",), date_column="date", start=start, end=end)
        for path in sorted(folder.glob("news/kr_stock_headlines*.parquet"))
    ]
    if not parts:
        return frames.empty(frames.HEADLINES)
    rows = [
        part.select(
            "code",
            pl.col("date").alias("published_on"),
            "title",
            (pl.col("press") if "press" in part.columns else pl.lit(None)).cast(pl.String).alias("press"),
        )
        for part in parts
    ]
    return pl.concat(rows).unique().sort("published_on", "code", "title", "press")
