"""The frames that travel between sources, scores and store: columns, dtypes and the look-ahead guard.

A missing reading is null everywhere; no frame carries a neutral default. Frames may hold more columns than their
contract names; the extra ones are ignored.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

Schema = Mapping[str, type[pl.DataType]]

DAILY_PRICES: Schema = {
    "code": pl.String,
    "trade_date": pl.Date,
    "open_krw": pl.Int64,
    "high_krw": pl.Int64,
    "low_krw": pl.Int64,
    "close_krw": pl.Int64,
    "volume": pl.Int64,
    "is_halted": pl.Boolean,
}
"""One row per code and session, sorted; a halted session has open = high = low = 0 and the last close."""

STOCK_MASTER: Schema = {
    "code": pl.String,
    "name": pl.String,
    "market": pl.String,
    "asset_kind": pl.String,
    "status": pl.String,
    "sector_large": pl.String,
    "sector_mid": pl.String,
}
"""One row per listed code; `status` is a `ListingStatus` value, null = the source cannot tell."""

MARKET_CAPS: Schema = {
    "code": pl.String,
    "snapshot_date": pl.Date,
    "market_cap_krw": pl.Int64,
    "shares_outstanding": pl.Int64,
}
"""One row per code: the newest snapshot known at the asked day."""

INDEX_DAILY: Schema = {
    "index_code": pl.String,
    "trade_date": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "change_pct": pl.Float64,
}
"""One row per index (KOSPI, KOSDAQ, KOSPI200) and session, in points."""

MACRO_DAILY: Schema = {"series": pl.String, "observed_on": pl.Date, "value": pl.Float64}
"""Long format; series VIX, USDKRW, SP500, NASDAQ, US10Y, ...; `observed_on` is the date of the series' own market."""

INVESTOR_FLOWS: Schema = {
    "code": pl.String,
    "trade_date": pl.Date,
    "foreign_net_shares": pl.Int64,
    "institution_net_shares": pl.Int64,
    "foreign_held_pct": pl.Float64,
}
"""One row per code and trade date (R-ENR-12): never a sum over several days."""

MARKET_FLOWS: Schema = {
    "market": pl.String,
    "trade_date": pl.Date,
    "foreign_net_krw": pl.Float64,
    "institution_net_krw": pl.Float64,
    "individual_net_krw": pl.Float64,
}
"""Net buying of a whole market per session (R-MACD-02), in won."""

FUNDAMENTALS: Schema = {
    "code": pl.String,
    "period": pl.String,
    "known_on": pl.Date,
    "roe_pct": pl.Float64,
    "net_income_krw": pl.Float64,
    "total_equity_krw": pl.Float64,
}
"""One row per code: the newest statement known at the asked day; `known_on` is its filing date (or end + lag)."""

CONSENSUS: Schema = {
    "code": pl.String,
    "known_on": pl.Date,
    "forward_per": pl.Float64,
    "forward_eps_krw": pl.Float64,
    "forward_roe_pct": pl.Float64,
}
"""One row per code and collection day, oldest first."""

HEADLINES: Schema = {"code": pl.String, "published_on": pl.Date, "title": pl.String, "press": pl.String}
"""One row per article and code; published dates are KST dates (R-NEWS-07)."""


class FrameError(ValueError):
    """A frame does not keep its contract: a column is missing or has another dtype."""


class LookAheadError(ValueError):
    """A frame holds a row that was not known at the asked session (Q2)."""


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of `schema` without rows: nothing is known."""
    return pl.DataFrame(schema=dict(schema))


def require(frame: pl.DataFrame, schema: Schema, name: str) -> pl.DataFrame:
    """Return `frame` when it has every column of `schema` with its dtype, else raise FrameError naming the column."""
    for column, dtype in schema.items():
        if column not in frame.columns:
            raise FrameError(f"{name}: column {column} is missing")
        found = frame.schema[column]
        if found != dtype and found != pl.Null:
            raise FrameError(f"{name}: column {column} is {found}, expected {dtype.__name__}")
    return frame


def require_known(frame: pl.DataFrame, column: str, as_of: date, name: str) -> pl.DataFrame:
    """Return `frame` when no date in `column` is after `as_of`, else raise LookAheadError naming the first such row."""
    late = frame.filter(pl.col(column) > as_of)
    if late.height:
        code = late["code"][0] if "code" in late.columns else ""
        raise LookAheadError(
            f"{name}: row {code} {column} {late[column][0]} is later than {as_of} ({late.height} rows)"
        )
    return frame


def last_session(prices: pl.DataFrame) -> date | None:
    """The newest trade date of a price frame; None when it has no row."""
    newest = prices["trade_date"].max()
    return newest if isinstance(newest, date) else None
