"""Reading one Parquet file with the columns a dataset needs, or one clear line why not."""

from datetime import date
from pathlib import Path

import polars as pl

from jennie_infra.sources.errors import DataFileError


def parquet_columns(path: Path) -> dict[str, pl.DataType]:
    """Column names and dtypes of a Parquet file; raises DataFileError when it is none."""
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataFileError(path, f"not a readable Parquet file ({_first_line(error)})") from error


def read_parquet(
    path: Path,
    required: tuple[str, ...],
    *,
    optional: tuple[str, ...] = (),
    date_column: str | None = None,
    start: date | None = None,
    end: date | None = None,
) -> pl.DataFrame:
    """Rows of one file with the required and the present optional columns, plus `row` (1-based record number).

    With `date_column` it becomes a Date (from Date, Datetime or ISO text) and only rows in [start, end] are read.
    Raises DataFileError when the file is unreadable, lacks a required column or carries codes as numbers.
    """
    columns = parquet_columns(path)
    for column in required:
        if column not in columns:
            raise DataFileError(path, f"the column is missing (found: {', '.join(columns)})", column=column)
    if "code" in required and columns["code"] not in (pl.String, pl.Categorical):
        raise DataFileError(path, f"codes must be text, leading zeros count (found {columns['code']})", column="code")
    wanted = [*required, *(column for column in optional if column in columns)]
    lazy = pl.scan_parquet(path).select(wanted).with_row_index("row", offset=1)
    if date_column is not None:
        lazy = lazy.with_columns(_as_date(path, date_column, columns[date_column]))
        if start is not None:
            lazy = lazy.filter((pl.col(date_column) >= start) | pl.col(date_column).is_null())
        if end is not None:
            lazy = lazy.filter((pl.col(date_column) <= end) | pl.col(date_column).is_null())
    try:
        return lazy.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataFileError(path, f"not readable ({_first_line(error)})") from error


def _as_date(path: Path, column: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Date:
        return pl.col(column)
    if dtype == pl.Datetime:
        return pl.col(column).dt.date()
    if dtype == pl.String:
        return pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    raise DataFileError(path, f"a date is needed, found {dtype}", column=column)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:160] if text else type(error).__name__
