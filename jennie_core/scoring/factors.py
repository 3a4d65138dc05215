"""Readings of the enrichment (R-ENR) per stock, over the whole market in one pass per source frame."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from jennie_core.scoring import indicators as ind
from jennie_core.scoring.frames import CONSENSUS, DAILY_PRICES, INVESTOR_FLOWS, require, require_known

HISTORY_SESSIONS = 250
HIGH_WINDOW_SESSIONS = 250
MIN_SESSIONS_FOR_YEAR_HIGH = 200
FLOW_WINDOW_DAYS = 60
REVISION_WINDOW_DAYS = 30


def recent_sessions(prices: pl.DataFrame, as_of: date, sessions: int = HISTORY_SESSIONS) -> pl.DataFrame:
    """Rows of the last `sessions` market sessions up to `as_of`, sorted by code and date; older ones are dropped.

    Raises LookAheadError when `prices` holds a later row.
    """
    require_known(require(prices, DAILY_PRICES, "daily prices"), "trade_date", as_of, "daily prices")
    days = prices["trade_date"].unique().sort().tail(sessions)
    if days.len():
        prices = prices.filter(pl.col("trade_date") >= days[0])
    return prices.sort("code", "trade_date")


def price_factors(prices: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """One row per code that traded or was halted on the market's last session up to `as_of`.

    Input: `DAILY_PRICES` (sorted or not), nothing later than `as_of`. The last 250 market sessions are used.
    Output: code String, last_date Date, sessions UInt32, close_krw and previous_close_krw Int64, is_halted Boolean;
    Float64: change_pct, rsi14, rsi14_simple, return_20_pct, return_60_pct, return_120_pct, ma5, ma20, ma60, ma60_before
    (20 sessions ago), volume_ratio_5_20, high_52w_krw, drawdown_from_high_pct, max_close_krw, atr_krw,
    median_turnover_20_krw. Null = too short a history to tell. A code whose last row is older than the market's last
    session is left out: it is no longer listed (`universe` reports it).
    """
    window = recent_sessions(prices, as_of)
    if window.height == 0:
        return ind.with_terms(window).group_by("code").agg(_price_readings(year_known=False))
    market_days = window["trade_date"].n_unique()
    last_day = window["trade_date"].max()
    frame = (
        ind.with_terms(window)
        .group_by("code", maintain_order=True)
        .agg(_price_readings(market_days >= MIN_SESSIONS_FOR_YEAR_HIGH))
    )
    return frame.filter(pl.col("last_date") == last_day).with_columns(
        change_pct=(pl.col("close_krw") / pl.col("previous_close_krw") - 1.0) * 100.0,
        drawdown_from_high_pct=(pl.col("close_krw") / pl.col("high_52w_krw") - 1.0) * 100.0,
    )


def _price_readings(year_known: bool) -> list[pl.Expr]:
    close, volume = pl.col("close_krw"), pl.col("volume")
    closes = close.cast(pl.Float64)
    traded = ~pl.col("is_halted")
    year_high = pl.col("high_krw").filter(traded).tail(HIGH_WINDOW_SESSIONS).max().cast(pl.Float64)
    return [
        pl.col("trade_date").last().alias("last_date"),
        pl.len().alias("sessions"),
        close.last().alias("close_krw"),
        close.get(-2, null_on_oob=True).alias("previous_close_krw"),
        pl.col("is_halted").last().alias("is_halted"),
        ind.rsi_of_terms().alias("rsi14"),
        ind.simple_rsi_of_terms().alias("rsi14_simple"),
        ind.return_pct(closes, 20).alias("return_20_pct"),
        ind.return_pct(closes, 60).alias("return_60_pct"),
        ind.return_pct(closes, 120).alias("return_120_pct"),
        ind.sma(closes, 5).alias("ma5"),
        ind.sma(closes, 20).alias("ma20"),
        ind.sma(closes, 60).alias("ma60"),
        pl.when(pl.len() >= 80).then(closes.tail(80).head(60).mean()).alias("ma60_before"),
        _volume_ratio(volume).alias("volume_ratio_5_20"),
        (year_high if year_known else pl.lit(None, dtype=pl.Float64)).alias("high_52w_krw"),
        pl.when(pl.len() >= 20).then(closes.max()).alias("max_close_krw"),
        ind.atr_of_terms().alias("atr_krw"),
        pl.when(pl.len() >= 20).then((closes * volume).tail(20).median()).alias("median_turnover_20_krw"),
    ]


def _volume_ratio(volume: pl.Expr) -> pl.Expr:
    """R-QNT-41: mean volume of 5 sessions over that of 20; null without 20 sessions or without any trade in them."""
    base = volume.tail(20).mean()
    return pl.when((volume.len() >= 20) & (base > 0)).then(volume.tail(5).mean() / base)


def flow_factors(flows: pl.DataFrame, prices: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Sixty calendar days of investor flows in won (R-ENR-03, R-ENR-04, R-ENR-12): one row per code with any flow row.

    Input: `INVESTOR_FLOWS` and `DAILY_PRICES`; a day's shares are valued at that day's close.
    Output: code, foreign_net_krw, institution_net_krw, foreign_held_pct, foreign_ratio_trend_pp (all Float64, null =
    unknown; the trend is the mean of the last 10 ratios less the mean of the 10 before and needs 20 of them).
    """
    require_known(require(flows, INVESTOR_FLOWS, "investor flows"), "trade_date", as_of, "investor flows")
    window = flows.filter(pl.col("trade_date") > as_of - timedelta(days=FLOW_WINDOW_DAYS))
    duplicates = window.select("code", "trade_date").is_duplicated().sum()
    if duplicates:
        raise ValueError(f"R-ENR-12: investor flows hold {duplicates} rows for a code and date that appears twice")
    keys = ["code", "trade_date"]
    closes = prices.select(*keys, "close_krw").join(window, on=keys, how="semi")
    valued = window.join(closes, on=keys, how="left").sort(keys)
    ratio = pl.col("foreign_held_pct").drop_nulls()
    return valued.group_by("code", maintain_order=True).agg(
        _sum_or_null(pl.col("foreign_net_shares") * pl.col("close_krw")).alias("foreign_net_krw"),
        _sum_or_null(pl.col("institution_net_shares") * pl.col("close_krw")).alias("institution_net_krw"),
        ratio.last().alias("foreign_held_pct"),
        pl.when(ratio.len() >= 20)
        .then(ratio.tail(10).mean() - ratio.tail(20).head(10).mean())
        .alias("foreign_ratio_trend_pp"),
    )


