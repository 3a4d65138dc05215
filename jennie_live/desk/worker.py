"""The loop both executors share: take the desk, reconcile, then read, merge, decide, and answer settled marks."""

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

import orjson
from redis.exceptions import RedisError

from jennie_core.domain.base import Message, from_epoch_us
from jennie_core.domain.control import ControlVerb
from jennie_core.domain.enums import Mode
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.market import ClockMark
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.krx.sessions import session_times
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.desk.book import PositionChange
from jennie_live.desk.desk import Desk
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.merge import NoticeEvent, RequestEvent, SettledEvent
from jennie_live.desk.reconcile import Agenda, Reconciled, Reconciler
from jennie_live.desk.start import load, newest_mark
from jennie_live.desk.tracker import Tracker

R = TypeVar("R", bound=Message)
BLOCK_MS = 200
BALANCE_EVERY_US = 60_000_000
STATUS_SECONDS = 5.0
TRIM_SECONDS = 60.0
SILENT_SECONDS = 5.0
"""Real time without a mark after which the feed counts as reconnected."""
ORPHAN_SECONDS = 3.0
"""Live only: real time after which marks of the notices stand alone, because the request stream's writer is gone."""


@dataclass
class DeskParts:
    """What a desk worker is wired from."""

    desk: Desk
    tracker: Tracker
    reconciler: Reconciler
    agenda: Agenda


