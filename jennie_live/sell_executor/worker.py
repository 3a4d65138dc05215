"""The sell executor: every sell order to at most one market order of managed shares, and one outcome."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.book import PositionChange
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.merge import RequestEvent
from jennie_core.strategy.sell_checks import SellFacts, check_sell
from jennie_core.strategy.sell_intent import sell_intent
from jennie_infra.bus.streams import Streams
from jennie_infra.db.repositories import cooldowns, journal
from jennie_infra.db.repositories.cooldowns import CooldownUntil
from jennie_live.common.runtime import Runtime
from jennie_live.common.tasks import run_together
from jennie_live.desk.desk import Hooks
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.outcomes import EXPIRED, ORDERED, REFUSED, Outcomes, Request
from jennie_live.desk.status import Detail
from jennie_live.desk.worker import DeskParts, DeskWorker
from jennie_live.sell_executor.cooldowns import SellCooldowns
from jennie_live.sell_executor.exit_lane import ExitLane
from jennie_live.sell_executor.failures import SellFailures
from jennie_live.sell_executor.halted import still_halted
from jennie_live.sell_executor.listings import Listings
from jennie_live.sell_executor.notification import sold


@dataclass(frozen=True, slots=True)
class _Sending:
    """A sell under way."""

    event: RequestEvent[SellOrder]
    intent: Intent
    now: datetime


class SellWorker(DeskWorker[SellOrder]):
    """Decides on sell orders. Sells of different codes leave at the same time; one slow answer holds up no other."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[SellOrder], listings: Listings) -> None:
        super().__init__(runtime, parts, inputs)
        self._listings = listings
        self._outcomes = Outcomes(self.desk.journal, runtime.service, OrderSide.SELL, runtime.metrics)
        self._notify = runtime.writer(Streams.TRADE_NOTIFICATIONS)
        self._cooldowns = SellCooldowns(runtime.trading.risk, runtime.redis)
        self._failures = SellFailures(runtime, self.agenda)
        self._tasks: set[asyncio.Task[None]] = set()
        self._suppressed = 0
        self._lane = ExitLane(self.desk.journal, inputs, self._take_at_once)
        self.desk.hooks = Hooks(beside=self._cooldowns.store, booked=self._booked, ended=self._ended)

    # ---- one sell order -------------------------------------------------------------------------

    async def run(self) -> None:
        """The loop of every desk, and beside it the lane for exits that must not wait for the ledger."""
        await run_together(loop=super().run(), exit_lane=self._lane.run())

    async def handle(self, event: RequestEvent[SellOrder]) -> None:
        """Decide from memory; what may be sold leaves in its own task."""
        decided = self._decide(event, self.desk.now)
        if isinstance(decided, _Sending):
            self._begin(self._send(decided))
        else:
            await self._settle(event, self.desk.now, decided)

    def _take_at_once(self, event: RequestEvent[SellOrder]) -> None:
        """The same without waiting for anything: the ledger is away, and the next exit is behind this one."""
        now = self.runtime.clock.now()
        decided = self._decide(event, now)
        self._begin(self._send(decided) if isinstance(decided, _Sending) else self._settle(event, now, decided))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work, name="sell"))

    def _decide(self, event: RequestEvent[SellOrder], now: datetime) -> "_Sending | Refusal | None":
        """What to send, why not, or None for an order that led to an intent in an earlier process."""
        order = event.request
        if self._outcomes.is_owed(order.order_id):
            return None
        position = self.desk.book.positions.get(order.stock_code)
        refusal = self._check(order, position, now)
        self._outcomes.seen.add(order.order_id)
        if refusal is None and position is not None:
            return _Sending(
                event, sell_intent(self.desk.sender, order, position, now, self._listings.of(order.stock_code)), now
            )
        return refusal or Refusal(rule="R-SELL-04", detail="no managed shares held")

    async def _settle(self, event: RequestEvent[SellOrder], now: datetime, refusal: Refusal | None) -> None:
        if refusal is not None:
            await self._refused(event, now, refusal)
            return
        self._outcomes.settle(_request(event), ORDERED, now)
        await self._acknowledge(event.entry_id)

    async def idle(self) -> None:
        """Wait for every sell under way; an unexpected error ends the loop, and with it the mark."""
        tasks, self._tasks = self._tasks, set()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _check(self, order: SellOrder, position: Position | None, now: datetime) -> Refusal | None:
        facts = SellFacts(
            order=order,
            market_time=now,
            session=session_times(now.date()),
            is_session=KrxCalendar.shipped().is_session(now.date()),
            seen_order_ids=self._outcomes.seen,
            stops=self.runtime.stops.state,
            position=position,
            has_unresolved=bool(self.desk.orders.unresolved(order.stock_code)),
            last_failure_at=self._failures.last(order.stock_code),
        )
        return check_sell(facts, self.runtime.trading.orders)

    async def _send(self, sending: _Sending) -> None:
        """Send, write the outcome, and acknowledge once both are durable."""
        order = sending.event.request
        refusal = await still_halted(self.desk.gateway, order.stock_code) if self._has_failed(order) else None
        if refusal is not None:
            await self._settle(sending.event, sending.now, refusal)
            return
        outcome = await self.desk.submit(sending.intent, lambda: self._stopped(order))
        if isinstance(outcome, Refused):
            refusal = Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)
        await self._settle(sending.event, sending.now, refusal)

    def _has_failed(self, order: SellOrder) -> bool:
        """The last sell of this stock was turned down; an operator's order is never held back."""
        return self._failures.last(order.stock_code) is not None and not order.sell_reason.is_operator_order

    def _stopped(self, order: SellOrder) -> Refusal | None:
        """Asked again between commit and call (O4)."""
        if order.sell_reason.is_operator_order or not self.runtime.stops.blocks_automatic_exits:
            return None
        return Refusal(rule="R-SELL-03", detail="halt blocks exits", value="halted", limit="not halted")

    async def _refused(self, event: RequestEvent[SellOrder], now: datetime, refusal: Refusal) -> None:
        order = event.request
        outcome = EXPIRED if refusal.detail == "signal expired" else REFUSED
        self._outcomes.settle(_request(event), outcome, now, refusal)
        if refusal.rule == "R-SELL-03":
            self._suppressed += 1
            await self.runtime.alert(
                f"exit-suppressed-{order.stock_code}",
                "critical",
                f"{order.sell_reason.value} of {order.stock_name} ({order.stock_code}) is held back: {refusal.detail}",
                "resume, or sell by hand",
            )
        await self._acknowledge(event.entry_id)

    async def _acknowledge(self, entry_id: str) -> None:
        await self.desk.journal.flush()
        self.desk.crash.crash_at("before_request_ack")
        await self.inputs.acknowledge(Streams.SELL_ORDERS, [entry_id])
        self.desk.crash.crash_at("after_request_ack")

    # ---- what becomes of orders -----------------------------------------------------------------

    async def _booked(self, order: WorkingOrder, booked: Booked) -> None:
        if booked.position is not None:
            await self.tell_fill(booked.position, booked.realized_pnl_krw)
        await self._cooldowns.try_mirror(booked)

    async def _ended(self, order: WorkingOrder) -> None:
        intent = order.intent
        if intent.filled_quantity == 0:
            await self._failures.note(intent, self.desk.now)
            return
        await self._failures.end([intent.stock_code])
        await self._notify.publish(sold(intent, self.desk.now), self.desk.now)

    # ---- day and marks --------------------------------------------------------------------------

    async def load_day(self, day: date) -> None:
        """Sell orders that have their outcome, and cooldowns that Redis may have forgotten (drill 22)."""
        settled = await self.desk.journal.do(
            "settled sell orders", lambda connection: journal.settled_ids(connection, day, OrderSide.SELL.value)
        )
        self._outcomes.begin_day(settled, {order.intent.source_id for order in self.desk.orders})
        self._failures.begin_day()
        now = self.desk.now

        def load(connection: Connection) -> list[CooldownUntil]:
            return cooldowns.in_force(connection, now)

        await self._cooldowns.mirror(await self.desk.journal.do("cooldowns", load))

    async def settle(self, changed: list[PositionChange]) -> None:
        """Say the end of what a halt held back, and of a failed sell whose shares are gone; learn what is held."""
        held = {code for code, position in self.desk.book.positions.items() if position.quantity}
        await self._failures.end_but(held)
        await self._listings.learn(held)
        if self._suppressed and not self.runtime.stops.blocks_automatic_exits:
            self._suppressed = 0
            for code in self.desk.book.positions:
                await self.runtime.clear_alert(f"exit-suppressed-{code}")

    def status(self) -> Detail:
        """Figures for health and dashboard."""
        return {"sells_under_way": len(self._tasks), "exits_suppressed": self._suppressed}


def _request(event: RequestEvent[SellOrder]) -> Request:
    order = event.request
    return Request(
        request_id=order.order_id,
        entry_id=event.entry_id,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        strategy=order.sell_reason.value,
        price_krw=order.trigger_price_krw,
        raised_at=order.raised_at,
        payload=order.model_dump(mode="json"),
    )
