"""Small generated markets and single readings for the scoring tests."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.scoring.frames import STOCK_MASTER

AS_OF = date(2025, 3, 14)
READING_DTYPES: dict[str, Any] = {
    "code": pl.String, "name": pl.String, "market": pl.String, "asset_kind": pl.String, "status": pl.String,
    "sector_group": pl.String, "is_sector_known": pl.Boolean, "last_date": pl.Date, "sessions": pl.UInt32,
    "close_krw": pl.Int64, "previous_close_krw": pl.Int64, "is_halted": pl.Boolean, "change_pct": pl.Float64,
    "rsi14": pl.Float64, "rsi14_simple": pl.Float64, "return_20_pct": pl.Float64, "return_60_pct": pl.Float64,
    "return_120_pct": pl.Float64, "ma5": pl.Float64, "ma20": pl.Float64, "ma60": pl.Float64, "ma60_before": pl.Float64,
    "volume_ratio_5_20": pl.Float64, "high_52w_krw": pl.Float64, "drawdown_from_high_pct": pl.Float64,
    "max_close_krw": pl.Float64, "atr_krw": pl.Float64, "median_turnover_20_krw": pl.Float64,
    "market_cap_krw": pl.Float64, "per": pl.Float64, "pbr": pl.Float64, "roe_pct": pl.Float64,
    "forward_per": pl.Float64, "forward_roe_pct": pl.Float64, "eps_revision_pct": pl.Float64,
    "foreign_net_krw": pl.Float64, "institution_net_krw": pl.Float64, "foreign_ratio_trend_pp": pl.Float64,
    "news_sentiment": pl.Float64, "headline_count": pl.UInt32, "sector_return_20_pct": pl.Float64,
}  # fmt: skip
LISTED = {
    "code": "000010", "name": "가나전자", "market": "KOSPI", "asset_kind": "COMMON", "sector_group": "반도체/IT",
    "is_sector_known": True, "last_date": AS_OF, "sessions": 250, "close_krw": 20_000, "previous_close_krw": 19_800,
    "is_halted": False, "change_pct": 1.0, "median_turnover_20_krw": 5e9, "market_cap_krw": 1e12, "atr_krw": 500.0,
}  # fmt: skip

Readings = Callable[..., pl.DataFrame]


@pytest.fixture
def as_of() -> date:
    return AS_OF


@pytest.fixture
def readings() -> Readings:
    """Rows of `assemble_readings`: a listed stock of which only the given values are known; one dict per row."""

    def build(*rows: dict[str, Any]) -> pl.DataFrame:
        return pl.DataFrame([LISTED | row for row in rows], schema=READING_DTYPES, orient="row")

    return build


@pytest.fixture
def bars() -> Callable[..., pl.DataFrame]:
    """Daily bars of one code from a list of closes that ends on AS_OF; a close of None is a halted session."""

    def build(
        closes: list[int | None], code: str = "000010", volume: int = 1_000_000, end: date = AS_OF
    ) -> pl.DataFrame:
        days: list[date] = []
        day = end
        while len(days) < len(closes):
            if day.weekday() < 5:
                days.insert(0, day)
            day -= timedelta(days=1)
        rows, last = [], 1
        for trade_date, close in zip(days, closes, strict=True):
            last = last if close is None else close
            traded = 0 if close is None else 1
            rows.append(
                (code, trade_date, last * traded, (last + 10) * traded, (last - 10) * traded, last, volume * traded)
            )
        names = ["code", "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume"]
        frame = pl.DataFrame(rows, schema=names, orient="row")
        return frame.with_columns(is_halted=pl.col("open_krw") == 0)

    return build


@pytest.fixture
def master() -> Callable[..., pl.DataFrame]:
    """Stock master of KOSPI common stocks in one sector."""

    def build(codes: list[str], sector: str = "반도체") -> pl.DataFrame:
        rows = [(code, f"종목{code}", "KOSPI", "COMMON", None, sector, None) for code in codes]
        return pl.DataFrame(rows, schema=dict(STOCK_MASTER), orient="row")

    return build
