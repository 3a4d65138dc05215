"""Universe, quant, hybrid and smoothed scores of many market days at once, with the expressions of a single day."""

import polars as pl

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.analyst import grade_of, hybrid_scores
from jennie_core.scoring.history_facts import with_consensus, with_flows, with_market_caps, with_news, with_valuation
from jennie_core.scoring.knowledge import HistoryInputs
from jennie_core.scoring.readings import own_momentum
from jennie_core.scoring.rules_analyst import ANALYST, rules_score
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.sectors import OTHER, with_sector_group
from jennie_core.scoring.smoothing import smoothed_history
from jennie_core.scoring.universe import passes, place

KEYS = ("market_day", "code")
_MARKET_COLUMNS = (
    *("code", "trade_date", "sessions", "close_krw", "is_halted", "change_pct", "ma20", "return_20_pct"),
    "median_turnover_20_krw",
)


def market_rows(panel: pl.DataFrame, master: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """What universe, breadth and sector returns need of every stock listed on each day's last session.

    `panel` is `price_history`, `days` have market_day, trade_date (the last session), known_by and window_from. Sorted
    by code and market_day, with the `panel_row` of each.
    """
    register = with_sector_group(master).select(
        "code", "market", "asset_kind", "status", "sector_group", "is_sector_known"
    )
    return (
        panel.lazy()
        .select(_MARKET_COLUMNS)
        .with_row_index("panel_row")
        .join(days.lazy(), on="trade_date", how="inner", maintain_order="left")
        .join(register.lazy(), on="code", how="left", validate="m:1", maintain_order="left")
        .with_columns(pl.col("sector_group").fill_null(OTHER), pl.col("is_sector_known").fill_null(value=False))
        .collect()
    )


def universe_members(market: pl.DataFrame, inputs: HistoryInputs, settings: ScoutSettings) -> pl.DataFrame:
    """`universe.select_universe` of each day: market_day, code, panel_row, known_by, sector_group, is_sector_known,
    market_cap_krw and size_rank, sorted by market_day and size_rank.
    """
    market_known = pl.col("market").is_not_null().any()
    unknown_days = market.group_by("market_day").agg(market_known).filter(~pl.col("market"))["market_day"]
    if unknown_days.len() == 0:
        kept = _passing(market, inputs, settings, market_known=True)
    else:
        of_unknown = pl.col("market_day").is_in(unknown_days.implode())
        parts = {True: market.filter(~of_unknown), False: market.filter(of_unknown)}
        kept = pl.concat(_passing(part, inputs, settings, market_known=known) for known, part in parts.items())
    return (
        kept.with_columns(place=place().over("market_day"))
        .sort("market_day", "place", "code")
        .with_columns(size_rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("market_day"))
        .filter(pl.col("size_rank") <= settings.universe_size)
        .select(*KEYS, "panel_row", "known_by", "sector_group", "is_sector_known", "market_cap_krw", "size_rank")
    )


def _passing(
    market: pl.DataFrame, inputs: HistoryInputs, settings: ScoutSettings, *, market_known: bool
) -> pl.DataFrame:
    """Rows that pass every filter; the dear look-up of market values is made only for those that pass without it."""
    judged = passes(settings, market_known)
    candidates = market.with_columns(market_cap_krw=pl.lit(None, dtype=pl.Float64)).filter(judged)
    closes = inputs.prices.select("code", "trade_date", "close_krw")
    return with_market_caps(candidates.drop("market_cap_krw"), inputs.market_caps, closes).filter(judged)


def member_readings(
    members: pl.DataFrame, panel: pl.DataFrame, momentum: pl.DataFrame, inputs: HistoryInputs
) -> pl.DataFrame:
    """`readings.assemble_readings` of the universe's members of every day; `momentum` is each day's and sector's."""
    names = inputs.master.select("code", "name")
    rows = (
        pl.concat([panel[members["panel_row"]], members.drop("code", "panel_row")], how="horizontal")
        .join(names, on="code", how="left", validate="m:1", maintain_order="left")
        .join(momentum, on=["market_day", "sector_group"], how="left", validate="m:1", maintain_order="left")
        .with_columns(own_momentum())
    )
    rows = with_valuation(rows, inputs.fundamentals)
    rows = with_consensus(rows, inputs.consensus)
    rows = with_flows(rows, inputs.flows, inputs.prices.select("code", "trade_date", "close_krw"))
    return with_news(rows, inputs.headlines)


def score_history(readings: pl.DataFrame, settings: ScoutSettings) -> pl.DataFrame:
    """Quant, rules analyst, hybrid and smoothed scores of `member_readings` rows.

    The rows carry is_bull, the regime of their day; the scorer is the configured one.
    """
    scored = SCORERS[settings.scorer].rows(readings, is_bull=pl.col("is_bull"), day=("market_day",))
    score = rules_score()
    opinions = scored.select(
        *KEYS, score.alias("score"), grade_of(score).alias("grade"), pl.lit("").alias("reason"),
        pl.lit(ANALYST).alias("analyst"),
    )  # fmt: skip
    return smoothed_history(hybrid_scores(scored, opinions, settings=settings, keys=KEYS), window=settings.ma_window)
