"""The marcap layouts: yearly CSV.gz and Parquet files with one row per code and session, unadjusted."""

import gzip
import re
from datetime import date
from pathlib import Path

import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_infra.sources.checks import check_daily
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.tables import read_parquet

_NEEDED = ("Code", "Name", "Market", "Dept", "Open", "High", "Low", "Close", "Volume", "Marcap", "Stocks", "Date")
_NUMBERS = ("Open", "High", "Low", "Close", "Volume", "Marcap", "Stocks")


def marcap_files(folder: Path) -> list[Path]:
    """Marcap files at the top of `folder` or under `marcap/`, one per year: Parquet wins over CSV of the same year."""
    found: dict[str, Path] = {}
    for place in (folder, folder / "marcap"):
        for pattern in ("marcap-*.csv.gz", "marcap-*.csv", "marcap-*.parquet"):
            for path in sorted(place.glob(pattern)):
                year = re.search(r"marcap-(\d{4})", path.name)
                found[year.group(1) if year else path.name] = path
    return sorted(found.values())


def read_marcap(path: Path, *, start: date, end: date) -> pl.DataFrame:
    """Rows of one file in [start, end]; empty when the year in the file's name lies outside the window.

    Output: row, code, name, market, dept, date, open, high, low, close, volume, market_cap_krw, shares_outstanding.
    Column order, the `ChagesRatio`/`ChangesRatio` pair and quoted change codes do not matter: neither is read.
    """
    year = re.search(r"marcap-(\d{4})", path.name)
    if year is not None and not start.year <= int(year.group(1)) <= end.year:
        return _typed(pl.DataFrame(schema={"row": pl.UInt32, **dict.fromkeys(_NEEDED, pl.String)})).clear()
    raw = read_parquet(path, _NEEDED) if path.suffix == ".parquet" else _read_csv(path)
    frame = _typed(raw).filter(pl.col("date").is_null() | pl.col("date").is_between(start, end))
    check_daily(frame, path)
    return frame


def _read_csv(path: Path) -> pl.DataFrame:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        frame = pl.read_csv(raw, infer_schema=False)
    except (OSError, EOFError, gzip.BadGzipFile, pl.exceptions.PolarsError) as error:
        lines = str(error).strip().splitlines()
        raise DataFileError(path, f"not readable ({lines[0][:120] if lines else type(error).__name__})") from error
    for column in _NEEDED:
        if column not in frame.columns:
            raise DataFileError(
                path, f"the column is missing (found: {', '.join(frame.columns)})", row=1, column=column
            )
    return frame.with_row_index("row", offset=2).select("row", *_NEEDED)


def _typed(raw: pl.DataFrame) -> pl.DataFrame:
    number = {name: pl.col(name).cast(pl.Float64, strict=False) for name in _NUMBERS}
    day = (
        pl.col("Date").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        if raw.schema["Date"] == pl.String
        else pl.col("Date").cast(pl.Date)
    )
    dept = pl.col("Dept").cast(pl.String).str.strip_chars()
    return raw.select(
        "row",
        pl.col("Code").alias("code"),
        pl.col("Name").alias("name"),
        pl.col("Market").replace({"KOSDAQ GLOBAL": "KOSDAQ"}).alias("market"),
        pl.when(dept != "").then(dept).alias("dept"),
        day.alias("date"),
        *(number[name].alias(name.lower()) for name in ("Open", "High", "Low", "Close", "Volume")),
        number["Marcap"].cast(pl.Int64, strict=False).alias("market_cap_krw"),
        number["Stocks"].cast(pl.Int64, strict=False).alias("shares_outstanding"),
    )  # fmt: skip


def status_of_dept() -> pl.Expr:
    """Listing status that the section (소속부) and the bar tell; null = it tells nothing."""
    return (
        pl.when(pl.col("dept").str.contains("관리종목"))
        .then(pl.lit(ListingStatus.ADMINISTRATIVE.value))
        .when((pl.col("open") == 0) & (pl.col("volume") == 0))
        .then(pl.lit(ListingStatus.HALTED.value))
    )


def kind_of_dept() -> pl.Expr:
    """SPAC when the section says so; null otherwise."""
    return pl.when(pl.col("dept").str.contains("SPAC")).then(pl.lit(AssetKind.SPAC.value))
