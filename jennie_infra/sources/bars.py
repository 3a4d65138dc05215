"""Daily bars of a market folder: Parquet files, marcap files or CSVs, checked and joined into one frame."""

from datetime import date
from pathlib import Path

import polars as pl

from jennie_core.scoring import frames
from jennie_infra.sources.checks import PRICES, ImportNote, canonical_daily, check_daily
from jennie_infra.sources.daily_csv import read_daily_csv
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.marcap import read_marcap
from jennie_infra.sources.tables import read_parquet

DAILY_COLUMNS = ("code", "date", *PRICES, "volume")


def parquet_bars(files: list[Path], start: date, end: date) -> pl.DataFrame:
    """`frames.DAILY_PRICES` of Parquet files with code, date, open, high, low, close, volume."""
    return _joined([_parquet_file(path, start, end) for path in files], files)


def marcap_bars(files: list[Path], start: date, end: date) -> pl.DataFrame:
    """`frames.DAILY_PRICES` of marcap files: unadjusted prices."""
    return _joined([canonical_daily(read_marcap(path, start=start, end=end)) for path in files], files)


def csv_bars(files: list[Path], start: date, end: date) -> tuple[pl.DataFrame, list[ImportNote]]:
    """`frames.DAILY_PRICES` of CSVs and what was unusual about them."""
    imported = [read_daily_csv(path, start=start, end=end) for path in files]
    return _joined([one.bars for one in imported], files), [note for one in imported for note in one.notes]


def _parquet_file(path: Path, start: date, end: date) -> pl.DataFrame:
    frame = read_parquet(path, DAILY_COLUMNS, date_column="date", start=start, end=end)
    for name in (*PRICES, "volume"):
        if not frame.schema[name].is_numeric():
            raise DataFileError(path, f"a number is needed, found {frame.schema[name]}", column=name)
    frame = frame.with_columns(pl.col(name).cast(pl.Float64) for name in (*PRICES, "volume"))
    check_daily(frame, path)
    return canonical_daily(frame)


def _joined(parts: list[pl.DataFrame], files: list[Path]) -> pl.DataFrame:
    """One sorted frame; equal rows of two files count once, different ones refuse (which is right cannot be told)."""
    filled = [(part, path) for part, path in zip(parts, files, strict=True) if part.height]
    if not filled:
        return frames.empty(frames.DAILY_PRICES)
    whole = pl.concat([part for part, _ in filled]).sort("code", "trade_date")
    if len(filled) == 1 or not _repeats(whole).any():
        return whole
    whole = whole.unique(maintain_order=True)
    twice = whole.filter(_repeats(whole))
    if twice.height:
        row = twice.row(0, named=True)
        same = pl.col("code").eq(row["code"]) & pl.col("trade_date").eq(row["trade_date"])
        holders = [path.name for part, path in filled if part.filter(same).height]
        raise DataFileError(
            filled[-1][1],
            f"{' and '.join(holders)} disagree about this bar",
            row=f"{row['code']} {row['trade_date']}",
            column="close",
            value=row["close_krw"],
        )
    return whole


def _repeats(ordered: pl.DataFrame) -> pl.Series:
    """True where a sorted row has the code and date of the row before it."""
    return ordered.select(
        (pl.col("code").eq(pl.col("code").shift(1)) & pl.col("trade_date").eq(pl.col("trade_date").shift(1))).fill_null(
            value=False
        )
    ).to_series()
