"""The order desk of one side: an intent row first, then one call, then a result; each fill booked once (O1-O3)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.decisions import Accepted, OrderOutcome, Refusal
from jennie_core.domain.enums import OrderSide, OrderState
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.strategy.book import Book
from jennie_core.strategy.booking import Booked, NewFill
from jennie_core.strategy.intent import Intent, Sender
from jennie_infra.db.engine import DatabaseThread
from jennie_infra.db.repositories import booking, intents
from jennie_infra.telemetry import Metrics, get_logger
from jennie_live.desk.crash_points import CrashPoints
from jennie_live.desk.intent_store import IntentStore
from jennie_live.desk.journal import Journal
from jennie_live.desk.lease import DeskLease
from jennie_live.desk.orders import OrderBookOfDay, WorkingOrder
from jennie_live.desk.ports import BrokerDoor
from jennie_live.desk.submission import Submission

Alert = Callable[[str, str, str, str], Awaitable[None]]
Clear = Callable[[str], Awaitable[None]]
Beside = Callable[[Connection, Booked], None]
OnBooked = Callable[[WorkingOrder, Booked], Awaitable[None]]
OnEnded = Callable[[WorkingOrder], Awaitable[None]]


@dataclass
class Hooks:
    """What an executor adds to the desk's work."""

    beside: Beside
    """Runs in the transaction that books fills."""
    booked: OnBooked
    """After fills are committed."""
    ended: OnEnded
    """Once per order, when it is over."""


class Desk:
    """Sends orders of one side and books what becomes of them. `now_us` is the market time of the event in hand."""

    def __init__(
        self,
        *,
        side: OrderSide,
        account_hash: str,
        gateway: BrokerDoor,
        ledger: DatabaseThread,
        journal: Journal,
        intent_store: IntentStore,
        lease: DeskLease,
        book: Book,
        settings: OrderSettings,
        crash: CrashPoints,
        alert: Alert,
        clear: Clear,
        metrics: Metrics,
    ) -> None:
        self.side = side
        self.account_hash = account_hash
        self.gateway = gateway
        self.ledger = ledger
        self.journal = journal
        self.intents = intent_store
        self.lease = lease
        self.book = book
        self.settings = settings
        self.crash = crash
        self.alert = alert
        self.clear = clear
        self.orders = OrderBookOfDay()
        self.hooks: Hooks | None = None
        self.now_us = 0
        self.external_trade_seen = False
        self.unreconciled: frozenset[str] = frozenset()
        """Codes on which our books and the broker's differ; shown as such, and not bought meanwhile (I2)."""
        self.changed = False
        self._submission = Submission(self)
        self._outcomes = metrics.counter("desk_orders_total", "orders by outcome", ("outcome",))

    @property
    def now(self) -> datetime:
        """Market time of the event in hand."""
        return from_epoch_us(self.now_us)

    @property
    def sender(self) -> Sender:
        """Who sends: the account under the lease in force."""
        return Sender(self.account_hash, self.lease.number)

    async def submit(self, intent: Intent, before_send: Callable[[], Refusal | None]) -> OrderOutcome:
        """Make the intent durable, then send it once. `before_send` is asked again between commit and call."""
        return await self._submission.run(intent, before_send)

    async def on_notice(self, notice: ExecutionNotice) -> None:
        """Apply one notice of the broker; one seen before, or one of an ended order, changes nothing (drill 8)."""
        order = self.orders.by_number(notice.order_number, notice.original_order_number)
        if order is None:
            self._keep_or_report(notice)
        elif not notice.is_execution:
            order.must_read = order.must_read or notice.is_rejected or notice.is_cancel_confirmation
        else:
            await self._book_notice(order, notice)

    async def book_fills(self, order: WorkingOrder, new: list[NewFill], end_state: OrderState | None = None) -> Booked:
        """Book fills and the state they lead to in one transaction; then tell the book, the stream and the executor."""
        if self.hooks is None:
            raise RuntimeError("the desk has no executor")
        hooks, now, intent = self.hooks, self.now, order.intent

        def work(connection: Connection) -> Booked:
            booked = booking.book(connection, intent, new, now=now, end_state=end_state)
            if booked.fills:
                hooks.beside(connection, booked)
            return booked

        booked = await self.journal.do(f"fills of {intent.intent_id}", work)
        self.crash.crash_at("after_fill")
        order.intent = booked.intent
        order.seen.update(fill.fill_id for fill in booked.fills)
        self.changed = True
        if booked.fills and booked.position is not None:
            self.book.put(booked.position, self.now_us)
            self.book.balance_is_stale = True
            await hooks.booked(order, booked)
        await self.end_if_over(order)
        return booked

    async def end_if_over(self, order: WorkingOrder) -> None:
        """Say once that an order is over."""
        if order.intent.state.is_terminal and not order.settled and self.hooks is not None:
            order.settled = True
            self.book.balance_is_stale = True
            for kind in ("unknown", "frozen", "cancel"):
                await self.clear(f"{kind}-{order.intent.intent_id}")
            self._outcomes.labels(outcome=order.intent.state.value).inc()
            await self.hooks.ended(order)

    async def move(self, order: WorkingOrder, state: OrderState, **changes: object) -> None:
        """Move an intent on, in memory and in the ledger (written in order, retried until stored)."""
        now = max(self.now, order.intent.market_at)
        typed: dict[str, object] = {**changes, "state": state, "updated_at": now}
        order.intent = replace(order.intent, **typed)  # type: ignore[arg-type]  # names are the intent's own
        self.changed = True
        intent_id = order.intent.intent_id
        self.journal.add(
            f"{intent_id} becomes {state.value}",
            lambda connection: intents.transition(connection, intent_id, state, now=now, **changes),
        )
        await self.end_if_over(order)

    async def accept(self, order: WorkingOrder, accepted: Accepted, sent_us: int | None = None) -> None:
        """Note the broker's number, then apply the notices that came before it."""
        await self.move(
            order,
            OrderState.ACCEPTED,
            order_number=accepted.order_number,
            organisation_number=accepted.organisation_number,
            **({} if sent_us is None else {"sent_us": sent_us}),
        )
        await self.clear(f"unknown-{order.intent.intent_id}")
        await self.clear(f"frozen-{order.intent.intent_id}")
        for notice in self.orders.index(order):
            await self.on_notice(notice)

    def _keep_or_report(self, notice: ExecutionNotice) -> None:
        if notice.side is not self.side:
            return
        self.orders.keep_early(notice)
        if not any(order.is_unknown for order in self.orders.unresolved(notice.stock_code)):
            self.external_trade_seen = True

    async def _book_notice(self, order: WorkingOrder, notice: ExecutionNotice) -> None:
        async with order.booking:
            await self._book_notice_alone(order, notice)

    async def _book_notice_alone(self, order: WorkingOrder, notice: ExecutionNotice) -> None:
        fill = order.fill_of(notice, self.now_us, self.settings.commission_ratio)
        if fill is not None:
            await self.book_fills(order, [fill])
        elif notice.quantity > order.intent.remaining_quantity and order.must_read:
            get_logger().warning("notice beyond the order's quantity", key=notice.notice_key, quantity=notice.quantity)
