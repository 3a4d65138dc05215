"""What the council looks at: index technicals, breadth, VIX, dollar and US close (R-MACD-07, R-CNL-07)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from jennie_core.scoring import indicators as ind
from jennie_core.scoring.frames import INDEX_DAILY, MACRO_DAILY, require, require_known

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


@dataclass(frozen=True)
class Breadth:
    """How much of the market takes part, over codes that traded on the last session."""

    advancing_ratio: float
    above_ma20_ratio: float
    stocks: int


@dataclass(frozen=True)
class MacroReadings:
    """All inputs of one council run; None = unknown. `notes` says what was refused or stood in."""

    market_day: date
    kospi: IndexTechnicals | None
    kosdaq: IndexTechnicals | None
    breadth: Breadth | None
    vix: float | None
    usd_krw: float | None
    usd_krw_change_20_pct: float | None
    us_change_pct: float | None
    foreign_net_5d_krw: float | None = None
    sector_return_20_pct: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def completeness_ratio(self) -> float:
        """Share of the seven readings that are known."""
        parts = (
            self.kospi,
            self.kosdaq,
            self.breadth,
            self.vix,
            self.usd_krw,
            self.us_change_pct,
            self.foreign_net_5d_krw,
        )
        return sum(part is not None for part in parts) / len(parts)


def index_technicals(index_daily: pl.DataFrame, index_code: str, *, previous_session: date) -> IndexTechnicals | None:
    """Technicals of `index_code` at `previous_session`; None with fewer than 21 rows or when its last bar is older.

    A stale table once gave a bull verdict on a crash day, so bars older than the previous session are refused
    (R-MACD-07). Raises LookAheadError when a bar is later than `previous_session`.
    """
    rows = require(index_daily, INDEX_DAILY, "index bars").filter(pl.col("index_code") == index_code).sort("trade_date")
    require_known(rows, "trade_date", previous_session, "index bars")
    rows = rows.tail(MAX_INDEX_ROWS)
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
        index_code=index_code,
        last_date=previous_session,
        close=last,
        change_pct=rows["change_pct"][-1],
        sma5=values["sma5"],
        sma20=values["sma20"],
        sma60=values["sma60"],
        sma120=values["sma120"],
        alignment=_alignment(values["sma5"], values["sma20"], values["sma60"]),
        gap_to_sma20_pct=_gap_pct(last, values["sma20"]),
        gap_to_sma120_pct=_gap_pct(last, values["sma120"]),
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


def _gap_pct(value: float, base: float | None) -> float | None:
    return None if base is None else (value / base - 1.0) * 100.0


def _cross(sma5: float, sma20: float, sma5_before: float, sma20_before: float) -> Literal["golden", "dead"] | None:
    if sma5_before <= sma20_before and sma5 > sma20:
        return "golden"
    return "dead" if sma5_before >= sma20_before and sma5 < sma20 else None


def market_breadth(readings: pl.DataFrame) -> Breadth | None:
    """Breadth from `assemble_readings` (or `price_factors`) rows of stocks that traded; None without any."""
    traded = readings.filter(
        ~pl.col("is_halted") & pl.col("change_pct").is_not_null() & pl.col("ma20").is_not_null()
    ).select((pl.col("change_pct") > 0).alias("up"), (pl.col("close_krw") > pl.col("ma20")).alias("above"))
    if traded.height == 0:
        return None
    return Breadth(
        advancing_ratio=int(traded["up"].sum()) / traded.height,
        above_ma20_ratio=int(traded["above"].sum()) / traded.height,
        stocks=traded.height,
    )


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


def latest(macro: pl.DataFrame, series: str, *, market_day: date, back: int = 0) -> float | None:
    """Value of a series `back` observations before its newest one before `market_day`; None when there is none."""
    rows = require(macro, MACRO_DAILY, "macro series").filter(
        (pl.col("series") == series) & (pl.col("observed_on") < market_day) & pl.col("value").is_not_null()
    )
    values = rows.sort("observed_on")["value"]
    return float(values[-1 - back]) if values.len() > back else None


def collect_readings(
    *,
    market_day: date,
    previous_session: date,
    index_daily: pl.DataFrame,
    macro: pl.DataFrame,
    readings: pl.DataFrame | None = None,
    market_flows: pl.DataFrame | None = None,
    prices: pl.DataFrame | None = None,
) -> MacroReadings:
    """Collect one council run's inputs; nothing later than `previous_session` (US series: before `market_day`) is used.

    `readings` (of `assemble_readings`) gives breadth and sector returns; `prices` lets a proxy index stand in when the
    data has no usable KOSPI bars, which `notes` then says.
    """
    notes: list[str] = []
    kospi = index_technicals(index_daily, "KOSPI", previous_session=previous_session)
    if kospi is None:
        notes.append(f"no KOSPI bars up to {previous_session}: refused as stale or absent (R-MACD-07)")
        if prices is not None:
            kospi = index_technicals(proxy_index(prices), PROXY_INDEX, previous_session=previous_session)
            notes.append("the 200 most traded stocks stand in for the index" if kospi else "no proxy index either")
    dollar, dollar_before = (latest(macro, "USDKRW", market_day=market_day, back=back) for back in (0, 20))
    us, us_before = (latest(macro, "SP500", market_day=market_day, back=back) for back in (0, 1))
    return MacroReadings(
        market_day=market_day,
        kospi=kospi,
        kosdaq=index_technicals(index_daily, "KOSDAQ", previous_session=previous_session),
        breadth=None if readings is None else market_breadth(readings),
        vix=latest(macro, "VIX", market_day=market_day),
        usd_krw=dollar,
        usd_krw_change_20_pct=None if dollar is None else _gap_pct(dollar, dollar_before),
        us_change_pct=None if us is None else _gap_pct(us, us_before),
        foreign_net_5d_krw=None if market_flows is None else _foreign_flow(market_flows, previous_session),
        sector_return_20_pct={} if readings is None else _sector_returns(readings),
        notes=tuple(notes),
    )


def _foreign_flow(market_flows: pl.DataFrame, previous_session: date) -> float | None:
    require_known(market_flows, "trade_date", previous_session, "market flows")
    kospi = market_flows.filter(pl.col("market") == "KOSPI").sort("trade_date").tail(5)
    if kospi.height < 5 or kospi["trade_date"][-1] != previous_session:
        return None
    return float(kospi["foreign_net_krw"].sum())


def _sector_returns(readings: pl.DataFrame) -> dict[str, float]:
    rows = readings.select("sector_group", "sector_return_20_pct").unique().drop_nulls().sort("sector_group")
    return dict(rows.iter_rows())
