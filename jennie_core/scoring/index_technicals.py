"""Technicals of a market index at its last close (R-MACD-07)."""

from collections.abc import Iterable
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
    return technicals_at(rows, [previous_session]).get(previous_session)


def technicals_at(rows: pl.DataFrame, sessions: Iterable[date]) -> dict[date, IndexTechnicals]:
    """Technicals of one index at each of `sessions` that has a bar and 20 before it, from its last 150 bars up to then.

    `rows` are the index's bars, sorted by date.
    """
    place = {day: number for number, day in enumerate(rows["trade_date"])}
    last = [(day, place[day]) for day in sessions if day in place and place[day] >= MIN_INDEX_ROWS - 1]
    numbers = [range(max(0, number + 1 - MAX_INDEX_ROWS), number + 1) for _, number in last]
    windows = pl.DataFrame(
        {"session": [day for day, _ in last], "number": [list(window) for window in numbers]},
        schema={"session": pl.Date, "number": pl.List(pl.UInt32)},
    ).explode("number", empty_as_null=False, keep_nulls=False)
    bars = rows[windows["number"]].with_columns(windows["session"])
    values = bars.group_by("session", maintain_order=True).agg(_expressions())
    return {row["session"]: _technicals(**row) for row in values.iter_rows(named=True)}


def _expressions() -> list[pl.Expr]:
    close = pl.col("close")
    return [
        pl.col("index_code").last(),
        pl.col("change_pct").last(),
        close.last(),
        *(ind.sma(close, n).alias(f"sma{n}") for n in (5, 20, 60, 120)),
        *(close.shift(1).tail(n).mean().alias(f"sma{n}_before") for n in (5, 20)),
        close.tail(20).std(ddof=0).alias("deviation"),
        ind.rsi_wilder(close).alias("rsi14"),
        ind.macd_histogram(close).last().alias("macd_histogram"),
    ]


def _technicals(
    *, session: date, index_code: str, close: float, change_pct: float | None, sma5: float, sma20: float,
    sma60: float | None, sma120: float | None, sma5_before: float, sma20_before: float, deviation: float,
    rsi14: float | None, macd_histogram: float | None,
) -> IndexTechnicals:  # fmt: skip
    band = 2.0 * deviation
    return IndexTechnicals(
        index_code=index_code,
        last_date=session,
        close=close,
        change_pct=change_pct,
        sma5=sma5,
        sma20=sma20,
        sma60=sma60,
        sma120=sma120,
        alignment=_alignment(sma5, sma20, sma60),
        gap_to_sma20_pct=gap_pct(close, sma20),
        gap_to_sma120_pct=gap_pct(close, sma120),
        rsi14=rsi14,
        bollinger_position=(close - sma20 + band) / (2 * band) if band > 0 else None,
        bollinger_width_pct=2 * band / sma20 * 100.0,
        macd_histogram=macd_histogram,
        cross=_cross(sma5, sma20, sma5_before, sma20_before),
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
