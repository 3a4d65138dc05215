"""Drill 26, I6: while the ledger is away an exit is kept in a local file, sent, and booked once afterwards."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Accepted
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.market import ClockMark
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_infra.bus.streams import Streams, StreamWriter
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories import positions
from jennie_infra.db.schema import upgrade
from jennie_infra.embedded import mariadb
from jennie_live.desk.outbox import Outbox
from tests.integration.desk_harness import START, CrashError, harness
from tests.integration.desk_rig import DeskRig, desk_rig
from tests.unit.desk.fake_gateway import FakeGateway

SELLER = "sell-executor"
HELD = {"005930": 100, "000660": 50, "035720": 30}


def carry(engine: Engine) -> None:
    with engine.begin() as connection:
        for code, quantity in HELD.items():
            positions.adjust(
                connection,
                positions.Adjustment(
                    adjustment_id=f"carried-{code}",
                    stock_code=code,
                    stock_name=f"stock {code}",
                    kind=AdjustmentKind.CARRIED,
                    quantity=quantity,
                    price_krw=10_000.0,
                    detail="held before",
                    effective_at=START - timedelta(days=1),
                ),
            )


def impatient(engine: Engine) -> None:
    """A lock is an error after 0.2 s instead of 10 s, so that the test is quick; it is as locked as before."""

    @event.listens_for(engine, "connect")
    def wait_less(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=200")

    engine.dispose()


def hold(gateway: FakeGateway) -> None:
    gateway.held.update({code: (quantity, 10_000.0) for code, quantity in HELD.items()})


async def exits_without_ledger(rig: DeskRig, end_outage: Any) -> None:
    """Two exits, the second while the loop already waits for the ledger, and a repetition of the first."""
    first = await rig.sell(stock_code="005930")
    await rig.until(lambda: len(rig.gateway.orders) == 1, "the first exit leaves")
    await pass_mark(rig)  # the loop now waits for the ledger in the settled mark
    await rig.until(lambda: rig.worker(SELLER).desk.journal.is_away, "the loop knows that the ledger is away")
    second = await rig.sell(stock_code="000660", order_id="second")
    again = await rig.sell(stock_code="005930", order_id="again")
    await rig.until(lambda: len(rig.gateway.orders) == 2, "the second exit leaves beside the loop")
    assert rig.worker(SELLER).health()[0] == "degraded"
    assert len(await Outbox(rig.settings.state_dir / "sell-outbox.db").waiting()) == 2
    for order in rig.gateway.orders:
        await rig.notice(rig.gateway.execute(order, order.remaining, 9_500))
    end_outage()
    await rig.mark()
    await rig.mark()
    assert {row["source_id"]: (row["state"], row["filled_quantity"]) for row in rig.intents(side="sell")} == {
        first.order_id: ("filled", 100),
        second.order_id: ("filled", 50),
    }
    assert len(rig.gateway.sent_intents) == len(set(rig.gateway.sent_intents)) == 2, (
        "buys stay refused, sells leave once"
    )
    assert rig.holdings() == {"035720": (30, 0)}
    assert sum(row["quantity"] for row in rig.fills()) == 150
    outcomes = {row["signal_id"]: row["outcome"] for row in rig.rows_of_signals(OrderSide.SELL)}
    assert outcomes == {first.order_id: "ordered", second.order_id: "ordered", again.order_id: "refused"}
    await rig.until_async(no_intent_waits(rig), "the outbox is empty")


def no_intent_waits(rig: DeskRig) -> Any:
    async def empty() -> bool:
        return await Outbox(rig.settings.state_dir / "sell-outbox.db").waiting() == []

    return empty


async def pass_mark(rig: DeskRig) -> None:
    """A settled mark that nobody can answer yet."""
    mark = ClockMark(to_epoch_us(rig.now + timedelta(seconds=5)), settled=True)
    for stream in (Streams.NOTICES, Streams.BUY_SIGNALS, Streams.SELL_ORDERS):
        await StreamWriter(rig.redis, stream).publish_mark(mark)


@contextmanager
def locked(url: str) -> Iterator[sqlite3.Connection]:
    """Nobody else may write until the block ends or the lock is given back."""
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield connection
    finally:
        connection.close()


async def test_exits_leave_while_another_process_holds_the_ledgers_lock(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with desk_rig(redis_url, sqlite_url, tmp_path, SELLER, prepare=carry, broker=hold) as rig:
        ledger = rig.worker(SELLER).runtime.ledger
        assert ledger is not None
        impatient(ledger.engine)
        with locked(sqlite_url) as lock:
            await exits_without_ledger(rig, lambda: lock.execute("ROLLBACK"))


@pytest.mark.timeout(180)
async def test_exits_leave_while_mariadb_is_stopped(redis_url: str, short_directory: Path, tmp_path: Path) -> None:
    """The server really ends, and comes back on the same data."""
    config = mariadb.MariadbConfig(short_directory / "away", buffer_pool_mb=64)
    server = mariadb.running(config)
    url = server.__enter__()
    back = mariadb.running(config)
    try:
        async with desk_rig(redis_url, url, tmp_path, SELLER, prepare=carry, broker=hold) as rig:
            server.__exit__(None, None, None)
            await exits_without_ledger(rig, back.__enter__)
    finally:
        back.__exit__(None, None, None)


@pytest.mark.parametrize("point", ["after_intent", "after_reply"])
async def test_what_a_dead_process_sent_without_the_ledger_is_booked_once(
    sqlite_url: str, tmp_path: Path, point: str
) -> None:
    """Drills 3 and 26 together: the file is applied at the start, then the broker is asked what became of it."""
    engine = make_engine(sqlite_url, durable=True)
    upgrade("ledger", engine)
    carry(engine)
    impatient(engine)
    gateway = FakeGateway(lambda: START)
    hold(gateway)
    outbox = tmp_path / "outbox.db"
    with locked(sqlite_url) as lock:
        async with harness(engine, gateway, OrderSide.SELL, crash=point, outbox=Outbox(outbox), begin=False) as first:
            first.load_nothing()
            with pytest.raises(CrashError):
                await first.submit(first.intent(quantity=100))
            assert [intent.quantity for intent in await Outbox(outbox).waiting()] == [100]
        lock.execute("ROLLBACK")
    for order in gateway.orders:
        gateway.execute(order, 100, 9_500)
    for _ in range(2):  # starting twice applies it once
        async with harness(engine, gateway, OrderSide.SELL, outbox=Outbox(outbox)) as later:
            for _ in range(20):
                await later.settle()
            rows = later.rows()
            assert [row["state"] for row in rows] == ["filled" if gateway.orders else "not_placed"]
            assert later.holdings().get("005930", (0, 0, 0.0))[0] == (0 if gateway.orders else 100)
            assert await Outbox(outbox).waiting() == []
    assert len(gateway.sent_intents) == len(gateway.orders)
    engine.dispose()


async def test_a_sell_that_can_be_kept_nowhere_is_not_sent(sqlite_url: str, tmp_path: Path) -> None:
    """Neither ledger nor outbox: what is not on record is not sent."""
    engine = make_engine(sqlite_url, durable=True)
    upgrade("ledger", engine)
    async with harness(engine, side=OrderSide.SELL, outbox=Outbox(tmp_path / "absent" / "outbox.db")) as desk:

        async def fail(work: Any) -> Any:
            raise OperationalError("INSERT", {}, Exception("gone away"))

        desk.thread.run = fail  # type: ignore[method-assign]
        outcome = await desk.submit(desk.intent())
        assert not isinstance(outcome, Accepted)
        assert desk.gateway.sent_intents == []
    engine.dispose()


async def test_a_buys_row_whose_commit_was_answered_too_late_is_never_an_order(sqlite_url: str) -> None:
    """No buy is sent whose intent is not stored in time, and its row says so when the ledger is back."""
    engine = make_engine(sqlite_url, durable=True)
    upgrade("ledger", engine)
    impatient(engine)
    async with harness(engine) as desk:
        with locked(sqlite_url) as lock:
            outcome = await desk.submit(desk.intent())
            assert outcome.kind == "refused"
            lock.execute("ROLLBACK")
        await asyncio.wait_for(desk.journal.flush(), 30)
        assert desk.gateway.sent_intents == []
        assert desk.state("buy-1") == "not_placed"
    engine.dispose()
