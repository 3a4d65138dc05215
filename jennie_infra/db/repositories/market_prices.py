"""Prices, flows, index levels and macro series of the market store, as the frames of `jennie_core.scoring.frames`.

Writers replace a window of sessions; `known_at` is the instant the fact could be known, not the instant it was copied,
so a second load gives equal rows. Readers take the last session they may see.
"""

from datetime import date, datetime, time, timedelta

import polars as pl
from sqlalchemy import Column, ColumnElement, Table, UnaryExpression, case, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql.operators import custom_op

from jennie_core.domain.base import KST
from jennie_core.scoring import frames
from jennie_infra.db.market import IndexDailyPrice, MacroDaily, MarketBase, StockDailyPrice, StockInvestorTrading
from jennie_infra.db.repositories.market_bulk import read_frame, replace_window

CLOSE_KNOWN = time(15, 30)
FLOWS_KNOWN = time(18, 30)
MACRO_KNOWN = time(7, 20)


def table_of(model: type[MarketBase]) -> Table:
    """The table behind a model."""
    return MarketBase.metadata.tables[model.__tablename__]


def at(clock: time, column: str = "trade_date", days: int = 0) -> pl.Expr:
    """The aware instant `clock` KST of a date column, `days` later."""
    return (
        pl.col(column).dt.offset_by(f"{days}d").dt.combine(clock, time_unit="us").dt.replace_time_zone(str(KST))
        .dt.convert_time_zone("UTC")
    )  # fmt: skip


WIDE_WINDOW = timedelta(days=60)


def _date_of(connection: Connection, column: Column[date], first: date, last: date) -> ColumnElement[date]:
    """The date column of a filter; over a wide window SQLite is kept from its date index.

    Reading in the order of the table is four times faster there; a unary plus is SQLite's documented way to ask for it.
    """
    if connection.dialect.name == "sqlite" and last - first > WIDE_WINDOW:
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)
    return column


def write_daily_prices(connection: Connection, frame: pl.DataFrame, first: date, last: date, source: str) -> int:
    """Replace the bars of [first, last] by `frames.DAILY_PRICES` rows."""
    rows = frame.select(
        pl.col("code").alias("stock_code"), "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume",
        "is_halted", pl.lit(source).alias("source"), at(CLOSE_KNOWN).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(StockDailyPrice), rows, "trade_date", first, last)


def read_daily_prices(connection: Connection, first: date, last: date) -> pl.DataFrame:
    """`frames.DAILY_PRICES` of [first, last], sorted by code and date."""
    t = table_of(StockDailyPrice).c
    statement = (
        select(t.stock_code, t.trade_date, t.open_krw, t.high_krw, t.low_krw, t.close_krw, t.volume, t.is_halted)
        .where(t.trade_date >= first, t.trade_date <= last)
    )  # fmt: skip
    return read_frame(connection, statement, frames.DAILY_PRICES).sort("code", "trade_date")


def daily_price_counts(connection: Connection, first: date, last: date) -> pl.DataFrame:
    """Bars per session: trade_date, rows, halted, impossible (high below low or a price at or under 0)."""
    t = table_of(StockDailyPrice).c
    day = _date_of(connection, t.trade_date, first, last)
    impossible = t.is_halted.is_(False) & ((t.high_krw < t.low_krw) | (t.low_krw <= 0) | (t.close_krw <= 0))
    statement = (
        select(
            day,
            func.count(),
            func.sum(case((t.is_halted.is_(True), 1), else_=0)),
            func.sum(case((impossible, 1), else_=0)),
        )
        .where(day >= first, day <= last)
        .group_by(day)
        .order_by(day)
    )
    counted = {"trade_date": pl.Date, "rows": pl.Int64, "halted": pl.Int64, "impossible": pl.Int64}
    return read_frame(connection, statement, counted)


def write_index_prices(connection: Connection, frame: pl.DataFrame, first: date, last: date) -> int:
    """Replace index levels of [first, last] by `frames.INDEX_DAILY` rows."""
    rows = frame.select(
        "index_code", "trade_date", pl.col("open").alias("open_level"), pl.col("high").alias("high_level"),
        pl.col("low").alias("low_level"), pl.col("close").alias("close_level"), "change_pct",
        at(CLOSE_KNOWN).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(IndexDailyPrice), rows, "trade_date", first, last)


def read_index_prices(connection: Connection, first: date, last: date) -> pl.DataFrame:
    """`frames.INDEX_DAILY` of [first, last], sorted by index and date."""
    t = table_of(IndexDailyPrice).c
    statement = select(
        t.index_code, t.trade_date, t.open_level, t.high_level, t.low_level, t.close_level, t.change_pct
    ).where(t.trade_date >= first, t.trade_date <= last)
    return read_frame(connection, statement, frames.INDEX_DAILY).sort("index_code", "trade_date")


def write_investor_flows(connection: Connection, frame: pl.DataFrame, first: date, last: date) -> int:
    """Replace flows of [first, last] by `frames.INVESTOR_FLOWS` rows: one row per code and trade date (R-ENR-12)."""
    rows = frame.select(
        pl.col("code").alias("stock_code"), "trade_date", "foreign_net_shares", "institution_net_shares",
        pl.col("foreign_held_pct").alias("foreign_holding_pct"), at(FLOWS_KNOWN).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(StockInvestorTrading), rows, "trade_date", first, last)


def read_investor_flows(connection: Connection, first: date, last: date) -> pl.DataFrame:
    """`frames.INVESTOR_FLOWS` of [first, last], sorted by code and date."""
    t = table_of(StockInvestorTrading).c
    statement = select(
        t.stock_code, t.trade_date, t.foreign_net_shares, t.institution_net_shares, t.foreign_holding_pct
    ).where(t.trade_date >= first, t.trade_date <= last)
    return read_frame(connection, statement, frames.INVESTOR_FLOWS).sort("code", "trade_date")


def write_macro(connection: Connection, frame: pl.DataFrame, first: date, last: date) -> int:
    """Replace macro values observed in [first, last] by `frames.MACRO_DAILY` rows; known the next morning in Korea."""
    rows = frame.filter(pl.col("value").is_not_null()).select(
        "series", "observed_on", pl.col("value").alias("close_value"),
        at(MACRO_KNOWN, "observed_on", days=1).alias("known_at"),
    )  # fmt: skip
    return replace_window(connection, table_of(MacroDaily), rows, "observed_on", first, last)


def read_macro(connection: Connection, first: date, decision_day: date) -> pl.DataFrame:
    """`frames.MACRO_DAILY` observed from `first` to the day before `decision_day`, sorted by series and date."""
    t = table_of(MacroDaily).c
    statement = select(t.series, t.observed_on, t.close_value).where(
        t.observed_on >= first, t.observed_on <= decision_day - timedelta(days=1)
    )
    return read_frame(connection, statement, frames.MACRO_DAILY).sort("series", "observed_on")


def upsert_close_prices(connection: Connection, frame: pl.DataFrame, day: date) -> int:
    """Write single codes' bars of `day` as the gateway has them; other codes of the day stay as they are."""
    from jennie_infra.db.upsert import upsert

    known_at = datetime.combine(day, CLOSE_KNOWN, KST)
    rows = [
        {"stock_code": row["code"], "source": "gateway", "known_at": known_at}
        | {name: row[name] for name in frames.DAILY_PRICES if name != "code"}
        for row in frame.to_dicts()
    ]
    upsert(connection, table_of(StockDailyPrice), rows)
    return len(rows)