class DeskWorker(ABC, Generic[R]):
    """A worker of one side. Subclasses decide on requests; everything about orders is the desk's."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[R]) -> None:
        self.runtime = runtime
        self.desk = parts.desk
        self.tracker = parts.tracker
        self.reconciler = parts.reconciler
        self.agenda = parts.agenda
        self.inputs = inputs
        self.merge = inputs.merge
        self.phase: ServiceState = "starting"
        self.day: date | None = None
        self._events = runtime.writer(Streams.POSITIONS)
        self._foreign = CursorReader(runtime.redis, Streams.POSITIONS)
        self._handled: dict[Streams, list[str]] = {}
        self._begun_us = 0
        self._status_at = 0.0
        self._trim_at = 0.0
        self._orphan_since: float | None = None
        self._was_silent = False
        self._last_result: Reconciled | None = None

    # ---- what an executor adds ------------------------------------------------------------------

    @abstractmethod
    async def handle(self, event: RequestEvent[R]) -> None:
        """Decide on one request; `desk.now_us` is set."""

    @abstractmethod
    async def load_day(self, day: date) -> None:
        """Load what the executor keeps in memory for a market day."""

    @abstractmethod
    async def settle(self, changed: list[PositionChange]) -> None:
        """The executor's own work at a settled mark; `changed` came into force from the other desk."""

    @abstractmethod
    async def idle(self) -> None:
        """Wait for everything that was begun and not awaited."""

    @abstractmethod
    def status(self) -> dict[str, str | int | float | bool | None]:
        """Figures for health and dashboard."""

    # ---- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin writing in order."""
        self.desk.journal.start()

    async def run(self) -> None:
        """Take the desk, reconcile before the first new request, then work until cancelled."""
        await self._take_over()
        while True:
            _end_if_cancelled()
            self.desk.lease.require()
            await self.inputs.read(BLOCK_MS)
            await self._work()

    async def stop(self) -> None:
        """Finish what is in hand and give the desk back."""
        await self.idle()
        await self.desk.journal.stop()
        await self.desk.lease.release()

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """State and figures for /health."""
        state = self.phase
        if state == "healthy" and (self.desk.orders.unknown() or self._orphan_since is not None):
            state = "degraded"
        detail: dict[str, str | int | float | bool | None] = {
            "lease": self.desk.lease.number,
            "waits_for": self.desk.lease.waits_for,
            "orders_today": sum(1 for _ in self.desk.orders),
            "orders_unresolved": len(self.desk.orders.unresolved()),
            "orders_unknown": len(self.desk.orders.unknown()),
            "positions": len(self.desk.book.positions),
            "reconciliation_matches": None if self._last_result is None else self._last_result.matches,
            "reconciliation_differences": None if self._last_result is None else len(self._last_result.differences),
            "parked": self.inputs.parked,
        }
        return state, detail | self.status()

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """The lease; the stores are checked at each use."""
        lease = self.desk.lease
        return {"lease": DependencyStatus(ok=lease.is_current(), detail=lease.waits_for or "")}

    # ---- the loop -------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        self.phase = "starting"
        if not self.desk.lease.is_current():
            await self.desk.lease.acquire()
        self.phase = "reconciling"
        mark = await newest_mark(self.runtime.redis)
        if mark is not None:
            self.runtime.clock.observe_mark(mark)
        while not self.runtime.clock.is_known:
            await self.inputs.read(BLOCK_MS)
            await self._tell_status()
        await self._foreign.start_at_end()
        self.desk.now_us = self.runtime.clock.now_us()
        await self._begin_day()
        while await self._reconcile("start") is None:
            await self._tell_status()
            await asyncio.sleep(0.5)
        self._begun_us = self.desk.now_us
        await self.settle([])
        self.phase = "healthy"
        await self.inputs.recover()
        await self._work()
        if mark is not None and (self.merge.completed_us is None or self.merge.completed_us < mark.market_us):
            await self.inputs.read(None)
            await self._work()
            if self.merge.completed_us is None or self.merge.completed_us < mark.market_us:
                self.merge.completed_us = mark.market_us
                await self._settled(SettledEvent(mark.market_us))

    async def _work(self) -> None:
        """Hand out what is ready, in the order of events."""
        self._adopt_orphans()
        notices: list[str] = []
        for event in self.merge.ready():
            if isinstance(event, NoticeEvent):
                self.desk.now_us = self._event_us(event.at_us)
                await self.desk.on_notice(event.notice)
                notices.append(event.entry_id)
            elif isinstance(event, RequestEvent):
                self.desk.now_us = self._decision_us(event.at_us)
                await self.handle(event)
            else:
                await self._settled(event)
        self.desk.crash.crash_at("before_ack")
        await self.inputs.acknowledge(Streams.NOTICES, notices)
        await self._acknowledge_handled()
        await self.inputs.acknowledge_marks()
        await self._answer_again()
        await self._obey_commands()
        await self._house_keeping()

    def handled(self, stream: Streams, entry_id: str) -> None:
        """A request whose outcome is on its way into the ledger; it is acknowledged once it is there."""
        self._handled.setdefault(stream, []).append(entry_id)

    async def _acknowledge_handled(self) -> None:
        handled, self._handled = self._handled, {}
        if handled:
            await self.desk.journal.flush()
        for stream, entry_ids in handled.items():
            await self.inputs.acknowledge(stream, entry_ids)
        self.desk.crash.crash_at("after_ack")

    async def _answer_again(self) -> None:
        """The conductor repeats a mark when it missed an answer; what the mark caused is long done."""
        repeated, self.inputs.repeated_us = self.inputs.repeated_us, None
        if repeated is not None and repeated == self.merge.completed_us:
            await self.runtime.watermark(ClockMark(repeated, settled=True))

    def _event_us(self, at_us: int) -> int:
        """An event's own time, but always inside its slice: after the mark that was completed last (decision 0001)."""
        completed = self.merge.completed_us
        return at_us if completed is None else max(at_us, completed + 1)

    def _decision_us(self, at_us: int) -> int:
        """Market time at which a request is decided: its own, unless whole slices have passed since (T3, R-BUY-14)."""
        passed = self.runtime.clock.previous_settled_us
        own = max(self._event_us(at_us), self._begun_us)
        return own if passed is None else max(own, passed)

    async def _settled(self, event: SettledEvent) -> None:
        """Everything the mark causes, every call finished, then the mark passed on and the watermark (T3)."""
        self.desk.now_us = event.at_us
        await self.idle()
        if from_epoch_us(event.at_us).date() != self.day:
            await self._begin_day()
        changed = await self._take_foreign_positions()
        await self.tracker.step()
        await self._reconcile_if_due()
        await self._refresh_balance()
        await self.settle(changed)
        await self.desk.journal.flush()
        mark = ClockMark(event.at_us, settled=True)
        await self._events.publish_mark(mark)
        await self.runtime.watermark(mark)

    async def _take_foreign_positions(self) -> list[PositionChange]:
        for entry in await self._foreign.read():
            if isinstance(entry.message, PositionEvent) and entry.message.writer != self.runtime.service:
                self.desk.book.offer(entry.message)
        return self.desk.book.settle()

    async def _reconcile_if_due(self) -> None:
        if self.desk.external_trade_seen:
            self.agenda.want("external")
        now_us = self.desk.now_us
        hours = session_times(from_epoch_us(now_us).date())
        trigger = self.agenda.due(
            now_us,
            open_us=hours.open_us,
            close_us=hours.close_us,
            final_us=int(hours.after_market_end_at.timestamp()) * 1_000_000,
            is_busy=bool(self.desk.orders.unresolved()) or self.desk.changed,
        )
        if trigger is not None:
            await self._reconcile(trigger)

    async def _reconcile(self, trigger: str) -> Reconciled | None:
        result = await self.reconciler.run(trigger)
        if result is None:
            return None
        self.agenda.done(trigger, self.desk.now_us)
        self.desk.changed = self.desk.external_trade_seen = False
        self._take_balance(result)
        self._last_result = result
        for position in result.adopted:
            self.desk.book.put(position, self.desk.now_us)
            await self.tell_position(position, "reconciliation", 0)
        return result

    def _take_balance(self, result: Reconciled) -> None:
        unknown = {order.intent.intent_id for order in self.desk.orders.unknown()}
        self.desk.book.take_balance(result.balance, self.desk.now_us, unknown)

    async def _refresh_balance(self) -> None:
        book, now_us = self.desk.book, self.desk.now_us
        hours = session_times(from_epoch_us(now_us).date())
        aged = book.balance_us is None or now_us - book.balance_us >= BALANCE_EVERY_US
        if not book.balance_is_stale and not (aged and hours.open_us - 3_600_000_000 <= now_us < hours.last_trade_us):
            return
        try:
            balance = await self.desk.gateway.balance()
        except GatewayError as error:
            get_logger().warning("balance unknown", error=str(error))
            await self.runtime.alert("balance-unknown", "warning", f"the balance cannot be read: {error}")
            return
        await self.runtime.clear_alert("balance-unknown")
        unknown = {order.intent.intent_id for order in self.desk.orders.unknown()}
        book.take_balance(balance, now_us, unknown)

    async def tell_position(self, position: Position, reason: str, realized_pnl_krw: int) -> None:
        """Publish the new state of a position after its commit."""
        at = from_epoch_us(self._event_us(self.desk.now_us) if reason == "fill" else self.desk.now_us)
        event = PositionEvent.model_validate(
            {
                "reason": reason,
                "writer": self.runtime.service,
                "position": position,
                "realized_pnl_krw": realized_pnl_krw,
                "occurred_at": at,
            }
        )
        await self._events.publish(event, at)

    async def _begin_day(self) -> None:
        now = self.desk.now
        day = now.date()
        await self.desk.journal.flush()
        state = await self.desk.journal.do(
            "state of the day", lambda connection: load(connection, day, self.desk.side, now=now)
        )
        self.desk.orders.begin_day(state.intents)
        for order in self.desk.orders:
            order.settled = order.intent.state.is_terminal
            order.must_read = order.is_working
            order.seen = state.fill_ids[order.intent.intent_id]
        self.desk.book.load(state.positions)
        self.day = day
        await self.load_day(day)

    def _adopt_orphans(self) -> None:
        """Live only: a dead scanner or monitor must not keep fills from being booked."""
        if self.runtime.settings.mode is Mode.REHEARSAL or not self.merge.waits_for_requests:
            self._orphan_since = None
            return
        now = time.monotonic()
        self._orphan_since = now if self._orphan_since is None else self._orphan_since
        if now - self._orphan_since >= ORPHAN_SECONDS:
            self.merge.complete_without_requests()

    async def _obey_commands(self) -> None:
        commands, self.inputs.commands = self.inputs.commands, []
        for entry_id, command in commands:
            await self.runtime.stops.refresh()
            if command.verb is ControlVerb.REFRESH_POSITIONS:
                self.agenda.want("operator")
            await self.inputs.acknowledge(Streams.CONTROL, [entry_id])
        if self.runtime.clock.is_known:
            await self.tracker.cancel_now()

    async def _house_keeping(self) -> None:
        self._notice_silence()
        now = time.monotonic()
        if now - self._trim_at >= TRIM_SECONDS:
            self._trim_at = now
            await self.inputs.trim()
        await self._tell_status()

    def _notice_silence(self) -> None:
        """A feed that was silent counts as reconnected. A rehearsal's exchange holds time on purpose, so not there."""
        since = self.runtime.clock.seconds_since_mark()
        if self.runtime.settings.mode is Mode.REHEARSAL or since is None:
            return
        if since > SILENT_SECONDS:
            self._was_silent = True
        elif self._was_silent:
            self._was_silent = False
            self.agenda.want("reconnect")

    async def _tell_status(self) -> None:
        now = time.monotonic()
        if now - self._status_at < STATUS_SECONDS:
            return
        self._status_at = now
        state, detail = self.health()
        market = self.runtime.clock.now().isoformat() if self.runtime.clock.is_known else None
        raw = orjson.dumps({"service": self.runtime.service, "state": state, "market_time": market, **detail})
        key = RedisKeys.STATUS
        try:
            await self.runtime.redis.set(key.of(service=self.runtime.service), raw, ex=KEYS[key].ttl_seconds)
        except (RedisError, OSError) as error:
            get_logger().warning("status not written", error=type(error).__name__)


def _end_if_cancelled() -> None:
    """The Redis client may lose a cancellation that arrives while it reads a reply; the loop must end all the same."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
