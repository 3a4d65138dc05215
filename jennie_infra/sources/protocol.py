"""The seam between the data plane and whoever supplies market data: one Protocol, canonical frames.

A supplier on the web offers one of the small protocols; `composed.Composed` makes the whole of them. Flows and
consensus have the market folder as their only supplier.

Every frame keeps its contract of `jennie_core.scoring.frames`; null is unknown. A frame of a dataset the source does
not have is empty, never invented.
"""

from datetime import date
from typing import Protocol

import polars as pl


class PriceSource(Protocol):
    """Bars, listing and market values: one supplier, because they must speak of the same codes."""

    name: str
    kind: str
    caveat: str

    def sessions(self, start: date, end: date) -> list[date]:
        """Trading sessions between `start` and `end`, oldest first."""
        ...

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        """As `MarketDataSource.daily_prices`."""
        ...

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """As `MarketDataSource.stock_master`."""
        ...

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """As `MarketDataSource.market_caps`."""
        ...


class IndexSource(Protocol):
    """Index levels."""

    name: str
    caveat: str

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """As `MarketDataSource.index_daily`."""
        ...


class MacroSource(Protocol):
    """Some macro series; `series` names those that it gives, and only those are taken from it."""

    name: str
    caveat: str

    @property
    def series(self) -> frozenset[str]:
        """Names of its series."""
        ...

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """As `MarketDataSource.macro_daily`."""
        ...


class StatementSource(Protocol):
    """Filed statements."""

    name: str
    caveat: str

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """As `MarketDataSource.fundamentals`."""
        ...


class HeadlineSource(Protocol):
    """Headlines of listed companies."""

    name: str
    caveat: str

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """As `MarketDataSource.headlines`."""
        ...


class MarketDataSource(Protocol):
    """A supplier of market data. Dates are inclusive; each method says what its last date means.

    Every method raises `errors.MarketDataError` with one line naming the file, place and rule.
    """

    def describe(self) -> dict[str, str]:
        """What this source is and which caveats apply: dataset name to one line; `source` and `kind` always present.

        A source made of several names the supplier of a dataset under `<dataset>_source` (see `source_of`).
        """
        ...

    def sessions(self, start: date, end: date) -> list[date]:
        """Trading sessions with prices between `start` and `end`, oldest first."""
        ...

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        """`frames.DAILY_PRICES` of the sessions from `start` to `end`, sorted by code and date."""
        ...

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER` of the codes with a price in the 30 calendar days up to `as_of`, sorted by code."""
        ...

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INDEX_DAILY` from `start` to `end`, sorted by index and date."""
        ...

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY` from `start` to the day before `decision_day` (US dates are US dates), sorted."""
        ...

    def investor_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INVESTOR_FLOWS` from `start` to `end`, sorted by code and date; one row per code and trade date."""
        ...

    def market_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.MARKET_FLOWS` from `start` to `end`, sorted by market and date."""
        ...

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS`: per code the newest statement filed up to `known_by`."""
        ...

    def consensus(self, known_by: date) -> pl.DataFrame:
        """`frames.CONSENSUS` rows collected in the 60 days up to `known_by`; empty where no source has them."""
        ...

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """`frames.MARKET_CAPS`: per code the newest snapshot not later than `as_of`."""
        ...

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """`frames.HEADLINES` published from `start` to `end`, sorted by date and code."""
        ...


def source_of(source: MarketDataSource, dataset: str) -> str:
    """Who supplies a dataset (prices, index, macro, flows, statements, headlines), for the metadata of a run."""
    described = source.describe()
    return described.get(f"{dataset}_source", described["source"])
