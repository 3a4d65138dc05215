"""The two stores on SQLite and on a real MariaDB: schema, stamps, types, upsert, order of work (B1-B5)."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, Table, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from jennie_core.domain.base import KST
from jennie_infra.db.engine import DatabaseThread, DatabaseUrlError, make_engine
from jennie_infra.db.ledger import ConfigRow, Cooldown, LedgerBase, StoreStamp
from jennie_infra.db.market import MarketBase
from jennie_infra.db.schema import (
    SchemaMismatchError,
    StampMismatchError,
    Store,
    alembic_config,
    claim_stamp,
    require_current,
    revisions,
    upgrade,
)
from jennie_infra.db.upsert import insert_ignore, upsert

STORES: tuple[Store, ...] = get_args(Store)
METADATA: dict[Store, MetaData] = {"ledger": LedgerBase.metadata, "market": MarketBase.metadata}
CONFIG: Table = ConfigRow.metadata.tables["config"]
COOLDOWN: Table = Cooldown.metadata.tables["cooldown"]


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make_engine(request.getfixturevalue(f"{request.param}_url"), durable=True)
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Engine:
    upgrade("ledger", engine)
    return engine


def setting(key: str, value: str) -> dict[str, Any]:
    return {
        "config_key": key,
        "config_value": value,
        "changed_by": "test",
        "updated_at": datetime(2025, 6, 27, tzinfo=UTC),
    }


# ---- schema -----------------------------------------------------------------------------------------


@pytest.mark.rule("R-DB-02")
@pytest.mark.parametrize("store", STORES)
def test_upgrade_makes_exactly_the_declared_tables(engine: Engine, store: Store) -> None:
    upgrade(store, engine)
    upgrade(store, engine)
    require_current(store, engine)
    found = set(inspect(engine).get_table_names()) - {"alembic_version"}
    assert found == set(METADATA[store].tables)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = [
            row
            for row in compare_metadata(context, METADATA[store])
            if row[0] in ("add_column", "remove_column", "add_table", "remove_table")
        ]
    assert differences == []


@pytest.mark.parametrize("store", STORES)
def test_downgrade_leaves_nothing_behind(engine: Engine, store: Store) -> None:
    upgrade(store, engine)
    command.downgrade(alembic_config(store, engine), "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(store, engine)
    require_current(store, engine)


def test_an_empty_database_is_refused_with_the_step_that_is_missing(engine: Engine) -> None:
    """Drill 27."""
    with pytest.raises(SchemaMismatchError, match=r"ledger store is at revision none.*jennie doctor --repair"):
        require_current("ledger", engine)


def test_a_schema_of_another_version_is_refused_and_not_touched(ledger: Engine) -> None:
    with ledger.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatchError, match="9999"):
        require_current("ledger", ledger)
    with pytest.raises(SchemaMismatchError, match="another version of jennie"):
        upgrade("ledger", ledger)
    assert revisions("ledger", ledger)[0] == "9999"


@pytest.mark.parametrize(
    ("url", "words"), [("nonsense", "example: mysql"), ("postgresql://x/y", "postgresql is not supported")]
)
def test_a_wrong_address_names_the_setting(url: str, words: str) -> None:
    with pytest.raises(DatabaseUrlError, match=f"JENNIE_MARKET_URL.*{words}"):
        make_engine(url, durable=False, setting="JENNIE_MARKET_URL")


def test_the_ledger_on_sqlite_waits_for_the_disk(sqlite_url: str) -> None:
    """B1: `synchronous=FULL`, write-ahead log."""
    for durable, level in ((True, 2), (False, 1)):
        engine = make_engine(sqlite_url, durable=durable)
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == level
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        engine.dispose()


# ---- stamps -----------------------------------------------------------------------------------------


def test_a_store_belongs_to_its_first_mode_and_account(ledger: Engine) -> None:
    """B5."""
    claim_stamp("ledger", ledger, "rehearsal/abc")
    claim_stamp("ledger", ledger, "rehearsal/abc")
    with pytest.raises(StampMismatchError, match=r"belongs to rehearsal/abc, this process runs as paper/abc"):
        claim_stamp("ledger", ledger, "paper/abc")
    with ledger.connect() as connection:
        assert connection.execute(select(StoreStamp.stamp)).scalars().all() == ["rehearsal/abc"]


def test_the_market_store_has_a_stamp_too(engine: Engine) -> None:
    upgrade("market", engine)
    claim_stamp("market", engine, "live/1")
    with pytest.raises(StampMismatchError, match="market store"):
        claim_stamp("market", engine, "live/2")


# ---- types ------------------------------------------------------------------------------------------


@pytest.mark.rule("R-CAL-05", "R-DB-01")
@pytest.mark.parametrize(
    "instant",
    [
        datetime(2025, 6, 27, 15, 30, 0, 123_456, tzinfo=KST),
        datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1995, 5, 2, 9, 0, tzinfo=KST),
        datetime(2025, 6, 27, 0, 0, 0, 1, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_an_instant_keeps_its_microseconds_and_comes_back_aware(ledger: Engine, instant: datetime) -> None:
    """B3."""
    with ledger.begin() as connection:
        connection.execute(insert(Cooldown).values(stock_code="005930", kind="sell", until=instant))
        found = connection.execute(select(Cooldown.until)).scalar_one()
    assert found == instant
    assert found.tzinfo is UTC
    assert found.microsecond == instant.microsecond


@pytest.mark.rule("R-DB-01")
def test_a_naive_instant_cannot_be_stored(ledger: Engine) -> None:
    naive = datetime(2025, 6, 27, 10, 0)  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive"), ledger.begin() as connection:
        connection.execute(insert(Cooldown).values(stock_code="005930", kind="sell", until=naive))


def test_instants_are_ordered_as_instants(ledger: Engine) -> None:
    early, late = datetime(2025, 6, 27, 10, 0, 0, 1, tzinfo=KST), datetime(2025, 6, 27, 1, 0, 0, 2, tzinfo=UTC)
    with ledger.begin() as connection:
        for kind, until in (("a", late), ("b", early)):
            connection.execute(insert(Cooldown).values(stock_code="005930", kind=kind, until=until))
        kinds = connection.execute(select(Cooldown.kind).where(Cooldown.until > early)).scalars().all()
    assert kinds == ["a"]


def test_codes_with_letters_stay_what_they_are(ledger: Engine) -> None:
    with ledger.begin() as connection:
        for code in ("00104K", "00104k"):
            connection.execute(
                insert(Cooldown).values(stock_code=code, kind="sell", until=datetime(2025, 1, 1, tzinfo=UTC))
            )
        assert set(connection.execute(select(Cooldown.stock_code)).scalars()) == {"00104K", "00104k"}


# ---- upsert -----------------------------------------------------------------------------------------


def test_upsert_inserts_and_overwrites(ledger: Engine) -> None:
    with ledger.begin() as connection:
        upsert(connection, CONFIG, [setting("a", "1"), setting("b", "1")])
        upsert(connection, CONFIG, [setting("b", "2"), setting("c", "2")])
        upsert(connection, CONFIG, [])
    with ledger.connect() as connection:
        rows = {row.config_key: row.config_value for row in connection.execute(select(CONFIG))}
    assert rows == {"a": "1", "b": "2", "c": "2"}


def test_upsert_of_more_than_one_batch(ledger: Engine) -> None:
    with ledger.begin() as connection:
        upsert(connection, CONFIG, [setting(f"k{number}", "v") for number in range(5_001)])
        assert len(connection.execute(select(ConfigRow.config_key)).all()) == 5_001


def test_upsert_of_a_row_that_is_all_key(ledger: Engine) -> None:
    stamp_table = StoreStamp.metadata.tables["store_stamp"]
    row = {"stamp": "x", "created_at": datetime(2025, 1, 1, tzinfo=UTC)}
    with ledger.begin() as connection:
        upsert(connection, stamp_table, [row])
        upsert(connection, stamp_table, [row])
        assert len(connection.execute(select(StoreStamp.stamp)).all()) == 1


def test_insert_ignore_tells_whether_the_row_is_new(ledger: Engine) -> None:
    with ledger.begin() as connection:
        assert insert_ignore(connection, CONFIG, setting("a", "1"))
        assert not insert_ignore(connection, CONFIG, setting("a", "2"))
        assert connection.execute(select(ConfigRow.config_value)).scalar_one() == "1"


# ---- the one thread ---------------------------------------------------------------------------------


async def test_work_is_done_in_the_order_it_was_asked_for(ledger: Engine) -> None:
    """B2: also what nobody waits for comes before what is asked later."""
    thread = DatabaseThread(ledger, "test")

    def put(number: int) -> Any:
        def work(connection: Any) -> int:
            seen = len(connection.execute(select(ConfigRow.config_key)).all())
            connection.execute(insert(ConfigRow).values(setting(f"k{number:03d}", "v")))
            return seen

        return work

    waiting = [thread.submit(put(number)) for number in range(50)]
    assert await thread.run(put(50)) == 50
    assert await asyncio.gather(*waiting) == list(range(50))
    thread.close()


async def test_an_error_rolls_its_own_work_back_and_nothing_else(ledger: Engine) -> None:
    thread = DatabaseThread(ledger, "test")
    await thread.run(lambda connection: upsert(connection, CONFIG, [setting("kept", "1")]))

    def fail(connection: Any) -> None:
        upsert(connection, CONFIG, [setting("lost", "1")])
        connection.execute(insert(ConfigRow).values(setting("kept", "2")))

    with pytest.raises(IntegrityError):
        await thread.run(fail)
    await thread.run(lambda connection: upsert(connection, CONFIG, [setting("after", "1")]))
    keys: Any = await thread.run(lambda connection: connection.execute(select(ConfigRow.config_key)).scalars().all())
    assert sorted(keys) == ["after", "kept"]
    thread.close()


async def test_closing_finishes_what_was_asked_for(ledger: Engine) -> None:
    thread = DatabaseThread(ledger, "test")
    futures = [
        thread.submit(lambda connection, n=n: upsert(connection, CONFIG, [setting(f"k{n}", "v")])) for n in range(20)
    ]
    await asyncio.to_thread(thread.close)
    await asyncio.gather(*futures)
    with ledger.connect() as connection:
        assert len(connection.execute(select(ConfigRow.config_key)).all()) == 20


def test_dates_are_dates_on_both(engine: Engine) -> None:
    upgrade("ledger", engine)
    table = LedgerBase.metadata.tables["risk_state"]
    with engine.begin() as connection:
        connection.execute(
            insert(table).values(market_day=date(2025, 6, 27), updated_at=datetime(2025, 6, 27, tzinfo=UTC))
        )
        assert connection.execute(select(table.c.market_day)).scalar_one() == date(2025, 6, 27)
