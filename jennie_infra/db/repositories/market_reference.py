"""Stock master, statements, consensus and headlines of the market store; each partition keeps what was known then."""

import hashlib
from datetime import date, datetime, time, timedelta

import polars as pl
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.scoring import frames
from jennie_infra.db.market import StockConsensus, StockFundamentals, StockMaster, StockNewsSentiment
from jennie_infra.db.repositories.market_bulk import read_frame, replace_window
from jennie_infra.db.repositories.market_prices import at, table_of

NEWS_KNOWN = time(0, 0)


def write_stock_master(
    connection: Connection, master: pl.DataFrame, caps: pl.DataFrame, as_of: date, known_at: datetime
) -> int:
    """Replace the master of `as_of`: `frames.STOCK_MASTER` with sector_group, and `frames.MARKET_CAPS`."""
    joined = master.join(caps, on="code", how="left", validate="1:1")
    rows = joined.select(
        pl.lit(as_of).alias("as_of"), pl.col("code").alias("stock_code"), pl.col("name").alias("stock_name"), "market",
        "asset_kind", "status", "sector_large", "sector_mid", "sector_group",
        pl.col("snapshot_date").alias("market_cap_on"), "market_cap_krw",
        pl.col("shares_outstanding").alias("listed_shares"), pl.lit(known_at).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(StockMaster), rows, "as_of", as_of, as_of)


def newest_master_day(connection: Connection, last: date) -> date | None:
    """The newest partition of the stock master not after `last`."""
    t = table_of(StockMaster).c
    found: date | None = connection.execute(select(func.max(t.as_of)).where(t.as_of <= last)).scalar()
    return found


def read_stock_master(connection: Connection, as_of: date) -> pl.DataFrame:
    """`frames.STOCK_MASTER` of one partition, sorted by code."""
    t = table_of(StockMaster).c
    statement = select(
        t.stock_code, t.stock_name, t.market, t.asset_kind, t.status, t.sector_large, t.sector_mid
    ).where(t.as_of == as_of)
    return read_frame(connection, statement, frames.STOCK_MASTER).sort("code")


def read_market_caps(connection: Connection, as_of: date) -> pl.DataFrame:
    """`frames.MARKET_CAPS` of one partition."""
    t = table_of(StockMaster).c
    statement = select(t.stock_code, t.market_cap_on, t.market_cap_krw, t.listed_shares).where(
        t.as_of == as_of, t.market_cap_krw.is_not(None)
    )
    return read_frame(connection, statement, frames.MARKET_CAPS).sort("code")


def write_fundamentals(connection: Connection, frame: pl.DataFrame, as_of: date, known_at: datetime) -> int:
    """Replace the statements of `as_of` by `frames.FUNDAMENTALS` rows."""
    rows = frame.select(
        pl.lit(as_of).alias("as_of"), pl.col("code").alias("stock_code"), pl.col("roe_pct").alias("roe"),
        "net_income_krw", "total_equity_krw", pl.col("period").alias("fiscal_period"),
        pl.col("known_on").alias("filed_on"), pl.lit(known_at).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(StockFundamentals), rows, "as_of", as_of, as_of)


def read_fundamentals(connection: Connection, as_of: date) -> pl.DataFrame:
    """`frames.FUNDAMENTALS` of one partition."""
    t = table_of(StockFundamentals).c
    statement = select(t.stock_code, t.fiscal_period, t.filed_on, t.roe, t.net_income_krw, t.total_equity_krw).where(
        t.as_of == as_of
    )
    return read_frame(connection, statement, frames.FUNDAMENTALS).sort("code")


def write_consensus(connection: Connection, frame: pl.DataFrame, as_of: date, source: str, known_at: datetime) -> int:
    """Replace the consensus of the 60 days up to `as_of` by `frames.CONSENSUS` rows."""
    rows = frame.select(
        pl.col("known_on").alias("as_of"), pl.col("code").alias("stock_code"), "forward_per",
        pl.col("forward_eps_krw").alias("forward_eps"), pl.col("forward_roe_pct").alias("forward_roe"),
        pl.lit(source).alias("source"), pl.lit(known_at).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(StockConsensus), rows, "as_of", as_of - timedelta(days=60), as_of)


def read_consensus(connection: Connection, known_by: date) -> pl.DataFrame:
    """`frames.CONSENSUS` of the 60 days up to `known_by`."""
    t = table_of(StockConsensus).c
    statement = select(t.stock_code, t.as_of, t.forward_per, t.forward_eps, t.forward_roe).where(
        t.as_of > known_by - timedelta(days=60), t.as_of <= known_by
    )
    return read_frame(connection, statement, frames.CONSENSUS).sort("code", "known_on")


def article_key(code: str, published_on: date, title: str) -> str:
    """Stable key of one headline of one stock."""
    return hashlib.sha256(f"{code}|{published_on}|{title}".encode()).hexdigest()[:32]


def write_headlines(connection: Connection, frame: pl.DataFrame, first: date, last: date) -> int:
    """Replace the headlines published in [first, last]; `frame` has `frames.HEADLINES`, sentiment_score and analyst.

    A headline without a score is stored as `failed` when an analyst tried, `new` when none has looked yet.
    """
    if frame.height == 0:
        rows = pl.DataFrame(schema={"news_date": pl.Date})
        return replace_window(connection, table_of(StockNewsSentiment), rows, "news_date", first, last)
    keys = [
        article_key(code, day, title) for code, day, title in frame.select("code", "published_on", "title").iter_rows()
    ]
    rows = (
        frame.with_columns(article_key=pl.Series(keys, dtype=pl.String))
        .unique("article_key", keep="first", maintain_order=True)
        .select(
            "article_key", pl.col("code").alias("stock_code"), pl.col("published_on").alias("news_date"),
            pl.col("title").str.slice(0, 500).alias("headline"), pl.col("press").str.slice(0, 60).alias("press"),
            "sentiment_score", "status", "analyst", at(NEWS_KNOWN, "published_on", days=1).alias("known_at"),
        )
    )  # fmt: skip
    return replace_window(connection, table_of(StockNewsSentiment), rows, "news_date", first, last)


SCORED_HEADLINES = dict(frames.HEADLINES) | {
    "sentiment_score": pl.Float64,
    "status": pl.String,
    "analyst": pl.String,
}
"""`frames.HEADLINES` with what the store adds."""


def read_headlines(connection: Connection, first: date, last: date) -> pl.DataFrame:
    """SCORED_HEADLINES published in [first, last], sorted by date and code."""
    t = table_of(StockNewsSentiment).c
    statement = select(t.stock_code, t.news_date, t.headline, t.press, t.sentiment_score, t.status, t.analyst).where(
        t.news_date >= first, t.news_date <= last
    )
    return read_frame(connection, statement, SCORED_HEADLINES).sort("published_on", "code", "title")
