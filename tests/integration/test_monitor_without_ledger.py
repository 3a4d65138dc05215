"""price-monitor while its ledger is away: exits go on, and no high watermark is lost (I6, drill 26)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_infra.bus.ticks import TickWriter
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories import positions
from jennie_infra.db.schema import upgrade
from jennie_infra.settings import load_settings
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.web import supervise
from jennie_live.monitor.worker import MonitorWorker

AT = datetime(2025, 6, 27, 10, 0, tzinfo=KST)
START_US = to_epoch_us(AT)
SECOND_US = 1_000_000
CODE, AVERAGE_KRW, HIGH_KRW, FALLEN_KRW = "005930", 60_000, 66_000, 50_000


class MonitorRig:
    """A monitor in this process, its market, and its ledger's file, which another process can lock."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self.runtime = runtime
        self.file = folder / "ledger.db"
        self.writer = TickWriter(runtime.redis)
        self.orders = CursorReader(runtime.redis, Streams.SELL_ORDERS, start="0-0")
        self.second = 0
        self.sold: list[SellOrder] = []

    def lock_ledger(self) -> sqlite3.Connection:
        """Nobody else can write until the connection is closed."""
        locking = sqlite3.connect(self.file)
        locking.execute("BEGIN EXCLUSIVE")
        return locking

    async def trade(self, price_krw: int) -> None:
        """One trade and the settled mark after it."""
        self.second += 5
        now_us = START_US + self.second * SECOND_US
        tick = Tick(CODE, price_krw, 1, self.second, price_krw, price_krw, now_us, now_us)
        await self.writer.write([tick, ClockMark(now_us + SECOND_US, settled=True)])

    async def sees_sell(self) -> bool:
        """Whether an exit was raised."""
        self.sold += [entry.message for entry in await self.orders.read() if isinstance(entry.message, SellOrder)]
        return bool(self.sold)

    def watermark(self) -> int | None:
        """What the ledger knows."""
        assert self.runtime.ledger is not None
        with self.runtime.ledger.engine.connect() as connection:
            return positions.load(connection)[CODE].high_watermark_krw


@pytest.fixture
async def rig(redis_url: str, tmp_path: Path) -> AsyncIterator[MonitorRig]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    engine = make_engine(url, durable=False)
    upgrade("ledger", engine)
    held = Position(
        stock_code=CODE,
        stock_name="삼성전자",
        quantity=10,
        average_price_krw=float(AVERAGE_KRW),
        sector_group="반도체/IT",
        bought_on=AT.date(),
    )
    with engine.begin() as connection:
        positions.save(connection, held, now=wall_now())
    engine.dispose()
    given = {"JENNIE_HOME": str(tmp_path), "JENNIE_REDIS_URL": redis_url, "JENNIE_LEDGER_URL": url}
    settings = load_settings(given, tmp_path / "absent.env")
    runtime = build_runtime("price-monitor", settings, needs_ledger=True, needs_gateway=False)
    await runtime.open()
    yield MonitorRig(runtime, tmp_path)
    await runtime.close()


async def test_an_exit_is_raised_while_the_ledger_hangs_and_the_high_is_kept(rig: MonitorRig) -> None:
    worker = MonitorWorker(rig.runtime)
    running = asyncio.create_task(supervise(rig.runtime, worker.run))
    locking = rig.lock_ledger()
    try:
        async with asyncio.timeout(30):
            while worker.health()[1]["held"] != 1:
                await rig.trade(HIGH_KRW - 100)  # from the stream's end on: the first ones may come before that
                await asyncio.sleep(0.05)
        await rig.trade(HIGH_KRW)
        await rig.trade(FALLEN_KRW)
        async with asyncio.timeout(8):
            while not await rig.sees_sell():  # noqa: ASYNC110 - the lock is held until it comes
                await asyncio.sleep(0.01)
        assert rig.sold[0].stock_code == CODE
        assert rig.watermark() is None
    finally:
        locking.close()
    await worker.stop()
    assert rig.watermark() == HIGH_KRW
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
