"""Facts of other sources as they stood on each row's day: joins backward in time, over all days at once (Q2).

Every function takes rows with code, trade_date (the last session) and known_by (the day before the market day), sorted
by trade_date, and returns them with more columns, in the same order. Each equals its single-day twin, named there.
"""

from datetime import timedelta

import polars as pl

from jennie_core.scoring.factors import FLOW_WINDOW_DAYS, REVISION_WINDOW_DAYS
from jennie_core.scoring.knowledge import CONSENSUS_WINDOW_DAYS, STATEMENT_MAX_AGE_DAYS, period_end
from jennie_core.scoring.sentiment import NEWS_WINDOW_DAYS, score_headlines
from jennie_core.scoring.valuation import carried_cap, ratios

_HALF = 10


def with_market_caps(rows: pl.DataFrame, market_caps: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """`valuation.market_cap_now`: add market_cap_krw (Float64), carried from the newest snapshot of the price window.

    `rows` also have close_krw and window_from, the first session of the price window; `closes` are code, trade_date and
    close_krw of every session.
    """
    snapshots = market_caps.select("code", "snapshot_date", "market_cap_krw").unique(
        ["code", "snapshot_date"], keep="last", maintain_order=True
    )
    snapshots = _with_close(snapshots, "snapshot_date", closes).rename({"close_krw": "close_then"})
    joined = _newest(rows, snapshots, left_on="trade_date", right_on="snapshot_date")
    close_now = pl.col("close_krw")
    in_window = pl.col("snapshot_date") >= pl.col("window_from")
    value = pl.when(in_window).then(carried_cap(close_now, close_then=pl.col("close_then")))
    return joined.with_columns(market_cap_krw=value).drop("snapshot_date", "close_then")


def with_valuation(rows: pl.DataFrame, fundamentals: pl.DataFrame) -> pl.DataFrame:
    """`valuation.valuation` over `knowledge.newest_statements`: add per, pbr, roe_pct, fundamentals_known_on.

    A statement counts from its filing on until one of the same or a later period is filed.
    """
    filed = fundamentals.select(
        "code", "known_on", "roe_pct", "net_income_krw", "total_equity_krw", period=period_end()
    )
    ordered = filed.sort("code", "known_on", "period", maintain_order=True)
    newest = ordered.filter(pl.col("period") >= pl.col("period").cum_max().over("code")).drop("period")
    joined = _newest(rows, newest, left_on="known_by", right_on="known_on", within_days=STATEMENT_MAX_AGE_DAYS)
    return joined.with_columns(ratios()).drop("known_on", "net_income_krw", "total_equity_krw")


def with_consensus(rows: pl.DataFrame, consensus: pl.DataFrame) -> pl.DataFrame:
    """`factors.consensus_factors` of the 60 days before: add forward_per, forward_roe_pct and eps_revision_pct."""
    days = consensus.sort("code", "known_on", maintain_order=True)
    figures = days.select("code", "known_on", "forward_per", "forward_roe_pct")
    joined = _newest(rows, figures, left_on="known_by", right_on="known_on", within_days=CONSENSUS_WINDOW_DAYS - 1)
    eps = days.filter(pl.col("forward_eps_krw").is_not_null())
    last = eps.select("code", pl.col("known_on").alias("last_on"), pl.col("forward_eps_krw").alias("eps_last"))
    first = eps.select("code", pl.col("known_on").alias("first_on"), pl.col("forward_eps_krw").alias("eps_first"))
    joined = joined.drop("known_on").with_columns(
        revision_from=pl.col("known_by") - timedelta(days=REVISION_WINDOW_DAYS - 1)
    )
    joined = _newest(joined, last, left_on="known_by", right_on="last_on", within_days=REVISION_WINDOW_DAYS - 1)
    joined = joined.join_asof(
        first.sort("first_on"), left_on="revision_from", right_on="first_on", by="code", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    known = (pl.col("first_on") < pl.col("last_on")) & (pl.col("eps_first") != 0)
    revision = (pl.col("eps_last") - pl.col("eps_first")) / pl.col("eps_first").abs() * 100.0
    return joined.with_columns(eps_revision_pct=pl.when(known).then(revision)).drop(
        "revision_from", "last_on", "first_on", "eps_last", "eps_first"
    )


def with_news(rows: pl.DataFrame, headlines: pl.DataFrame) -> pl.DataFrame:
    """`sentiment.news_factors`: add news_sentiment and headline_count of the 14 days up to known_by."""
    scored = headlines if "sentiment_score" in headlines.columns else score_headlines(headlines)
    days = (
        scored.filter(pl.col("sentiment_score").is_not_null())
        .group_by("code", "published_on")
        .agg(pl.col("sentiment_score").sum().alias("points"), pl.len().cast(pl.Int64).alias("titles"))
    )
    joined = _window_sums(rows, days, "published_on", "known_by", NEWS_WINDOW_DAYS, ("points", "titles"))
    counted = pl.col("titles") > 0
    return joined.with_columns(
        news_sentiment=pl.when(counted).then(pl.col("points") / pl.col("titles")),
        headline_count=pl.when(counted).then(pl.col("titles").cast(pl.UInt32)),
    ).drop("points", "titles")


def with_flows(rows: pl.DataFrame, flows: pl.DataFrame, closes: pl.DataFrame) -> pl.DataFrame:
    """`factors.flow_factors`: add foreign_net_krw, institution_net_krw, foreign_held_pct, foreign_ratio_trend_pp.

    Raises ValueError when a code has two flow rows on a date (R-ENR-12).
    """
    if flows.select("code", "trade_date").is_duplicated().any():
        raise ValueError("R-ENR-12: investor flows hold more than one row for a code and date")
    valued = _with_close(flows.rename({"trade_date": "flow_date"}), "flow_date", closes)
    names = ("foreign", "institution")
    won = {name: pl.col(f"{name}_net_shares") * pl.col("close_krw") for name in names}
    days = valued.select(
        "code", "flow_date",
        *(won[name].fill_null(0).alias(name) for name in names),
        *(won[name].is_not_null().cast(pl.Int64).alias(f"{name}_days") for name in names),
    )  # fmt: skip
    columns = ("foreign", "institution", "foreign_days", "institution_days")
    joined = _window_sums(rows, days, "flow_date", "trade_date", FLOW_WINDOW_DAYS, columns)
    sums = [
        pl.when(pl.col(f"{name}_days") > 0).then(pl.col(name).cast(pl.Float64)).alias(f"{name}_net_krw")
        for name in names
    ]
    return _with_holdings(joined.with_columns(sums).drop(columns), flows)


def _with_holdings(rows: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Add foreign_held_pct and its trend over the last twenty known ratios of the flow window."""
    held = pl.col("foreign_held_pct")
    lags = [held.shift(n).over("code") for n in range(2 * _HALF)]
    oldest = pl.col("held_on").shift(2 * _HALF - 1).over("code")
    known = (
        flows.filter(held.is_not_null())
        .select("code", pl.col("trade_date").alias("held_on"), "foreign_held_pct")
        .sort("code", "held_on")
        .with_columns(oldest_of_twenty=oldest, trend=_mean(lags[:_HALF]) - _mean(lags[_HALF:]))
    )
    joined = _newest(rows, known, left_on="trade_date", right_on="held_on", within_days=FLOW_WINDOW_DAYS - 1)
    complete = pl.col("oldest_of_twenty") > pl.col("trade_date") - timedelta(days=FLOW_WINDOW_DAYS)
    return joined.with_columns(foreign_ratio_trend_pp=pl.when(complete).then(pl.col("trend"))).drop(
        "held_on", "oldest_of_twenty", "trend"
    )


def _mean(lags: list[pl.Expr]) -> pl.Expr:
    """Mean of ten lagged values; summed anew for each row, so that equal values have no trend."""
    return pl.sum_horizontal(reversed(lags)) / _HALF


def _with_close(facts: pl.DataFrame, on: str, closes: pl.DataFrame) -> pl.DataFrame:
    """Add the code's close_krw of the fact's own day; null where that is no session of it."""
    days = facts[on].unique()
    near = closes.rename({"trade_date": on}).filter(pl.col(on).is_in(days.implode()))
    wanted = near.join(facts, on=["code", on], how="semi")
    return facts.join(wanted, on=["code", on], how="left")


def _newest(
    rows: pl.DataFrame, facts: pl.DataFrame, *, left_on: str, right_on: str, within_days: int | None = None
) -> pl.DataFrame:
    """The code's newest fact not after `left_on`, and not older than `within_days` before it."""
    return rows.join_asof(
        facts.sort(right_on, maintain_order=True),
        left_on=left_on,
        right_on=right_on,
        by="code",
        strategy="backward",
        tolerance=None if within_days is None else timedelta(days=within_days),
        check_sortedness=False,
        coalesce=False,
    )


def _window_sums(
    rows: pl.DataFrame, facts: pl.DataFrame, fact_date: str, row_date: str, days: int, columns: tuple[str, ...]
) -> pl.DataFrame:
    """Sum `columns` over the code's facts of the `days` calendar days that end on `row_date`; 0 without any."""
    sums = (
        facts.sort("code", fact_date)
        .select("code", fact_date, *(pl.col(name).cum_sum().over("code") for name in columns))
        .rename({fact_date: "fact_date"})
    )
    before = sums.rename({name: f"{name}_before" for name in columns})
    joined = _newest(rows, sums, left_on=row_date, right_on="fact_date").drop("fact_date")
    joined = joined.with_columns(outside=pl.col(row_date) - timedelta(days=days))
    joined = _newest(joined, before, left_on="outside", right_on="fact_date").drop("fact_date", "outside")
    return joined.with_columns(
        pl.col(name).fill_null(0) - pl.col(f"{name}_before").fill_null(0) for name in columns
    ).drop(f"{name}_before" for name in columns)
