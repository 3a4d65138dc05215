"""Technicals of a market index at its last close (R-MACD-07)."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from jennie_core.scoring import indicators as ind
from jennie_core.scoring.frames import INDEX_DAILY, require, require_known

MIN_INDEX_ROWS = 21
MAX_INDEX_ROWS = 150
PROXY_INDEX = "MARKET_PROXY"
PROXY_STOCKS = 200


@dataclass(frozen=True)
class IndexTechnicals:
    """Technicals of one index at its last close; None = too few rows for this figure."""

    index_code: str
    last_date: date
    close: float
    change_pct: float | None
    sma5: float | None
    sma20: float | None
    sma60: float | None
    sma120: float | None
    alignment: Literal["up", "down", "mixed"] | None
    gap_to_sma20_pct: float | None
    gap_to_sma120_pct: float | None
    rsi14: float | None
    bollinger_position: float | None
    bollinger_width_pct: float | None
    macd_histogram: float | None
    cross: Literal["golden", "dead"] | None


def index_technicals(index_daily: pl.DataFrame, index_code: str, *, previous_session: date) -> IndexTechnicals | None:
    """Technicals of `index_code` at `previous_session`; None with fewer than 21 rows or when its last bar is older.

    A stale table once gave a bull verdict on a crash day, so bars older than the previous session are refused
    (R-MACD-07). Raises LookAheadError when a bar is later than `previous_session`.
    """
    rows = require(index_daily, INDEX_DAILY, "index bars").filter(pl.col("index_code") == index_code).sort("trade_date")
    require_known(rows, "trade_date", previous_session, "index bars")
    return technicals_of(rows.tail(MAX_INDEX_ROWS), previous_session=previous_session)


def technicals_of(rows: pl.DataFrame, *, previous_session: date) -> IndexTechnicals | None:
    """`index_technicals` from the last 150 bars (or fewer) of one index, sorted."""
    if rows.height < MIN_INDEX_ROWS or rows["trade_date"][-1] != previous_session:
        return None
    close = pl.col("close")
    values = rows.select(
        sma5=ind.sma(close, 5), sma20=ind.sma(close, 20), sma60=ind.sma(close, 60), sma120=ind.sma(close, 120),
        sma5_before=close.shift(1).tail(5).mean(), sma20_before=close.shift(1).tail(20).mean(),
        deviation=close.tail(20).std(ddof=0), rsi14=ind.rsi_wilder(close), histogram=ind.macd_histogram(close).last(),
    ).row(0, named=True)  # fmt: skip
    last = float(rows["close"][-1])
    band = 2.0 * values["deviation"]
    return IndexTechnicals(
        index_code=rows["index_code"][0],
        last_date=previous_session,
        close=last,
        change_pct=rows["change_pct"][-1],
        sma5=values["sma5"],
        sma20=values["sma20"],
        sma60=values["sma60"],
        sma120=values["sma120"],
        alignment=_alignment(values["sma5"], values["sma20"], values["sma60"]),
        gap_to_sma20_pct=gap_pct(last, values["sma20"]),
        gap_to_sma120_pct=gap_pct(last, values["sma120"]),
        rsi14=values["rsi14"],
        bollinger_position=(last - values["sma20"] + band) / (2 * band) if band > 0 else None,
        bollinger_width_pct=2 * band / values["sma20"] * 100.0,
        macd_histogram=values["histogram"],
        cross=_cross(values["sma5"], values["sma20"], values["sma5_before"], values["sma20_before"]),
    )


def _alignment(sma5: float | None, sma20: float | None, sma60: float | None) -> Literal["up", "down", "mixed"] | None:
    if sma5 is None or sma20 is None or sma60 is None:
        return None
    if sma5 > sma20 > sma60:
        return "up"
    return "down" if sma5 < sma20 < sma60 else "mixed"


def gap_pct(value: float, base: float | None) -> float | None:
    """Percent of `value` over `base`; None when the base is unknown."""
    return None if base is None else (value / base - 1.0) * 100.0


def _cross(sma5: float, sma20: float, sma5_before: float, sma20_before: float) -> Literal["golden", "dead"] | None:
    if sma5_before <= sma20_before and sma5 > sma20:
        return "golden"
    return "dead" if sma5_before >= sma20_before and sma5 < sma20 else None


def proxy_index(prices: pl.DataFrame) -> pl.DataFrame:
    """`frames.INDEX_DAILY` of a stand-in index (code MARKET_PROXY) for data without index bars.

    Chain of the mean daily return of the 200 codes with the largest median turnover in the frame, from 1,000 points.
    """
    turnover = (pl.col("close_krw").cast(pl.Float64) * pl.col("volume")).median()
    largest = prices.group_by("code").agg(turnover.alias("turnover")).sort("turnover", "code", descending=[True, False])
    held = prices.join(largest.head(PROXY_STOCKS).select("code"), on="code", how="semi").sort("code", "trade_date")
    step = pl.col("close_krw") / pl.col("close_krw").shift(1).over("code")
    days = held.with_columns(step=step).group_by("trade_date").agg(pl.col("step").mean()).sort("trade_date")
    level = (pl.col("step").fill_null(1.0).cum_prod() * 1000.0).alias("close")  # the first day has no return: the base
    return days.select(
        pl.lit(PROXY_INDEX).alias("index_code"),
        "trade_date",
        level.alias("open"),
        level.alias("high"),
        level.alias("low"),
        level,
        ((pl.col("step") - 1.0) * 100.0).alias("change_pct"),
    )
