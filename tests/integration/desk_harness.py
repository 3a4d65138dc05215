"""A desk without streams: one ledger, one fake broker, market time that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Engine, select

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.decisions import OrderOutcome, Refusal
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.market import ClockMark
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.strategy.book import Book
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.intent import Intent
from jennie_infra.clock import MarketClock
from jennie_infra.db.engine import DatabaseThread
from jennie_infra.db.repositories import intents, positions
from jennie_infra.db.repositories.tables import FILL, INTENT
from jennie_infra.telemetry import Metrics
from jennie_live.desk import start
from jennie_live.desk.crash_points import CrashPoints
from jennie_live.desk.desk import Desk, Hooks
from jennie_live.desk.intent_store import IntentStore
from jennie_live.desk.journal import Journal
from jennie_live.desk.lease import DeskLease
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.outbox import Outbox
from jennie_live.desk.reconcile import Reconciled, Reconciler
from jennie_live.desk.tracker import Tracker
from tests.unit.desk.fake_gateway import FakeGateway

START = datetime(2025, 6, 27, 10, 0, tzinfo=KST)
CODE = "005930"


class CrashError(BaseException):
    """Stands for the end of the process."""


class RaisingCrash(CrashPoints):
    """Raises where a process would end."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted

    def is_armed(self, name: str) -> bool:
        return False

    def crash_at(self, name: str) -> None:
        if name == self.wanted:
            self.wanted = ""
            raise CrashError(name)


class AlwaysHeld:
    """A lease that is ours until the test says otherwise."""

    number = 1
    waits_for = None
    current = True

    def is_current(self) -> bool:
        return self.current


class Harness:
    """Desk, tracker and reconciler of one side over an existing ledger."""

    def __init__(
        self,
        engine: Engine,
        gateway: FakeGateway,
        side: OrderSide,
        crash: str = "",
        outbox: Outbox | None = None,
    ) -> None:
        self.engine = engine
        self.gateway = gateway
        self.thread = DatabaseThread(engine, "test")
        self.clock = MarketClock()
        self.alerts: list[str] = []
        self.halted = False
        self.lease = AlwaysHeld()
        self.journal = Journal(self.thread, self._alert, self._clear)
        self.book = Book(self.clock)
        self.ended: list[str] = []
        self.desk = Desk(
            side=side,
            account_hash="default",
            gateway=gateway,
            ledger=self.thread,
            journal=self.journal,
            intent_store=IntentStore(self.thread, self.journal, outbox, self._alert, self._clear),
            lease=cast(DeskLease, self.lease),
            book=self.book,
            settings=OrderSettings(),
            crash=RaisingCrash(crash),
            alert=self._alert,
            clear=self._clear,
            metrics=Metrics("test"),
        )
        self.tracker = Tracker(self.desk, lambda: self.halted)
        self.reconciler = Reconciler(self.desk, self.tracker, "test-executor", self._clear)
        self.desk.hooks = Hooks(beside=lambda connection, booked: None, booked=self._booked, ended=self._ended)
        self.count = 0

    async def begin(self) -> None:
        self.journal.start()
        self.mark(0)
        await start.begin_day(self.desk)

    def load_nothing(self) -> None:
        """Begin without reading the ledger, for a desk that lived before it went away."""
        self.journal.start()
        self.mark(0)

    def mark(self, seconds: float = 5) -> None:
        moved = self.gateway.now() + timedelta(seconds=seconds)
        self.gateway.now = lambda: moved
        self.clock.observe_mark(ClockMark(to_epoch_us(moved), settled=True))
        self.desk.now_us = to_epoch_us(moved)

    async def settle(self, seconds: float = 5) -> None:
        """The next settled mark."""
        self.mark(seconds)
        await self.tracker.step()
        await self.journal.flush()

    def intent(self, **changes: Any) -> Intent:
        self.count += 1
        side = self.desk.side
        base = Intent(
            intent_id=f"{side.value}-{self.count}",
            account_hash="default",
            market_day=self.desk.now.date(),
            stock_code=CODE,
            stock_name="삼성전자",
            side=side,
            order_type=OrderType.MARKET,
            quantity=100,
            limit_price_krw=None,
            reference_price_krw=10_000,
            lease=1,
            source_id=f"sig-{self.count}",
            reason="GOLDEN_CROSS",
            rule=None,
            created_at=self.desk.now,
            market_at=self.desk.now,
            updated_at=self.desk.now,
            context={"sector_group": "IT", "average_price_krw": 10_000.0},
        )
        return replace(base, **changes)

    async def submit(self, intent: Intent, refusal: Refusal | None = None) -> OrderOutcome:
        return await self.desk.submit(intent, lambda: refusal)

    async def reconcile(self, trigger: str = "test") -> Reconciled | None:
        result = await self.reconciler.run(trigger)
        for position in [] if result is None else result.adopted:
            self.book.put(position, self.desk.now_us)
        await self.journal.flush()
        return result

    def state(self, intent_id: str) -> str:
        with self.engine.connect() as connection:
            found = intents.find(connection, intent_id)
            assert found is not None
            return found.state.value

    def rows(self, table: Any = INTENT) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def fill_sources(self) -> list[tuple[str, int]]:
        return sorted((row["source"], row["quantity"]) for row in self.rows(FILL))

    def holdings(self) -> dict[str, tuple[int, int, float]]:
        with self.engine.connect() as connection:
            return {
                code: (each.quantity, each.external_quantity, round(each.average_price_krw, 6))
                for code, each in positions.load(connection).items()
            }

    def assert_derived(self) -> None:
        with self.engine.connect() as connection:
            stored = positions.load(connection)
            for code in positions.known_codes(connection):
                derived = positions.derived(connection, code)
                shares = positions.shares_of(stored[code]) if code in stored else None
                assert derived.is_empty if shares is None else derived == shares

    async def end(self) -> None:
        if self.journal._task is not None:
            self.journal._task.cancel()
            await asyncio.gather(self.journal._task, return_exceptions=True)
        self.desk.intents.close()
        self.thread._pool.shutdown(wait=True)

    async def _booked(self, order: WorkingOrder, booked: Booked) -> None:
        return None

    async def _ended(self, order: WorkingOrder) -> None:
        self.ended.append(order.intent.intent_id)

    async def _alert(self, alert_id: str, severity: str, text: str, next_step: str = "") -> None:
        self.alerts.append(alert_id)

    async def _clear(self, alert_id: str, text: str = "") -> None:
        self.alerts = [each for each in self.alerts if each != alert_id]


@asynccontextmanager
async def harness(
    engine: Engine,
    gateway: FakeGateway | None = None,
    side: OrderSide = OrderSide.BUY,
    crash: str = "",
    outbox: Outbox | None = None,
    begin: bool = True,
) -> AsyncIterator[Harness]:
    made = Harness(engine, gateway or FakeGateway(lambda: START), side, crash, outbox)
    if begin:
        await made.begin()
    try:
        yield made
    finally:
        await made.end()