def _sum_or_null(expression: pl.Expr) -> pl.Expr:
    """Sum of the known values; null when none is known (polars would say 0)."""
    return pl.when(expression.is_not_null().any()).then(expression.cast(pl.Float64).sum())


def consensus_factors(consensus: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Newest forward figures and the 30-day EPS revision (R-ENR-06, R-ENR-07): one row per code.

    Output: code, forward_per, forward_roe_pct, eps_revision_pct (Float64). The revision needs two rows of different
    days within 30 days and an oldest EPS other than 0.
    """
    require_known(require(consensus, CONSENSUS, "consensus"), "known_on", as_of, "consensus")
    eps = pl.col("forward_eps_krw").filter(
        pl.col("forward_eps_krw").is_not_null() & (pl.col("known_on") > as_of - timedelta(days=REVISION_WINDOW_DAYS))
    )
    return (
        consensus.sort("code", "known_on")
        .group_by("code", maintain_order=True)
        .agg(
            pl.col("forward_per").last(),
            pl.col("forward_roe_pct").last(),
            pl.when((eps.len() >= 2) & (eps.first() != 0))
            .then((eps.last() - eps.first()) / eps.first().abs() * 100.0)
            .alias("eps_revision_pct"),
        )
    )


def sector_momentum(readings: pl.DataFrame, keys: Sequence[str] = ("sector_group",)) -> pl.DataFrame:
    """Mean 20-session return per sector group (R-ENR-09): sector_group, sector_return_20_pct (null below 5 members).

    `keys` also name the day where the rows are of many days. Members are the rows whose sector is known
    (is_sector_known) and that have 20 closes.
    """
    return (
        readings.lazy()
        .filter(pl.col("is_sector_known"))
        .group_by(keys, maintain_order=True)
        .agg(
            pl.when(pl.col("return_20_pct").count() >= 5)
            .then(pl.col("return_20_pct").mean())
            .alias("sector_return_20_pct")
        )
        .collect()
    )
