"""The seam between the data plane and whoever supplies market data: one Protocol, canonical frames.

Every frame keeps its contract of `jennie_core.scoring.frames`; null is unknown. A frame of a dataset the source does
not have is empty, never invented.
"""

from datetime import date
from typing import Protocol

import polars as pl


class MarketDataSource(Protocol):
    """A supplier of market data. Dates are inclusive; each method says what its last date means.

    Every method raises `errors.MarketDataError` with one line naming the file, place and rule.
    """

    def describe(self) -> dict[str, str]:
        """What this source is and which caveats apply: dataset name to one line; `source` and `kind` always present."""
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
