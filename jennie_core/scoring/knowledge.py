"""What of all ever known facts was known for a market day: the one cut that history and single days share (Q2)."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jennie_core.scoring.factors import FLOW_WINDOW_DAYS, recent_sessions
from jennie_core.scoring.readings import MarketInputs
from jennie_core.scoring.sentiment import NEWS_WINDOW_DAYS

STATEMENT_MAX_AGE_DAYS = 550
"""A statement older than about a year and a half says nothing about today; the reading is then unknown."""
CONSENSUS_WINDOW_DAYS = 60


@dataclass(frozen=True)
class HistoryInputs:
    """Canonical frames (`frames.py`) of a whole range and the 250 sessions before it, with all rows ever known.

    Each row is used from its own date on: prices and flows from trade_date, market values from snapshot_date,
    statements and consensus from known_on, headlines from published_on, macro series after observed_on. Of several
    statements known, the one of the newest period counts, then the one filed last. `master` has no date: it must hold
    nothing that was learnt later, so `status` is null unless it is true of the whole range. An empty frame means
    unknown.
    """

    prices: pl.DataFrame
    master: pl.DataFrame
    market_caps: pl.DataFrame
    fundamentals: pl.DataFrame
    flows: pl.DataFrame
    consensus: pl.DataFrame
    headlines: pl.DataFrame
    index_daily: pl.DataFrame
    macro_daily: pl.DataFrame
    market_flows: pl.DataFrame


def period_end() -> pl.Expr:
    """Last month of a statement's period as Int32: `2024` is 202412, `202409` and `2024Q3` 202409; 0 = unreadable."""
    year, rest = pl.col("period").str.slice(0, 4), pl.col("period").str.slice(4)
    quarter = rest.str.strip_prefix("Q").cast(pl.Int32, strict=False) * 3
    month = pl.when(rest.str.starts_with("Q")).then(quarter).otherwise(rest.cast(pl.Int32, strict=False))
    return (year.cast(pl.Int32, strict=False) * 100 + pl.coalesce(month, pl.lit(12, dtype=pl.Int32))).fill_null(0)


def newest_statements(fundamentals: pl.DataFrame, known_by: date) -> pl.DataFrame:
    """Per code the newest of the statements known on `known_by`; none where that one is older than 550 days."""
    oldest = known_by - timedelta(days=STATEMENT_MAX_AGE_DAYS)
    known = fundamentals.filter(pl.col("known_on") <= known_by)
    newest = known.sort("code", period_end(), "known_on", maintain_order=True).unique("code", keep="last")
    return newest.filter(pl.col("known_on") >= oldest)


def inputs_known(history: HistoryInputs, *, as_of: date, known_by: date) -> MarketInputs:
    """The inputs of one decision: `as_of` is the last session, `known_by` the day before the market day."""
    day, filed = pl.col("trade_date"), pl.col("known_on")
    caps = history.market_caps.filter(pl.col("snapshot_date") <= as_of)
    news_from = known_by - timedelta(days=NEWS_WINDOW_DAYS)
    return MarketInputs(
        prices=recent_sessions(history.prices.filter(day <= as_of), as_of),
        master=history.master,
        market_caps=caps.sort("code", "snapshot_date", maintain_order=True).unique("code", keep="last"),
        fundamentals=newest_statements(history.fundamentals, known_by),
        flows=history.flows.filter((day <= as_of) & (day > as_of - timedelta(days=FLOW_WINDOW_DAYS))),
        consensus=history.consensus.filter(
            (filed <= known_by) & (filed > known_by - timedelta(days=CONSENSUS_WINDOW_DAYS))
        ),
        headlines=history.headlines.filter(pl.col("published_on").is_between(news_from, known_by, closed="right")),
    )
