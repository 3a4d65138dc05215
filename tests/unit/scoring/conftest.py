"""Small generated markets and single readings for the scoring tests."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.scoring import frames
from jennie_core.scoring.frames import STOCK_MASTER
from jennie_core.scoring.knowledge import HistoryInputs

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


@pytest.fixture
def years() -> Callable[..., HistoryInputs]:
    """A generated market of 320 sessions with every source: listings, gaps and halts, late filings, sparse facts."""

    def build(seed: int, codes: int = 24, days: int = 320) -> HistoryInputs:
        dice = random.Random(seed)
        sessions = _weekdays(days)
        names = [f"{number:05}0" for number in range(1, codes + 1)]
        sectors = ["반도체", "배터리", "금융", None]
        return HistoryInputs(
            prices=_prices(dice, names, sessions),
            master=pl.DataFrame(
                [(code, f"종목{code}", "KOSPI", "COMMON", None, dice.choice(sectors), None) for code in names],
                schema=dict(STOCK_MASTER), orient="row",
            ),
            market_caps=_facts(
                dice, names, sessions, 6, frames.MARKET_CAPS, lambda: (dice.randrange(10**11, 10**14), 1)
            ),
            fundamentals=_facts(
                dice, names, sessions, 4, frames.FUNDAMENTALS,
                lambda: (dice.uniform(-5, 30), dice.choice([1e10, -1e10, 0.0, 3e11]), 1e12),
                before=lambda: (dice.choice(["2023", "202309", "2024", "2022"]),),
            ),
            flows=_facts(
                dice, names, sessions, 120, frames.INVESTOR_FLOWS,
                lambda: (dice.randrange(-99_999, 99_999), dice.randrange(-999, 999), dice.choice([None, 10.0, 12.5])),
            ),
            consensus=_facts(
                dice, names, sessions, 20, frames.CONSENSUS,
                lambda: (dice.uniform(-5, 40), dice.choice([None, 900.0, 1_000.0, 1_100.0]), dice.uniform(-5, 30)),
            ),
            headlines=_facts(
                dice, names, sessions, 30, frames.HEADLINES,
                lambda: (dice.choice(["급등", "적자", "공시", "수주"]), None),
            ),
            index_daily=_index(dice, sessions),
            macro_daily=pl.DataFrame(
                [
                    (name, day, dice.uniform(10, 40) if name == "VIX" else dice.uniform(1_300, 1_400))
                    for name in ("VIX", "USDKRW", "SP500") for day in sessions if dice.random() < 0.9
                ],
                schema=dict(frames.MACRO_DAILY), orient="row",
            ),
            market_flows=pl.DataFrame(
                [("KOSPI", day, dice.uniform(-2e12, 2e12), 0.0, 0.0) for day in sessions],
                schema=dict(frames.MARKET_FLOWS), orient="row",
            ),
        )  # fmt: skip

    return build


def _weekdays(count: int) -> list[date]:
    days = [AS_OF - timedelta(days=back) for back in range(2 * count)]
    return sorted(day for day in days if day.weekday() < 5)[-count:]


def _prices(dice: random.Random, codes: list[str], sessions: list[date]) -> pl.DataFrame:
    """Random walks; some codes list late or leave early, some days are missing, some halted, one never moves."""
    rows: list[tuple[Any, ...]] = []
    for number, code in enumerate(codes):
        close, first = dice.randrange(8_000, 90_000), dice.choice([0, 0, 0, 45, 240, 290])
        last = dice.choice([len(sessions)] * 5 + [270])
        for place, day in enumerate(sessions):
            halted = dice.random() < 0.02
            if number and not halted:
                close = max(100, close + dice.randrange(-close // 40, close // 38))
            if not first <= place < last or dice.random() < 0.01:
                continue
            traded = 0 if halted else 1
            high, low = close + dice.randrange(0, 400), close - dice.randrange(0, 90)
            bar = (close * traded, high * traded, low * traded, close, dice.randrange(50_000, 999_999) * traded)
            rows.append((code, day, *bar, halted))
    return pl.DataFrame(rows, schema=dict(frames.DAILY_PRICES), orient="row")


def _facts(
    dice: random.Random, codes: list[str], sessions: list[date], most: int, schema: Any,
    values: Callable[[], tuple[Any, ...]], before: Callable[[], tuple[Any, ...]] = tuple,
) -> pl.DataFrame:  # fmt: skip
    """Rows of code, (what stands before the date), date and values at random sessions of most codes."""
    rows = [
        (code, *before(), day, *values())
        for code in codes if dice.random() < 0.9
        for day in sorted(dice.sample(sessions, dice.randrange(1, most)))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def _index(dice: random.Random, sessions: list[date]) -> pl.DataFrame:
    rows = []
    for code in ("KOSPI", "KOSDAQ"):
        level = 2_500.0
        for day in sessions:
            change = dice.uniform(-2.5, 2.6)
            level *= 1 + change / 100
            rows.append((code, day, level, level, level, level, change))
    return pl.DataFrame(rows, schema=dict(frames.INDEX_DAILY), orient="row")
