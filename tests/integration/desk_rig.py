"""Runs executors in the test's own loop against a real Redis, a real ledger and a fake broker; the test makes time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from jennie_core.domain.base import KST, from_epoch_us, to_epoch_us
from jennie_core.domain.enums import (
    IntradayRiskLevel,
    MarketRegime,
    Mode,
    OrderSide,
    RiskTag,
    SellReason,
    SignalType,
    TradeTier,
)
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_infra import permit
from jennie_infra.bus.cache import put
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter, decode_watermark
from jennie_infra.bus.ticks import TickWriter
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories.tables import FILL, INTENT, PORTFOLIO, SIGNAL_LOG
from jennie_infra.db.schema import upgrade
from jennie_infra.permit import permit_key
from jennie_infra.settings import Settings
from jennie_live.buy_executor.app import build_worker as build_buyer
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.web import supervise
from jennie_live.desk.worker import DeskWorker
from jennie_live.sell_executor.app import build_worker as build_seller
from tests.unit.desk.fake_gateway import FakeGateway

DAY = date(2025, 6, 27)
WATCHLIST = "wl-1"
DEADLINE_SECONDS = 20.0


def at(clock: str) -> datetime:
    return datetime.combine(DAY, clock_time.fromisoformat(clock), tzinfo=KST)


class DeskRig:
    """Market time, streams, ledger and workers of one test."""

    def __init__(self, redis_url: str, ledger_url: str, home: Path) -> None:
        self.settings = Settings(
            mode=Mode.REHEARSAL, home=home, redis_url=redis_url, ledger_url=ledger_url, log_level="WARNING"
        )
        self.now = at("09:30:00")
        self.gateway = FakeGateway(lambda: self.now)
        engine = make_engine(ledger_url, durable=True)
        upgrade("ledger", engine)
        self.engine: Engine = engine
        self._tasks: dict[str, tuple[asyncio.Task[None], Runtime, DeskWorker[Any]]] = {}
        self._control: Runtime = build_runtime("conductor", self.settings, needs_ledger=False, needs_gateway=False)

    # ---- processes ------------------------------------------------------------------------------

    async def start(self, *services: str) -> None:
        await self._control.open()
        for service in services:
            runtime = build_runtime(service, self.settings, needs_ledger=True, needs_gateway=False)
            build: Callable[..., DeskWorker[Any]] = build_buyer if service == "buy-executor" else build_seller
            worker = build(runtime, self.gateway)
            await runtime.open()
            await worker.start()
            task = asyncio.create_task(supervise(runtime, worker.run), name=service)
            self._tasks[service] = (task, runtime, worker)

    async def stop(self, service: str) -> None:
        task, runtime, worker = self._tasks.pop(service)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await worker.stop()
        await runtime.close()

    async def kill(self, service: str) -> None:
        """End a worker without any farewell; its lock in Redis is dropped as if its process were gone."""
        task, runtime, worker = self._tasks.pop(service)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        lease_task, journal_task = worker.desk.lease._task, worker.desk.journal._task
        for each in (lease_task, journal_task):
            if each is not None:
                each.cancel()
        await self._control.redis.delete(RedisKeys.DESK_LEASE.of(side=worker.desk.side.value))
        await runtime.close()

    async def close(self) -> None:
        for service in list(self._tasks):
            await self.stop(service)
        await self._control.close()
        self.engine.dispose()

    def worker(self, service: str) -> DeskWorker[Any]:
        return self._tasks[service][2]

    @property
    def redis(self) -> Any:
        return self._control.redis

    # ---- time and messages ----------------------------------------------------------------------

    async def mark(self, *, seconds: int = 5, services: tuple[str, ...] | None = None) -> None:
        """Close the slice: a settled mark on every stream, then wait for everybody's watermark."""
        self.now += timedelta(seconds=seconds)
        mark = ClockMark(to_epoch_us(self.now), settled=True)
        await TickWriter(self.redis).write([mark])
        for stream in (Streams.NOTICES, Streams.BUY_SIGNALS, Streams.SELL_ORDERS):
            await StreamWriter(self.redis, stream).publish_mark(mark)
        await self.passed(mark.market_us, services or tuple(self._tasks))

    async def passed(self, market_us: int, services: tuple[str, ...]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        waiting = set(services)
        while waiting:
            for _, fields in await self.redis.xrange(Streams.WATERMARKS.value):
                service, when = decode_watermark(fields)
                if to_epoch_us(when) >= market_us:
                    waiting.discard(service)
            if waiting and time.monotonic() > deadline:
                raise AssertionError(f"no watermark {from_epoch_us(market_us)} from {sorted(waiting)}")
            await asyncio.sleep(0.01)

    async def notice(self, *notices: ExecutionNotice) -> None:
        for notice in notices:
            await StreamWriter(self.redis, Streams.NOTICES).publish(notice, self.now)

    async def signal(self, **changes: Any) -> BuySignal:
        signal = buy_signal(self.now + timedelta(seconds=1), **changes)
        await StreamWriter(self.redis, Streams.BUY_SIGNALS).publish(signal, signal.signalled_at)
        return signal

    async def sell(self, **changes: Any) -> SellOrder:
        order = sell_order(self.now + timedelta(seconds=1), **changes)
        await StreamWriter(self.redis, Streams.SELL_ORDERS).publish(order, order.raised_at)
        return order

    async def publish_conditions(self, *, granted: bool = True) -> None:
        """Permit, regime and throttle as the data plane and the monitor leave them."""
        early, late = at("08:30:00"), at("15:30:00")
        document = TradingPermit(
            mode=self.settings.mode,
            account_hash=self.settings.account_hash,
            market_day=DAY,
            watchlist_version=WATCHLIST,
            settings_hash=self.settings.trading().settings_hash(),
            granted=granted,
            reasons=() if granted else ("freshness of daily_prices failed",),
            issued_at=early,
            expires_at=at("15:20:00"),
        )
        await put(self.redis, RedisKeys.PERMIT_TRADING, permit.sign(document, permit_key(self.settings)))
        await put(
            self.redis,
            RedisKeys.REGIME_CURRENT,
            TradingContext(
                market_day=DAY,
                run_id="council-1",
                market_regime=MarketRegime.BULL,
                position_multiplier=1.0,
                stop_loss_multiplier=1.0,
                risk_off_level=0,
                known_at=early,
                expires_at=late,
            ),
        )
        await put(
            self.redis,
            RedisKeys.RISK_INTRADAY,
            IntradayRisk(level=IntradayRiskLevel.NORMAL, position_multiplier=1.0, known_at=early, expires_at=late),
        )

    # ---- what the ledger says -------------------------------------------------------------------

    def rows(self, table: Any, **equal: Any) -> list[dict[str, Any]]:
        statement = select(table)
        for name, value in equal.items():
            statement = statement.where(table.c[name] == value)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def intents(self, **equal: Any) -> list[dict[str, Any]]:
        return self.rows(INTENT, **equal)

    def fills(self) -> list[dict[str, Any]]:
        return self.rows(FILL)

    def outcomes(self) -> list[tuple[str, str | None]]:
        return sorted((row["outcome"], row["refusal_rule"]) for row in self.rows(SIGNAL_LOG))

    def rows_of_signals(self, side: OrderSide) -> list[dict[str, Any]]:
        return self.rows(SIGNAL_LOG, side=side.value)

    def holdings(self) -> dict[str, tuple[int, int]]:
        return {row["stock_code"]: (row["quantity"], row["external_quantity"]) for row in self.rows(PORTFOLIO)}

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}")
            await asyncio.sleep(0.01)

    async def until_async(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def desk_rig(
    redis_url: str,
    ledger_url: str,
    home: Path,
    *services: str,
    granted: bool = True,
    prepare: Callable[[Engine], None] | None = None,
    broker: Callable[[FakeGateway], None] | None = None,
) -> AsyncIterator[DeskRig]:
    """A rig whose services are healthy at 09:30:05; `prepare` fills the ledger before, `broker` the account."""
    rig = DeskRig(redis_url, ledger_url, home)
    try:
        if prepare is not None:
            prepare(rig.engine)
        if broker is not None:
            broker(rig.gateway)
        await rig.start(*services)
        await rig.publish_conditions(granted=granted)
        await rig.mark()
        await rig.mark()
        yield rig
    finally:
        await rig.close()


def buy_signal(when: datetime, **changes: Any) -> BuySignal:
    values: dict[str, Any] = {
        "signal_id": f"sig-{to_epoch_us(when)}",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "signal_type": SignalType.GOLDEN_CROSS,
        "signal_price_krw": 10_000,
        "source": "scanner",
        "market_regime": MarketRegime.BULL,
        "position_multiplier": 1.0,
        "watchlist_version": WATCHLIST,
        "score_run_id": "score-1",
        "hybrid_score": 86.0,
        "llm_score": 70.0,
        "is_tradable": True,
        "trade_tier": TradeTier.TIER1,
        "risk_tag": RiskTag.NEUTRAL,
        "sector_group": "IT",
        "atr_krw": 200.0,
        "scored_on": DAY,
        "tick_exchange_us": to_epoch_us(when),
        "tick_received_us": to_epoch_us(when),
        "signalled_at": when,
    }
    return BuySignal.model_validate(values | changes)


def sell_order(when: datetime, **changes: Any) -> SellOrder:
    values: dict[str, Any] = {
        "order_id": f"exit-{to_epoch_us(when)}",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "sell_reason": SellReason.STOP_LOSS,
        "rule": "R-EXIT-07",
        "trigger_price_krw": 9_500,
        "quantity": 1_000_000,
        "holding_days": 0,
        "raised_at": when,
    }
    return SellOrder.model_validate(values | changes)
