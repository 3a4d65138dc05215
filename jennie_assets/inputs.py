"""What a decision for market day D may read: prices up to the session before D, facts dated before D (Q2).

Every reader of the scout and the council goes through here, so that the filter stands in one place.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
import polars as pl
from sqlalchemy.engine import Connection

from jennie_assets.artifacts import MissingArtifactError
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import VERSION_KEY
from jennie_core.domain.base import canonical_hash
from jennie_core.scoring.factors import HISTORY_SESSIONS
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.sentiment import NEWS_WINDOW_DAYS
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference

FLOW_DAYS = 60
INDEX_DAYS = 260
MACRO_DAYS = 400
READINGS = "readings"
INPUT_ASSETS = (
    "daily_prices", "close_prices", "investor_flows", "stock_master", "fundamentals", "news_sentiment",
)  # fmt: skip
HASHED_ASSETS = ("news_sentiment",)


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


def market_readings(platform: Platform, instance: dg.DagsterInstance, known: Knowledge) -> tuple[pl.DataFrame, str]:
    """`assemble_readings` of the whole market for D and the version of its inputs; kept until an input changes."""
    version = inputs_version(instance, known)
    try:
        return platform.artifacts.read_exactly(READINGS, known.market_day, version), version
    except MissingArtifactError:
        with platform.market.connect() as connection:
            inputs = read_inputs(connection, known)
    readings = assemble_readings(inputs, as_of=known.last_session, known_by=known.known_by)
    platform.artifacts.write(READINGS, known.market_day, version, readings)
    return readings, version


def inputs_version(instance: dg.DagsterInstance, known: Knowledge) -> str:
    """Hash over the newest materialisation of every input: whatever is loaded again makes a new version."""
    records = instance.get_asset_records([dg.AssetKey(name) for name in INPUT_ASSETS])
    loaded = {record.asset_entry.asset_key.to_user_string(): _loaded(record) for record in records}
    return canonical_hash([known.market_day.isoformat(), *(loaded.get(name) for name in INPUT_ASSETS)], 12)


def _loaded(record: Any) -> str:
    """Content hash where the asset holds one window only (news), else the event that loaded it last."""
    event = record.asset_entry.last_materialization
    materialization = None if event is None else event.asset_materialization
    if materialization is None:
        return "none"
    key = materialization.asset_key.to_user_string()
    stated = materialization.metadata.get(VERSION_KEY)
    if key in HASHED_ASSETS and stated is not None:
        return f"{materialization.partition}:{stated.value}"
    return str(record.asset_entry.last_materialization_storage_id)
