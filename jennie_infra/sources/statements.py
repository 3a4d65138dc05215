"""Filed statements from two layouts, each row with the day it was known."""

from datetime import date
from pathlib import Path

import polars as pl

from jennie_core.scoring.frames import FUNDAMENTALS, empty
from jennie_core.scoring.knowledge import newest_statements
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.tables import read_parquet

QUARTER_LAG_DAYS = 45
YEAR_LAG_DAYS = 90
_HUNDRED_MILLION = 1e8


def fundamentals_known_by(folder: Path, known_by: date) -> pl.DataFrame:
    """`frames.FUNDAMENTALS`: per code the newest statement known on `known_by`; empty without a file."""
    rows = _every_row(folder)
    if not rows:
        return empty(FUNDAMENTALS)
    return newest_statements(pl.concat(rows).select(FUNDAMENTALS.keys()), known_by).sort("code")


def every_statement(folder: Path, known_by: date) -> pl.DataFrame:
    """`frames.FUNDAMENTALS` of all statements known by then, each with the day it was known; sorted."""
    rows = _every_row(folder)
    if not rows:
        return empty(FUNDAMENTALS)
    known = pl.concat(rows).filter(pl.col("known_on") <= known_by)
    return known.sort("code", "period_end", "known_on").select(FUNDAMENTALS.keys())


def _every_row(folder: Path) -> list[pl.DataFrame]:
    return [
        *(_annual_ratios(path) for path in sorted(folder.glob("fundamentals/krx_annual_ratios*.parquet"))),
        *(_long_history(path) for path in sorted(folder.glob("fundamentals/krx_financials_*.parquet"))),
    ]


def _annual_ratios(path: Path) -> pl.DataFrame:
    """Known from the filing date on; roe in percent, net income and equity in won."""
    needed = ("code", "fiscal_year", "filing_date", "net_income", "total_equity")
    frame = read_parquet(path, needed, optional=("roe",), date_column="filing_date")
    late = frame.filter(pl.col("filing_date").is_null())
    if late.height:
        rule = "a statement without its filing date is not usable"
        raise DataFileError(path, rule, row=late["row"][0], column="filing_date")
    roe = pl.col("roe") if "roe" in frame.columns else pl.lit(None)
    return frame.select(
        "code",
        pl.col("fiscal_year").cast(pl.String).alias("period"),
        pl.date(pl.col("fiscal_year"), 12, 31).alias("period_end"),
        pl.col("filing_date").alias("known_on"),
        roe.cast(pl.Float64).alias("roe_pct"),
        pl.col("net_income").cast(pl.Float64).alias("net_income_krw"),
        pl.col("total_equity").cast(pl.Float64).alias("total_equity_krw"),
    )


def _long_history(path: Path) -> pl.DataFrame:
    """Trailing four quarters (CY) and years (Y) in 100 million won without filing dates: known 45 or 90 days later.

    A 0 means no data. The owners' share of income and equity is taken where it is given.
    """
    needed = ("code", "period", "period_kind", "net_income", "net_income_parent", "total_equity", "equity_parent")
    frame = read_parquet(path, needed)
    text = pl.when(pl.col("period").str.len_chars() == 4).then(pl.col("period") + "12").otherwise(pl.col("period"))
    end = text.str.to_date("%Y%m", strict=False).dt.month_end()
    lag = pl.when(end.dt.month() == 12).then(YEAR_LAG_DAYS).otherwise(QUARTER_LAG_DAYS)
    unreadable = frame.filter(end.is_null())
    if unreadable.height:
        row = unreadable.row(0, named=True)
        raise DataFileError(path, "a period is YYYY or YYYYMM", row=row["row"], column="period", value=row["period"])
    income = _either("net_income_parent", "net_income")
    equity = _either("equity_parent", "total_equity")
    return frame.select(
        "code",
        "period",
        end.alias("period_end"),
        (end + pl.duration(days=lag)).alias("known_on"),
        pl.lit(None, dtype=pl.Float64).alias("roe_pct"),
        (income * _HUNDRED_MILLION).alias("net_income_krw"),
        (equity * _HUNDRED_MILLION).alias("total_equity_krw"),
    ).filter(pl.col("net_income_krw").is_not_null() | pl.col("total_equity_krw").is_not_null())


def _either(first: str, second: str) -> pl.Expr:
    """First column that holds a figure; 0 is no figure in this layout."""
    return pl.coalesce(*(pl.when(pl.col(name) != 0).then(pl.col(name).cast(pl.Float64)) for name in (first, second)))
