"""Real minute bars of a market folder, for the exchange only: the data plane never sees the traded day."""

from datetime import date
from pathlib import Path

import polars as pl

from jennie_cli.errors import UserError
from jennie_cli.report.model import Note
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.pack import MINUTE_COLUMNS

TIME_COLUMNS = ("datetime_kst", "datetime")
PRICES = ("open", "high", "low", "close")
WIDTHS_MS = (MINUTE_MS, 5 * MINUTE_MS)


def minute_bars(market_data: Path, day: date) -> tuple[pl.DataFrame, list[Note]]:
    """The day's bars of `intraday/*.parquet` in the layout of a session pack, and what to say of them.

    A file has code, datetime_kst (bar start, without zone), open, high, low, close, volume; bars are 1 or 5 minutes
    long. A code that is in several files follows the one with the shorter bars. Raises UserError for a file that
    does not fit.
    """
    found: dict[int, list[pl.DataFrame]] = {width: [] for width in WIDTHS_MS}
    notes: list[Note] = []
    for path in sorted((market_data / "intraday").glob("*.parquet")):
        bars = _bars_of(path, day)
        if bars.is_empty():
            continue
        width = _width(path, bars)
        found[width].append(bars)
        codes, minutes = bars["code"].n_unique(), width // MINUTE_MS
        notes.append(
            Note(
                ko=f"{codes}개 종목은 {path.name}의 실제 {minutes}분봉을 따릅니다.",
                en=f"{codes} codes follow real {minutes}-minute bars of {path.name}.",
            )
        )
    chosen = pl.DataFrame(schema=_SCHEMA)
    for width in WIDTHS_MS:
        for bars in found[width]:
            chosen = pl.concat([chosen, bars.join(chosen.select("code").unique(), on="code", how="anti")])
    return chosen.sort("code", "start"), notes


_SCHEMA = {name: pl.String if name == "code" else pl.Float64 if name in PRICES else pl.Int64 for name in MINUTE_COLUMNS}


def _bars_of(path: Path, day: date) -> pl.DataFrame:
    try:
        frame = pl.scan_parquet(path)
        columns = frame.collect_schema().names()
        time = next((name for name in TIME_COLUMNS if name in columns), TIME_COLUMNS[0])
        if missing := [name for name in ("code", time, *PRICES, "volume") if name not in columns]:
            raise UserError(f"MARKET_DATA: {path}: lacks the column {missing[0]}")
        at = pl.col(time)
        start = (at.dt.hour().cast(pl.Int64) * 60 + at.dt.minute()) * MINUTE_MS
        return (
            frame.filter(at.dt.date() == day)
            .select("code", start.alias("start"), *PRICES, "volume")
            .cast(_SCHEMA)  # type: ignore[arg-type]
            .drop_nulls()
            .filter(pl.col("low") > 0, pl.col("high") >= pl.col("low"), pl.col("volume") >= 0)
            .unique(["code", "start"], keep="first")
            .sort("code", "start")
            .collect()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"MARKET_DATA: {path}: cannot be read ({str(error).splitlines()[0]})") from error


def _width(path: Path, bars: pl.DataFrame) -> int:
    gaps = bars.select(pl.col("start").diff().over("code")).to_series().drop_nulls()
    if gaps.is_empty():
        raise UserError(f"MARKET_DATA: {path}: one bar a code does not tell how long bars are (1 or 5 minutes)")
    width = int(gaps.min())  # type: ignore[arg-type]
    if width not in WIDTHS_MS:
        raise UserError(f"MARKET_DATA: {path}: bars are {width / MINUTE_MS:g} minutes apart; 1 or 5 are understood")
    return width
