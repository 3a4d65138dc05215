"""The row of an order call is there before the call may leave, whichever thread writes it (O2)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.decisions import Accepted, Unknown
from jennie_core.domain.enums import OrderSide
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_live.gateway.call_key import CallKey, CallKind
from jennie_live.gateway.call_store import CallStore

DONE = Accepted(order_number="0000000117")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CallStore]:
    made = new_store(tmp_path)
    await made.load()
    yield made
    made.close()


def new_store(folder: Path) -> CallStore:
    engine = make_engine(f"sqlite:///{folder / 'gateway.db'}", durable=False)
    return CallStore(DatabaseThread(engine, "test"), calls_per_checkpoint=20)


def rows(folder: Path) -> list[tuple[str, str, str]]:
    """Key, request and time as they stand in the file, in the order of their commit."""
    reader = sqlite3.connect(folder / "gateway.db")
    found = reader.execute("SELECT intent_id, request, created_at FROM gateway_call ORDER BY rowid").fetchall()
    reader.close()
    return found


async def test_the_row_is_committed_when_begin_returns(store: CallStore, tmp_path: Path) -> None:
    await store.begin(CallKey("b-1"), 1, OrderSide.BUY, {"quantity": 3})
    ((key, request, _),) = rows(tmp_path)
    assert (key, request) == ("b-1", '{"quantity":3,"side":"buy"}')


async def test_rows_of_both_ways_read_alike(store: CallStore, tmp_path: Path) -> None:
    await store.begin(CallKey("b-1"), 4, OrderSide.BUY, {"quantity": 3, "order_number": "7"})
    store.begin_unwaited(CallKey("b-2"), 4, OrderSide.BUY, {"quantity": 3, "order_number": "7"})
    await store.begin(CallKey("b-3"), 4, OrderSide.BUY, {"quantity": 3, "order_number": "7"})
    assert [key for key, _, _ in rows(tmp_path)] == ["b-1", "b-2", "b-3"], "a row never passes one asked for before it"
    times = [time for _, _, time in rows(tmp_path)]
    assert times == sorted(times)
    assert {len(time) for time in times} == {len("2026-11-27 00:30:00.000000")}
    found = await new_store(tmp_path).load()
    assert [call.key.intent_id for call in found] == ["b-1", "b-2", "b-3"]
    assert {(call.lease, call.side, call.order_number) for call in found} == {(4, OrderSide.BUY, "7")}
    assert all(isinstance(call.outcome, Unknown) for call in found)


async def test_a_locked_file_holds_an_order_back_until_its_row_is_there(store: CallStore, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.begin(CallKey("b-1"), 1, OrderSide.BUY, {}))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    other.execute("ROLLBACK")
    await waiting
    assert [key for key, _, _ in rows(tmp_path)] == ["b-1"]
    other.close()


async def test_a_key_is_recorded_once(store: CallStore, tmp_path: Path) -> None:
    await store.begin(CallKey("b-1"), 1, OrderSide.BUY, {})
    with pytest.raises(SQLAlchemyError):
        await store.begin(CallKey("b-1"), 1, OrderSide.BUY, {})
    assert len(rows(tmp_path)) == 1


async def test_the_log_does_not_grow_without_end(store: CallStore, tmp_path: Path) -> None:
    """The rows' commits make no checkpoint, so the store makes one every so many calls."""
    sizes = []
    for number in range(200):
        key = CallKey("b", CallKind.REVISE, number)
        await store.begin(key, 1, OrderSide.SELL, {"text": "x" * 500})
        store.finish(key, DONE, number)
        if number in (99, 199):
            await store._database.run(lambda _connection: None)
            sizes.append((tmp_path / "gateway.db-wal").stat().st_size)
    assert sizes[1] < 1.5 * sizes[0]
    assert sizes[1] < 150 * 4096
    assert {call.outcome for call in await new_store(tmp_path).load()} == {DONE}
