"""Rules that daily bars must keep, whatever file they come from; the first broken one refuses the file."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from jennie_infra.sources.errors import DataFileError

PRICES = ("open", "high", "low", "close")
ROUNDING_KRW = 5
ROUNDING_RATIO = 0.03
JUMP_RATIO = 0.305
MAX_PRICE_KRW = 100_000_000
MAX_VOLUME = 10_000_000_000
"""Shares a day. Both stand far above anything the exchange has seen, and keep turnover inside 64 bits."""


@dataclass(frozen=True)
class ImportNote:
    """Something unusual that was taken in and said: file, first row, column, value, rule and how many rows."""

    file: str
    row: int | str
    column: str
    value: object
    rule: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}, column {self.column}, value {self.value}: {self.rule} ({self.count} rows)"


def first_break(frame: pl.DataFrame, file: Path, checks: list[tuple[pl.Expr, str, str]]) -> None:
    """Raise DataFileError for the first check (condition, column, rule) that holds in any row.

    `frame` carries `row`: the line or record number that a person finds in the file.
    """
    held = frame.select(condition.any().alias(str(number)) for number, (condition, _, _) in enumerate(checks))
    for number, (condition, column, rule) in enumerate(checks):
        if held[str(number)][0]:
            bad = frame.filter(condition).row(0, named=True)
            value = bad.get(f"{column}_text", bad.get(column))
            raise DataFileError(file, rule, row=bad["row"], column=column, value=value)


def note_of(frame: pl.DataFrame, file: Path, condition: pl.Expr, column: str, rule: str) -> list[ImportNote]:
    """One note for all rows in which `condition` holds; none gives an empty list."""
    found = frame.filter(condition)
    if found.height == 0:
        return []
    first = found.row(0, named=True)
    return [ImportNote(file.name, first["row"], column, first.get(column), rule, found.height)]


def check_daily(frame: pl.DataFrame, file: Path) -> None:
    """Judge rows with row, code String, date Date, open, high, low, close Float64 and volume Float64.

    A code that is not six ascii characters, a weekend, a missing or negative number, a close of zero, a bar of which
    only some of open, high and low are zero, a bar whose prices contradict each other by more than adjusted prices
    explain, and a repeated (code, date) each refuse the file.
    """
    whole = pl.all_horizontal(pl.col(name) == 0 for name in ("open", "high", "low"))
    some = pl.any_horizontal(pl.col(name) == 0 for name in ("open", "high", "low"))
    tolerance = pl.max_horizontal(pl.lit(ROUNDING_KRW), pl.col("close") * ROUNDING_RATIO)
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    checks: list[tuple[pl.Expr, str, str]] = [
        (pl.col("code").is_null(), "code", "the stock code is missing"),
        (
            ~pl.col("code").str.contains(r"^[0-9A-Z]{6}$"),
            "code",
            "a stock code is six ascii letters or digits, as text",
        ),
        (pl.col("date").is_null(), "date", "the date is missing or not readable"),
        (pl.col("date").dt.weekday() > 5, "date", "the exchange is closed on a weekend"),
    ]
    for name in (*PRICES, "volume"):
        checks.append((pl.col(name).is_null() | pl.col(name).is_nan(), name, "the number is missing or not readable"))
        checks.append((pl.col(name) < 0, name, "must not be negative"))
        highest = MAX_VOLUME if name == "volume" else MAX_PRICE_KRW
        checks.append((pl.col(name) > highest, name, f"must not be above {highest:,}"))
    checks += [
        (pl.col("close") == 0, "close", "a close of 0 is no price"),
        (some & ~whole, "open", "open, high and low are all zero (a halt) or none is"),
        (~whole & (top - pl.col("high") > tolerance), "high", "the high is below the open or the close"),
        (~whole & (pl.col("low") - bottom > tolerance), "low", "the low is above the open or the close"),
        (_repeated(frame), "date", "the code has more than one row on this date"),
    ]
    first_break(frame, file, checks)


def _repeated(frame: pl.DataFrame) -> pl.Expr:
    """Rows whose code and date stand twice; told from the neighbours where the file is in order, which most are."""
    code, day = pl.col("code"), pl.col("date")
    same = code.eq(code.shift(1)) & day.eq(day.shift(1))
    later = code.gt(code.shift(1)) | (code.eq(code.shift(1)) & day.gt(day.shift(1)))
    if frame.select((later | same).all()).item():
        return same.fill_null(value=False)
    return pl.struct("code", "date").is_duplicated()


def daily_notes(frame: pl.DataFrame, file: Path) -> list[ImportNote]:
    """What is unusual but taken: fractional prices, moves beyond the daily limit, halted rows."""
    fractional = pl.any_horizontal(pl.col(name) != pl.col(name).round() for name in PRICES)
    move = (pl.col("close") / pl.col("close").shift(1).over("code") - 1.0).abs()
    ordered = frame.sort("code", "date").with_columns(move=move)
    return [
        *note_of(frame, file, fractional, "close", "fractional price of an adjusted series, rounded to whole won"),
        *note_of(
            ordered,
            file,
            pl.col("move") > JUMP_RATIO,
            "close",
            "one-day move beyond the 30 % limit: re-listing or split",
        ),
        *note_of(frame, file, pl.col("open") == 0, "open", "open, high and low are zero: kept as a halted session"),
    ]


def canonical_daily(frame: pl.DataFrame) -> pl.DataFrame:
    """`frames.DAILY_PRICES` from checked rows (prices rounded to whole won), sorted by code and date."""
    halted = (pl.col("open") == 0) & (pl.col("high") == 0) & (pl.col("low") == 0)
    return frame.select(
        "code",
        pl.col("date").alias("trade_date"),
        *(pl.col(name).round().cast(pl.Int64).alias(f"{name}_krw") for name in PRICES),
        pl.col("volume").round().cast(pl.Int64),
        halted.alias("is_halted"),
    ).sort("code", "trade_date")
