"""The holdings a rehearsal begins with: opened by the rules, from data before the day only (Q2, R-SIZE-04)."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from jennie_cli import carry
from jennie_cli.carry import CARRIED, LOOK_BACK_SESSIONS, WEIGHT_RATIO, Carried, carried_holdings
from jennie_core.domain.trading_settings import SellSettings, TradingSettings
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.sources.files import MarketFolder
from jennie_sim.market.generate import generate_market

DAY = date(2026, 3, 18)
EQUITY = 100_000_000
CALENDAR = KrxCalendar.shipped()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market")
    generate_market(path, 7, DAY)
    return path


@pytest.fixture(scope="module")
def carried(folder: Path) -> list[Carried]:
    return carried_holdings(MarketFolder(folder), DAY, EQUITY, TradingSettings(), CALENDAR)


def test_there_are_at_most_three_and_each_code_once(carried: list[Carried]) -> None:
    assert 0 < len(carried) <= CARRIED
    assert len({item.code for item in carried}) == len(carried)


def test_each_was_bought_at_the_close_of_one_of_the_sessions_before(folder: Path, carried: list[Carried]) -> None:
    source = MarketFolder(folder)
    sessions = set(source.sessions(CALENDAR.previous_session(DAY, LOOK_BACK_SESSIONS), DAY - timedelta(days=1)))
    prices = source.daily_prices(DAY - timedelta(days=30), DAY)
    for item in carried:
        assert item.bought_on in sessions
        row = prices.filter((pl.col("code") == item.code) & (pl.col("trade_date") == item.bought_on))
        assert item.price_krw == row["close_krw"].item()


def test_none_weighs_more_than_an_entry_may(carried: list[Carried]) -> None:
    assert all(0 < item.cost_krw <= EQUITY * WEIGHT_RATIO for item in carried)


def test_none_stands_behind_its_stop_on_the_morning_of_the_day(folder: Path, carried: list[Carried]) -> None:
    prices = MarketFolder(folder).daily_prices(DAY - timedelta(days=30), DAY - timedelta(days=1))
    for item in carried:
        later = prices.filter((pl.col("code") == item.code) & (pl.col("trade_date") > item.bought_on))["close_krw"]
        limit = -SellSettings().stop_loss_pct
        assert all((close / item.price_krw - 1) * 100 > limit for close in later)


def test_it_is_the_same_every_time(folder: Path, carried: list[Carried]) -> None:
    assert carried_holdings(MarketFolder(folder), DAY, EQUITY, TradingSettings(), CALENDAR) == carried


class WithoutTheFuture(MarketFolder):
    """Says no word of the day itself or later."""

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        assert end < DAY
        return super().daily_prices(start, end)

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        assert end < DAY
        return super().headlines(start, end)

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        assert known_by < DAY
        return super().fundamentals(known_by)


def test_nothing_of_the_day_itself_is_read(folder: Path, carried: list[Carried]) -> None:
    """Q2."""
    assert carried_holdings(WithoutTheFuture(folder), DAY, EQUITY, TradingSettings(), CALENDAR) == carried


def test_a_holding_that_crossed_its_stop_is_given_up() -> None:
    bought = Carried("005930", "삼성전자", "반도체", 10, 10_000, date(2026, 3, 11))
    settings = TradingSettings()

    def close(price: int) -> pl.DataFrame:
        return pl.DataFrame({"code": ["005930"], "trade_date": [date(2026, 3, 12)], "close_krw": [price]})

    assert carry._stopped(close(9_500), bought, date(2026, 3, 12), settings)
    assert not carry._stopped(close(9_501), bought, date(2026, 3, 12), settings)
    assert not carry._stopped(close(9_000), bought, date(2026, 3, 13), settings), "no price, no stop"
