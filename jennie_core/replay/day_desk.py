"""One desk of a replayed day: requests and notices in the live order, one order per intent, each fill booked once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from jennie_core.domain.base import Message, from_epoch_us
from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import OrderState
from jennie_core.domain.market import ClockMark
from jennie_core.domain.orders import ExecutionNotice, OrderRequest
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.replay.day_books import DayBooks, Outcome
from jennie_core.replay.day_ports import DayStart, FillModel
from jennie_core.strategy import fills
from jennie_core.strategy.book import Book, PositionChange
from jennie_core.strategy.booking import Booked, NewFill, position_after, progress
from jennie_core.strategy.event_time import EventTime
from jennie_core.strategy.intent import Intent, Sender
from jennie_core.strategy.merge import EventMerge, NoticeEvent, RequestEvent
from jennie_core.strategy.settled import SettledMarks
from jennie_core.strategy.tracked_order import TrackedOrder, end_of

R = TypeVar("R", bound=Message)


class DayDesk(ABC, Generic[R]):
    """The synchronous twin of a live desk; what decides is the same code."""

    name: str

    def __init__(self, start: DayStart, books: DayBooks, broker: FillModel) -> None:
        self.start = start
        self.books = books
        self.broker = broker
        self.settings = start.settings
        self.sender = Sender(start.account, 1)
        self.clock = SettledMarks()
        self.merge: EventMerge[R] = EventMerge()
        self.time = EventTime(self.clock, self.merge)
        self.book = Book(self.clock)
        self.book.load(books.positions)
        self.now_us = 0
        self.changed = False
        self.told: list[PositionEvent] = []
        """Position changes of this desk, in order; the machine hands them to the other desk and the monitor."""
        self._orders: dict[str, TrackedOrder] = {}
        self._by_number: dict[str, TrackedOrder] = {}

    @property
    def now(self) -> datetime:
        """Market time of the event in hand."""
        return from_epoch_us(self.now_us)

    def run(self, notices: Iterable[ExecutionNotice], requests: Iterable[tuple[R, int]], end_us: int) -> None:
        """Everything of one slice: `requests` with their market times, then the settled mark."""
        for notice in notices:
            self.merge.add_notice("", notice)
        for request, at_us in requests:
            self.merge.add_request("", request, at_us)
        self.clock.observe_mark(ClockMark(end_us, settled=True))
        self.merge.add_notice_mark(end_us)
        self.merge.add_request_mark(end_us)
        for event in self.merge.ready():
            if isinstance(event, NoticeEvent):
                self.now_us = self.time.of_event(event.at_us)
                self._on_notice(event.notice)
            elif isinstance(event, RequestEvent):
                self.now_us = self.time.of_decision(event.at_us)
                self.handle(event.request)
            else:
                self.now_us = event.at_us
                changed = self.book.settle()
                self._step()
                self.settle(changed)

    @abstractmethod
    def handle(self, request: R) -> None:
        """Decide on one request."""

    @abstractmethod
    def settle(self, changed: Sequence[PositionChange]) -> None:
        """The desk's own work at a settled mark; `changed` came into force from the other desk."""

    @abstractmethod
    def booked(self, result: Booked) -> None:
        """After fills were booked."""

    @abstractmethod
    def ended(self, order: TrackedOrder) -> None:
        """Once per order, when it is over."""

    def cancels_all(self) -> bool:
        """Whether every open order of this desk is to be cancelled at the next mark."""
        return False

    # ---- orders ---------------------------------------------------------------------------------

    def intents(self) -> Iterator[Intent]:
        """Intents of the day, oldest first."""
        return (order.intent for order in self._orders.values())

    def unresolved(self, code: str | None = None) -> list[Intent]:
        """Intents whose fate is open (O1)."""
        return [intent for intent in self.intents() if intent.is_unresolved and code in (None, intent.stock_code)]

    def submit(self, intent: Intent) -> Accepted | Refused:
        """Keep the intent, send it once, take the reply."""
        if intent.intent_id in self._orders:
            return Refused(rule="R-MSG-06", text="this request was acted on before")
        if self.unresolved(intent.stock_code):
            return Refused(rule="O1", text=f"an order of {intent.stock_code} is unresolved")
        order = self._orders[intent.intent_id] = TrackedOrder(intent)
        self.books.keep(intent)
        outcome = self.broker.place(
            OrderRequest(
                intent_id=intent.intent_id,
                lease=intent.lease,
                stock_code=intent.stock_code,
                side=intent.side,
                order_type=intent.order_type,
                quantity=intent.quantity,
                limit_price_krw=intent.limit_price_krw,
            )
        )
        if isinstance(outcome, Accepted):
            self._by_number[outcome.order_number] = order
            self._move(order, OrderState.ACCEPTED, order_number=outcome.order_number)
        else:
            self._move(order, OrderState.REJECTED, refusal_rule=outcome.rule, refusal_text=outcome.text)
        return outcome

    def note(self, request: R, outcome: Outcome) -> None:
        """Keep the one outcome of a request."""
        self.books.outcomes.append(outcome)

    def read_back(self, orders: Iterable[TrackedOrder]) -> None:
        """Read orders from the broker's list and book what they have beyond our books."""
        for order in orders:
            row = self.broker.order(order.intent.order_number or "")
            if row is None:
                order.must_read = True
                continue
            new = fills.from_inquiry(order.intent, row, self.now, self.settings.orders.commission_ratio)
            order.read(self.now_us, new)
            end_state = end_of(row)
            if new or (end_state is not None and not order.intent.state.is_terminal):
                self._book(order, new, end_state)

    def open_or_short(self) -> list[TrackedOrder]:
        """Orders that a reconciliation reads again."""
        return [
            order
            for order in self._orders.values()
            if order.intent.order_number is not None and order.intent.remaining_quantity > 0
        ]

    def _working(self) -> list[TrackedOrder]:
        return [
            order for order in self._orders.values() if order.is_working or (order.must_read and not order.is_unknown)
        ]

    def _step(self) -> None:
        for order in self._working():
            order.plan(self.now_us, self.settings.orders, cancels_all=self.cancels_all())
        for order in self._working():
            if order.cancel_asked and order.is_working and order.intent.order_number is not None:
                order.must_read = True
                self.broker.cancel(order.intent.order_number)
        self.read_back([order for order in self._working() if order.must_read])

    def _on_notice(self, notice: ExecutionNotice) -> None:
        order = self._by_number.get(notice.order_number) or self._by_number.get(notice.original_order_number)
        if order is None:
            return
        if not notice.is_execution:
            order.must_read = order.must_read or notice.is_rejected or notice.is_cancel_confirmation
            return
        fill = order.fill_of(notice, self.now_us, self.settings.orders.commission_ratio)
        if fill is not None:
            self._book(order, [fill], None)

    def _book(self, order: TrackedOrder, new: Sequence[NewFill], end_state: OrderState | None) -> None:
        after = replace(progress(order.intent, new, end_state), updated_at=self.now)
        position: Position | None = None
        realized = 0
        if new:
            position, realized = position_after(self.books.positions.get(after.stock_code), after, new)
        result = Booked(after, position, tuple(new), realized)
        self.books.book(result)
        order.intent = after
        order.seen.update(fill.fill_id for fill in new)
        self.changed = True
        if position is not None:
            self.book.put(position, self.now_us)
            self.book.balance_is_stale = True
            self._tell(position, realized)
            self.booked(result)
        self._end_if_over(order)

    def _tell(self, position: Position, realized_pnl_krw: int) -> None:
        self.told.append(
            PositionEvent(
                reason="fill",
                writer=self.name,
                position=position,
                realized_pnl_krw=realized_pnl_krw,
                occurred_at=from_epoch_us(self.time.of_event(self.now_us)),
            )
        )

    def _move(self, order: TrackedOrder, state: OrderState, **changes: object) -> None:
        typed: dict[str, object] = {**changes, "state": state, "updated_at": max(self.now, order.intent.market_at)}
        order.intent = replace(order.intent, **typed)  # type: ignore[arg-type]  # names are the intent's own
        self.changed = True
        self.books.keep(order.intent)
        self._end_if_over(order)

    def _end_if_over(self, order: TrackedOrder) -> None:
        if order.intent.state.is_terminal and not order.settled:
            order.settled = True
            self.book.balance_is_stale = True
            self.ended(order)
