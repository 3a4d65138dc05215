"""What the council looks at: index technicals, breadth, VIX, dollar and US close (R-MACD-07, R-CNL-07)."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from jennie_core.scoring.frames import MACRO_DAILY, require, require_known
from jennie_core.scoring.index_technicals import PROXY_INDEX, IndexTechnicals, gap_pct, index_technicals, proxy_index


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


def market_breadth(readings: pl.DataFrame) -> Breadth | None:
    """Breadth from `assemble_readings` (or `price_factors`) rows of stocks that traded; None without any."""
    stocks, up, above = readings.select(breadth_counts()).row(0)
    return breadth_of(stocks, up, above)


def breadth_counts() -> list[pl.Expr]:
    """Counts over one day's rows: stocks that traded, of these advancing, of these above their MA20."""
    traded = ~pl.col("is_halted") & pl.col("change_pct").is_not_null() & pl.col("ma20").is_not_null()
    conditions = {"stocks": traded, "up": traded & (pl.col("change_pct") > 0), "above": traded & _above_ma20()}
    return [condition.sum().alias(name) for name, condition in conditions.items()]


def _above_ma20() -> pl.Expr:
    return pl.col("close_krw") > pl.col("ma20")


def breadth_of(stocks: int, up: int, above: int) -> Breadth | None:
    """Breadth of `breadth_counts`; None without a stock."""
    return None if stocks == 0 else Breadth(up / stocks, above / stocks, stocks)


class MacroSeries:
    """Known values of every macro series by date, for look-ups at many days."""

    def __init__(self, macro: pl.DataFrame) -> None:
        """`macro` has `MACRO_DAILY`."""
        known = require(macro, MACRO_DAILY, "macro series").filter(pl.col("value").is_not_null())
        parts = known.sort("observed_on").partition_by("series", as_dict=True)
        self._days = {str(name): part["observed_on"].to_list() for (name,), part in parts.items()}
        self._values = {str(name): part["value"].to_list() for (name,), part in parts.items()}

    def latest(self, series: str, *, market_day: date, back: int = 0) -> float | None:
        """Value `back` observations before the newest one before `market_day`; None when there is none."""
        place = bisect_left(self._days.get(series, []), market_day) - 1 - back
        return None if place < 0 else float(self._values[series][place])


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
    return known_readings(
        market_day,
        kospi=kospi,
        kosdaq=index_technicals(index_daily, "KOSDAQ", previous_session=previous_session),
        breadth=None if readings is None else market_breadth(readings),
        series=MacroSeries(macro),
        foreign_net_5d_krw=None if market_flows is None else foreign_flow(market_flows, previous_session),
        sector_return_20_pct={} if readings is None else _sector_returns(readings),
        notes=notes,
    )


def known_readings(
    market_day: date,
    *,
    kospi: IndexTechnicals | None,
    kosdaq: IndexTechnicals | None,
    breadth: Breadth | None,
    series: MacroSeries,
    foreign_net_5d_krw: float | None,
    sector_return_20_pct: Mapping[str, float],
    notes: Sequence[str] = (),
) -> MacroReadings:
    """The council's inputs from what was read of the market and the macro series before `market_day`."""
    dollar, dollar_before = (series.latest("USDKRW", market_day=market_day, back=back) for back in (0, 20))
    us, us_before = (series.latest("SP500", market_day=market_day, back=back) for back in (0, 1))
    return MacroReadings(
        market_day=market_day,
        kospi=kospi,
        kosdaq=kosdaq,
        breadth=breadth,
        vix=series.latest("VIX", market_day=market_day),
        usd_krw=dollar,
        usd_krw_change_20_pct=None if dollar is None else gap_pct(dollar, dollar_before),
        us_change_pct=None if us is None else gap_pct(us, us_before),
        foreign_net_5d_krw=foreign_net_5d_krw,
        sector_return_20_pct=sector_return_20_pct,
        notes=tuple(notes),
    )


def foreign_flow(market_flows: pl.DataFrame, previous_session: date) -> float | None:
    """Foreigners' KOSPI net buying of the last five sessions; None without all five or when they are older."""
    require_known(market_flows, "trade_date", previous_session, "market flows")
    kospi = market_flows.filter(pl.col("market") == "KOSPI").sort("trade_date").tail(5)
    if kospi.height < 5 or kospi["trade_date"][-1] != previous_session:
        return None
    return float(kospi["foreign_net_krw"].sum())


def _sector_returns(readings: pl.DataFrame) -> dict[str, float]:
    rows = readings.select("sector_group", "sector_return_20_pct").unique().drop_nulls().sort("sector_group")
    return dict(rows.iter_rows())
