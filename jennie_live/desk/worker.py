"""The loop both executors share: take the desk, reconcile, then read, merge, decide, and answer settled marks."""

import asyncio
import time
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from jennie_core.domain.base import Message, from_epoch_us
from jennie_core.domain.control import ControlVerb
from jennie_core.domain.enums import OrderState
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.market import ClockMark
from jennie_core.domain.positions import Position
from jennie_core.strategy.agenda import Agenda
from jennie_core.strategy.event_time import EventTime
from jennie_core.strategy.merge import NoticeEvent, RequestEvent, SettledEvent
from jennie_infra.bus.streams import Streams
from jennie_live.common.runtime import Runtime
from jennie_live.common.tasks import end_if_cancelled
from jennie_live.desk.account import AccountKeeper
from jennie_live.desk.desk import Desk
from jennie_live.desk.executor import Executor
from jennie_live.desk.feed_watch import FeedWatch
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.position_events import PositionEvents
from jennie_live.desk.reconcile import Reconciler
from jennie_live.desk.start import begin_day, newest_marks
from jennie_live.desk.status import Detail, StatusRow, desk_figures
from jennie_live.desk.tracker import Tracker

R = TypeVar("R", bound=Message)
BLOCK_MS = 200
TRIM_SECONDS = 60.0


@dataclass
class DeskParts:
    """What a desk worker is wired from."""

    desk: Desk
    tracker: Tracker
    reconciler: Reconciler
    agenda: Agenda


class DeskWorker(Executor[R]):
    """A worker of one side; a subclass adds the decisions."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[R]) -> None:
        self.runtime = runtime
        self.desk = parts.desk
        self.tracker = parts.tracker
        self.agenda = parts.agenda
        self.inputs = inputs
        self.merge = inputs.merge
        self.phase: ServiceState = "starting"
        self.day: date | None = None
        self._account = AccountKeeper(runtime, parts.desk, parts.reconciler, parts.agenda, self._tell_adopted)
        self._events = PositionEvents(runtime, parts.desk.book)
        self._time = EventTime(runtime.clock, inputs.merge)
        self._watch = FeedWatch(runtime, inputs.merge, parts.agenda)
        self._status = StatusRow(runtime)
        self._handled: dict[Streams, list[str]] = {}
        self._trim_at = 0.0

    # ---- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin writing in order."""
        self.desk.journal.start()

    async def run(self) -> None:
        """Take the desk, reconcile before the first new request, then work until cancelled."""
        await self._take_over()
        while True:
            end_if_cancelled()
            self.desk.lease.require()
            await self.inputs.read(BLOCK_MS)
            await self._work()

    async def stop(self) -> None:
        """Finish what is in hand and give the desk back."""
        await self.idle()
        await self.desk.journal.stop()
        self.desk.intents.close()
        await self.desk.lease.release()

    def health(self) -> tuple[ServiceState, Detail]:
        """State and figures for /health."""
        state = self.phase
        troubles = (self.desk.orders.unknown(), self._watch.requests_are_orphaned, self.desk.journal.is_away)
        if state == "healthy" and any(troubles):
            state = "degraded"
        return state, desk_figures(self.desk, self._account.last, self.inputs.parked) | self.status()

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """The lease; the stores are checked at each use."""
        lease = self.desk.lease
        return {"lease": DependencyStatus(ok=lease.is_current(), detail=lease.waits_for or "")}

    async def _take_over(self) -> None:
        self.phase = "starting"
        if not self.desk.lease.is_current():
            await self.desk.lease.acquire()
        self.phase = "reconciling"
        marks = await newest_marks(self.runtime.redis)
        for mark in marks:
            self.runtime.clock.observe_mark(mark)
        while not self.runtime.clock.is_known:
            await self.inputs.read(BLOCK_MS)
            await self._tell_status()
        await self._events.begin()
        self.desk.now_us = self.runtime.clock.now_us()
        await self._begin_day()
        while await self._account.reconcile("start") is None:
            await self._tell_status()
            await asyncio.sleep(0.5)
        self._time.begun_us = self.desk.now_us
        await self.settle([])
        self.phase = "healthy"
        await self.inputs.recover()
        await self._work()
        if marks:
            await self._answer_missed(marks[-1])

    async def _answer_missed(self, mark: ClockMark) -> None:
        """The mark that was newest at the start may have been acknowledged by an earlier process, but not answered."""
        if self._has_completed(mark.market_us):
            return
        await self.inputs.read(None)
        await self._work()
        if not self._has_completed(mark.market_us):
            self.merge.completed_us = mark.market_us
            await self._settled(SettledEvent(mark.market_us))

    def _has_completed(self, market_us: int) -> bool:
        return self.merge.completed_us is not None and self.merge.completed_us >= market_us

    # ---- the loop -------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Hand out what is ready, in the order of events."""
        self._watch.adopt_orphans()
        notices: list[str] = []
        for event in self.merge.ready():
            if isinstance(event, NoticeEvent):
                self.desk.now_us = self._time.of_event(event.at_us)
                await self.desk.on_notice(event.notice)
                notices.append(event.entry_id)
            elif isinstance(event, RequestEvent):
                self.desk.now_us = self._time.of_decision(event.at_us)
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
            self.desk.crash.crash_at("after_outcome")
        for stream, entry_ids in handled.items():
            await self.inputs.acknowledge(stream, entry_ids)
        self.desk.crash.crash_at("after_ack")

    async def _answer_again(self) -> None:
        """The conductor repeats a mark when it missed an answer; what the mark caused is long done."""
        repeated, self.inputs.repeated_us = self.inputs.repeated_us, None
        if repeated is not None and repeated == self.merge.completed_us:
            await self.runtime.watermark(ClockMark(repeated, settled=True))

    async def _settled(self, event: SettledEvent) -> None:
        """Everything the mark causes, every call finished, then the mark passed on and the watermark (T3)."""
        self.desk.now_us = event.at_us
        await self.idle()
        if from_epoch_us(event.at_us).date() != self.day:
            await self._begin_day()
        changed = await self._events.take_foreign()
        await self.tracker.step()
        await self._account.reconcile_if_due()
        await self._account.refresh_balance()
        await self.settle(changed)
        await self.desk.journal.flush()
        mark = ClockMark(event.at_us, settled=True)
        await self._events.pass_mark(mark)
        await self.runtime.watermark(mark)

    async def _begin_day(self) -> None:
        await begin_day(self.desk)
        for order in self.desk.orders.unknown():
            if order.intent.state is OrderState.UNKNOWN:
                self.runtime.take_over_alert(f"unknown-{order.intent.intent_id}")
        self.day = self.desk.now.date()
        await self.load_day(self.day)

    async def tell_fill(self, position: Position, realized_pnl_krw: int) -> None:
        """Publish a position that fills have changed, at a time inside the fill's slice."""
        at = from_epoch_us(self._time.of_event(self.desk.now_us))
        await self._events.tell(position, "fill", realized_pnl_krw, at)

    async def _tell_adopted(self, position: Position) -> None:
        await self._events.tell(position, "reconciliation", 0, self.desk.now)

    # ---- beside the events ----------------------------------------------------------------------

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
        self._watch.notice_silence()
        now = time.monotonic()
        if now - self._trim_at >= TRIM_SECONDS:
            self._trim_at = now
            await self.inputs.trim()
        await self._tell_status()

    async def _tell_status(self) -> None:
        if self._status.is_due:
            await self._status.tell(*self.health())
