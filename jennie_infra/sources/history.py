"""A market folder's whole history at once, for runs over many sessions: each row keeps the day it was known."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jennie_core.scoring import frames
from jennie_core.scoring.history import HistoryInputs
from jennie_infra.sources.files import MarketFolder

HISTORY_DAYS = 400
"""Calendar days that hold 250 sessions."""
MACRO_DAYS = 420


@dataclass(frozen=True)
class MarketHistory:
    """Inputs of the scout, and the listings of the day that tell which codes the bars lack.

    `listed`: code, snapshot_date, market (null = unknown), one row per listed code and snapshot.
    """

    inputs: HistoryInputs
    listed: pl.DataFrame


def read_history(source: MarketFolder, first: date, last: date) -> MarketHistory:
    """Everything of [first, last] and of the 250 sessions before; raises MarketDataError for a broken file.

    Names, markets, kinds and sectors are those of `last`: the registers carry no history. The listing status is left
    unknown, because a status of `last` says nothing about the years before.
    """
    start = first - timedelta(days=HISTORY_DAYS)
    prices = source.daily_prices(start, last)
    listed = source.listed_history(start, last)
    master = source.master_of(prices, last).with_columns(status=pl.lit(None, dtype=pl.String))
    return MarketHistory(
        inputs=HistoryInputs(
            prices=prices,
            master=master,
            market_caps=listed.select(frames.MARKET_CAPS.keys()).unique(["code", "snapshot_date"], keep="last"),
            fundamentals=source.every_statement(last),
            flows=source.investor_flows(start, last),
            consensus=source.consensus(last),
            headlines=source.headlines(start, last),
            index_daily=source.index_daily(first - timedelta(days=MACRO_DAYS), last),
            macro_daily=source.macro_daily(first - timedelta(days=MACRO_DAYS), last),
            market_flows=source.market_flows(start, last),
        ),
        listed=listed.select("code", "snapshot_date", "market"),
    )
