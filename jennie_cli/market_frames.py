"""Frames of a market folder in the columns of the exchange's session pack (decision 0002)."""

from datetime import date, timedelta

import polars as pl

from jennie_cli.report.model import Note
from jennie_core.domain.enums import ListingStatus
from jennie_infra.sources.files import MarketFolder


def listing(source: MarketFolder, history: pl.DataFrame, day: date) -> pl.DataFrame:
    """Codes with a price on the session before, with that close as base price; an unknown status trades as normal."""
    last_session: date = history["trade_date"].max()  # type: ignore[assignment]
    base = history.filter(pl.col("trade_date") == last_session).select(
        "code", pl.col("close_krw").alias("base_price_krw")
    )
    caps = source.market_caps(last_session).select("code", pl.col("shares_outstanding").alias("listed_shares"))
    master = source.stock_master(last_session)
    return (
        base.filter(pl.col("base_price_krw") > 0)
        .join(master, on="code", how="left")
        .join(caps, on="code", how="left")
        .select(
            "code",
            pl.coalesce("name", "code").alias("name"),
            pl.col("market").fill_null("UNKNOWN"),
            pl.col("asset_kind").fill_null("COMMON"),
            pl.col("status").fill_null(ListingStatus.NORMAL.value),
            "base_price_krw",
            "listed_shares",
            pl.col("sector_large").fill_null("").alias("sector"),
        )
        .sort("code")
    )


def index(source: MarketFolder, prices: pl.DataFrame, first: date, day: date) -> tuple[pl.DataFrame, list[Note]]:
    """Index bars with the day itself; without a file the median stock stands in, and it is said."""
    known = source.index_daily(first, day)
    if not known.filter(pl.col("trade_date") == day).is_empty():
        columns = {"trade_date": "date"}
        frame = known.rename(columns).select("index_code", "date", "open", "high", "low", "close").drop_nulls()
        return frame, []
    daily = (
        prices.filter(~pl.col("is_halted"))
        .sort("code", "trade_date")
        .with_columns(change=(pl.col("close_krw") / pl.col("close_krw").shift(1)).over("code"))
        .group_by("trade_date")
        .agg(pl.col("change").median())
        .sort("trade_date")
        .with_columns(close=(pl.col("change").fill_null(1.0).cum_prod() * 1000.0))
    )
    frame = daily.select(
        pl.lit("KOSPI").alias("index_code"),
        pl.col("trade_date").alias("date"),
        pl.col("close").shift(1).fill_null(1000.0).alias("open"),
        pl.max_horizontal("close", pl.col("close").shift(1).fill_null(1000.0)).alias("high"),
        pl.min_horizontal("close", pl.col("close").shift(1).fill_null(1000.0)).alias("low"),
        "close",
    )
    return frame, [
        Note(
            ko="지수 파일이 없어 거래소의 KOSPI는 중간 종목의 등락으로 대신했습니다.",
            en="No index file: the median stock stands in for KOSPI at the exchange.",
        )
    ]


def flows(source: MarketFolder, first: date, day: date) -> pl.DataFrame:
    """Investor flows of the sessions before the day as the exchange's quotation calls show them."""
    known = source.investor_flows(first, day - timedelta(days=1))
    return known.select(
        "code", pl.col("trade_date").alias("date"), "institution_net_shares", "foreign_net_shares"
    ).drop_nulls()


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Bars in the pack's columns."""
    return frame.select(
        "code",
        pl.col("trade_date").alias("date"),
        pl.col("open_krw").alias("open"),
        pl.col("high_krw").alias("high"),
        pl.col("low_krw").alias("low"),
        pl.col("close_krw").alias("close"),
        "volume",
    )
