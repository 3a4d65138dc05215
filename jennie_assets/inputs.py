"""What a decision for market day D may read: prices up to the session before D, facts dated before D (Q2).

Every reader of the scout and the council goes through here, so that the filter stands in one place.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from jennie_assets.artifacts import MissingArtifactError
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_core.domain.base import canonical_hash
from jennie_core.scoring.factors import HISTORY_SESSIONS
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.sentiment import NEWS_WINDOW_DAYS
from jennie_infra.db.market import StockDailyPrice, StockInvestorTrading, StockNewsSentiment
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference

FLOW_DAYS = 60
INDEX_DAYS = 260
MACRO_DAYS = 400
READINGS = "readings"


@dataclass(frozen=True)
class Knowledge:
    """The limits of what is known for market day D."""

    market_day: date

    @property
    def last_session(self) -> date:
        """The session before D: the newest prices and flows that may be read."""
        return CALENDAR.previous_session(self.market_day)

    @property
    def known_by(self) -> date:
        """The day before D: the newest filing or headline that may be read."""
        return self.market_day - timedelta(days=1)

    @property
    def first_price(self) -> date:
        """Start of the price window."""
        return CALENDAR.previous_session(self.market_day, HISTORY_SESSIONS)

    @property
    def first_headline(self) -> date:
        """Start of the news window (R-ENR-08)."""
        return self.market_day - timedelta(days=NEWS_WINDOW_DAYS)


def read_inputs(connection: Connection, known: Knowledge) -> MarketInputs:
    """The canonical frames of one decision, read from the market store."""
    master_day = reference.newest_master_day(connection, known.last_session)
    if master_day is None:
        raise MissingArtifactError(f"the stock master has no partition up to {known.last_session}: run market_data_job")
    headlines = reference.read_headlines(connection, known.first_headline, known.known_by)
    return MarketInputs(
        prices=prices.read_daily_prices(connection, known.first_price, known.last_session),
        master=reference.read_stock_master(connection, master_day),
        market_caps=reference.read_market_caps(connection, master_day),
        fundamentals=reference.read_fundamentals(connection, master_day),
        flows=prices.read_investor_flows(
            connection, known.last_session - timedelta(days=FLOW_DAYS), known.last_session
        ),
        consensus=reference.read_consensus(connection, known.known_by),
        headlines=headlines.filter(pl.col("sentiment_score").is_not_null()),
    )


def market_readings(platform: Platform, known: Knowledge) -> tuple[pl.DataFrame, str]:
    """`assemble_readings` of the whole market for D and the version of its inputs; kept until an input changes."""
    with platform.market.connect() as connection:
        version = inputs_version(connection, known)
        try:
            return platform.artifacts.read_exactly(READINGS, known.market_day, version), version
        except MissingArtifactError:
            inputs = read_inputs(connection, known)
    readings = assemble_readings(inputs, as_of=known.last_session, known_by=known.known_by)
    platform.artifacts.write(READINGS, known.market_day, version, readings)
    return readings, version


def inputs_version(connection: Connection, known: Knowledge) -> str:
    """Hash over counts and sums of every input, so that unchanged inputs need not be read again within the day."""
    bar, flow, news = (
        prices.table_of(model).c for model in (StockDailyPrice, StockInvestorTrading, StockNewsSentiment)
    )
    master_day = reference.newest_master_day(connection, known.last_session)
    facts: list[Select[Any]] = [
        select(func.count(), func.sum(bar.close_krw), func.sum(bar.volume), func.max(bar.trade_date)).where(
            bar.trade_date >= known.first_price, bar.trade_date <= known.last_session
        ),
        select(func.count(), func.sum(flow.foreign_net_shares), func.sum(flow.institution_net_shares)).where(
            flow.trade_date >= known.last_session - timedelta(days=FLOW_DAYS), flow.trade_date <= known.last_session
        ),
        select(func.count(), func.sum(news.sentiment_score)).where(
            news.news_date >= known.first_headline, news.news_date <= known.known_by
        ),
    ]
    found: list[Any] = [[str(value) for value in connection.execute(query).one()] for query in facts]
    if master_day is not None:
        found.append(reference.read_stock_master(connection, master_day).hash_rows().sum())
        found.append(reference.read_market_caps(connection, master_day).hash_rows().sum())
        found.append(reference.read_fundamentals(connection, master_day).hash_rows().sum())
    found.append(reference.read_consensus(connection, known.known_by).hash_rows().sum())
    return canonical_hash([known.market_day.isoformat(), *(str(item) for item in found)], 12)
