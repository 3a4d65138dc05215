"""Bulk writers and readers of the market store give equal rows on SQLite and MariaDB."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.exc import IntegrityError

from jennie_core.scoring import frames
from jennie_infra.db import schema
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import StockDailyPrice, StockNewsSentiment
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.db.repositories.market_bulk import BulkWriteError

FIRST, LAST = date(2025, 6, 26), date(2025, 6, 27)


@pytest.fixture(params=["sqlite_url", "mariadb_url", "mariadb_without_local_infile"])
def store(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A market store with its schema."""
    fixture = request.param if request.param != "mariadb_without_local_infile" else "mariadb_url"
    engine = make_engine(request.getfixturevalue(fixture), durable=False, setting="JENNIE_MARKET_URL")
    if fixture != request.param:
        engine.dispose()
        engine = create_engine(engine.url, connect_args={"charset": "utf8mb4"})  # the client refuses LOAD DATA LOCAL
    schema.upgrade("market", engine)
    yield engine
    engine.dispose()


def _bars(*rows: tuple[str, date, int, bool]) -> pl.DataFrame:
    values = [
        (code, day, 0 if halted else price, 0 if halted else price, 0 if halted else price, price, 7, halted)
        for code, day, price, halted in rows
    ]
    return pl.DataFrame(values, schema=dict(frames.DAILY_PRICES), orient="row")


def test_bars_come_back_as_they_were_written(store: Engine) -> None:
    frame = _bars(("005930", FIRST, 60_000, False), ("005930", LAST, 61_000, False), ("0126Z0", LAST, 900, True))
    with store.begin() as connection:
        assert prices.write_daily_prices(connection, frame, FIRST, LAST, "parquet") == 3
    with store.connect() as connection:
        assert prices.read_daily_prices(connection, FIRST, LAST).equals(frame.sort("code", "trade_date"))
        known = connection.execute(select(StockDailyPrice.known_at).where(StockDailyPrice.trade_date == LAST)).scalars()
        assert set(known) == {datetime(2025, 6, 27, 6, 30, tzinfo=UTC)}
        counts = prices.daily_price_counts(connection, FIRST, LAST)
    assert counts.rows() == [(FIRST, 1, 0, 0), (LAST, 2, 1, 0)]


def test_wide_windows_read_the_same_rows(store: Engine) -> None:
    frame = _bars(("005930", FIRST, 60_000, False), ("000660", LAST, 200_000, False))
    with store.begin() as connection:
        prices.write_daily_prices(connection, frame, FIRST, LAST, "parquet")
        wide = prices.read_daily_prices(connection, date(2024, 1, 2), LAST)
        assert wide.equals(prices.read_daily_prices(connection, FIRST, LAST))
        assert prices.daily_price_counts(connection, date(2024, 1, 2), LAST).height == 2


def test_a_window_replaces_what_it_held_and_nothing_else(store: Engine) -> None:
    with store.begin() as connection:
        both = _bars(("005930", FIRST, 60_000, False), ("005930", LAST, 61_000, False), ("000660", LAST, 5, False))
        prices.write_daily_prices(connection, both, FIRST, LAST, "parquet")
    with store.begin() as connection:
        prices.write_daily_prices(connection, _bars(("005930", LAST, 62_000, False)), LAST, LAST, "parquet")
    with store.connect() as connection:
        rows = prices.read_daily_prices(connection, FIRST, LAST).select("code", "trade_date", "close_krw").rows()
    assert rows == [("005930", FIRST, 60_000), ("005930", LAST, 62_000)]


def test_a_row_outside_the_window_is_refused(store: Engine) -> None:
    with pytest.raises(BulkWriteError, match="outside"), store.begin() as connection:
        prices.write_daily_prices(connection, _bars(("005930", FIRST, 60_000, False)), LAST, LAST, "parquet")


def test_a_double_key_keeps_the_window_as_it_was(store: Engine) -> None:
    """LOAD DATA LOCAL would drop the second row in silence."""
    with store.begin() as connection:
        prices.write_daily_prices(connection, _bars(("005930", LAST, 61_000, False)), LAST, LAST, "parquet")
    double = _bars(("005930", LAST, 1, False), ("005930", LAST, 2, False))
    with pytest.raises((BulkWriteError, IntegrityError, sqlite3.IntegrityError)), store.begin() as connection:
        prices.write_daily_prices(connection, double, LAST, LAST, "parquet")
    with store.connect() as connection:
        assert prices.read_daily_prices(connection, LAST, LAST)["close_krw"].to_list() == [61_000]


@pytest.mark.rule("R-NEWS-09", "R-NEWS-11")
def test_awkward_titles_and_unknown_values_survive(store: Engine) -> None:
    titles = ["탭\t과 역슬래시 \\N", '따옴표 "와" 줄\n바꿈', "이모지 🚀", "평범"]
    frame = pl.DataFrame(
        {
            "code": ["005930"] * 4,
            "published_on": [LAST] * 4,
            "title": titles,
            "press": ["한경", None, "매경", None],
            "sentiment_score": [61.5, None, 40.0, None],
            "status": ["scored", "unscored", "scored", "unscored"],
            "analyst": ["rules"] * 4,
        },
        schema=reference.SCORED_HEADLINES,
    )
    with store.begin() as connection:
        assert reference.write_headlines(connection, frame, FIRST, LAST) == 4
    with store.connect() as connection:
        found = reference.read_headlines(connection, FIRST, LAST)
        assert connection.execute(select(func.count()).select_from(StockNewsSentiment)).scalar_one() == 4
    assert found.sort("title").select(frame.columns).equals(frame.sort("title"))


def test_unknown_flows_stay_unknown(store: Engine) -> None:
    flows = pl.DataFrame(
        [("005930", LAST, None, -5, None), ("000660", LAST, 12, None, 51.25)],
        schema=dict(frames.INVESTOR_FLOWS),
        orient="row",
    )
    with store.begin() as connection:
        prices.write_investor_flows(connection, flows, LAST, LAST)
        assert prices.read_investor_flows(connection, FIRST, LAST).equals(flows.sort("code", "trade_date"))


def test_mariadb_loads_by_its_own_fast_path(mariadb_url: str) -> None:
    engine = make_engine(mariadb_url, durable=False, setting="JENNIE_MARKET_URL")
    schema.upgrade("market", engine)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_rest: said.append(statement))
    with engine.begin() as connection:
        prices.write_daily_prices(connection, _bars(("005930", LAST, 61_000, False)), LAST, LAST, "parquet")
    engine.dispose()
    assert any(statement.startswith("LOAD DATA LOCAL INFILE") for statement in said)
