"""Follows working orders on settled marks: confirm, time out, cancel, read back (R-ORD-04..10). Nothing sleeps."""

from collections.abc import Callable
from datetime import date

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Accepted
from jennie_core.domain.enums import OrderState
from jennie_core.domain.orders import CancelRequest
from jennie_core.strategy import fills
from jennie_core.strategy.tracked_order import end_of
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.desk.desk import Desk
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.revisions import Lineage, lineage
from jennie_live.desk.unknown import AskAgain, Frozen, NotPlaced, Placed, judge

SECOND_US = 1_000_000
CANCELS_BEFORE_ALERT = 3


class Tracker:
    """Drives the orders of one desk. A cancel is always followed by a reading; its answer proves nothing (drill 7)."""

    def __init__(self, desk: Desk, stops_buying: Callable[[], bool]) -> None:
        self._desk = desk
        self._cancel_all = stops_buying
        self.limit_is_reached: Callable[[], bool] = lambda: False
        """Whether a loss limit ends buying: open buys are then cancelled at the next mark (O5)."""

    async def step(self) -> None:
        """What is due at the settled mark in hand."""
        await self._ask_after_unknown()
        cancels_all = self._cancel_all() or self.limit_is_reached()
        for order in self._desk.orders.working():
            order.plan(self._desk.now_us, self._desk.settings, cancels_all=cancels_all)
        for order in self._desk.orders.working():
            if order.cancel_asked and order.is_working:
                await self._cancel(order)
        to_read = [order for order in self._desk.orders.working() if order.must_read]
        if to_read:
            await self.read_back(to_read)

    async def cancel_now(self) -> None:
        """Cancel what a halt forbids without waiting for a mark, and read it back (O4)."""
        orders = [order for order in self._desk.orders.working() if order.is_working and not order.cancel_asked]
        if not self._cancel_all() or not orders:
            return
        for order in orders:
            order.cancel_asked = True
            await self._cancel(order)
        await self.read_back(orders)

    async def _cancel(self, order: WorkingOrder) -> None:
        intent = order.intent
        if intent.order_number is None:
            return
        order.cancels_sent += 1
        order.must_read = True
        reply = await self._desk.gateway.cancel(
            CancelRequest(
                intent_id=intent.intent_id,
                lease=self._desk.lease.number,
                order_number=order.live_number or intent.order_number,
                organisation_number=intent.organisation_number or "",
                stock_code=intent.stock_code,
            )
        )
        if not isinstance(reply.outcome, Accepted):
            get_logger().info("cancel not confirmed", intent_id=intent.intent_id, outcome=reply.outcome.model_dump())
        if order.cancels_sent == CANCELS_BEFORE_ALERT:
            await self._desk.alert(
                f"cancel-{intent.intent_id}",
                "warning",
                f"order {intent.order_number} of {intent.stock_code} still works after {CANCELS_BEFORE_ALERT} cancels",
                "see the order in the broker's app",
            )

    async def read_back(self, orders: list[WorkingOrder]) -> bool:
        """Read orders from the broker's list and book what they have; False when the list could not be read."""
        by_day: dict[date, list[WorkingOrder]] = {}
        for order in orders:
            by_day.setdefault(order.intent.market_day, []).append(order)
        for day, group in by_day.items():
            booked_before = {order.intent.intent_id: order.intent.filled_quantity for order in group}
            try:
                rows = {row.order_number: row for row in await self._desk.gateway.orders_of_day(day)}
            except GatewayError as error:
                get_logger().warning("orders of the day unknown", day=str(day), error=str(error))
                return False
            for order in group:
                found = lineage(rows, order.intent.order_number or "")
                await self._apply_row(order, found, booked_before[order.intent.intent_id])
        return True

    async def _apply_row(self, order: WorkingOrder, found: Lineage | None, booked_before: int) -> None:
        """Book what a row has beyond our books; `booked_before`: shares we had booked when the list was asked for."""
        async with order.booking:
            await self._apply_row_alone(order, found, booked_before)

    async def _apply_row_alone(self, order: WorkingOrder, found: Lineage | None, booked_before: int) -> None:
        intent = order.intent
        if found is None:
            order.must_read = True
            return
        row, order.live_number = found.row, found.live_number
        new = fills.from_inquiry(intent, row, self._desk.now, self._desk.settings.commission_ratio)
        order.read(self._desk.now_us, new)
        if row.filled_quantity < booked_before:
            await self._desk.alert(
                f"overbooked-{intent.intent_id}",
                "critical",
                f"{intent.stock_code}: we booked {intent.filled_quantity} shares, the broker {row.filled_quantity}",
                "compare the order in the broker's app",
            )
        end_state = end_of(row)
        if new or (end_state is not None and not intent.state.is_terminal):
            await self._desk.book_fills(order, new, end_state)

    async def _ask_after_unknown(self) -> None:
        due = [
            order
            for order in self._desk.orders.unknown()
            if order.next_inquiry_us is None or self._desk.now_us >= order.next_inquiry_us
        ]
        if due:
            await self.inquire_unknown(due)

    async def inquire_unknown(self, orders: list[WorkingOrder]) -> None:
        """One inquiry after orders of unknown fate: order list, open orders, balance (O1). A failed one counts not."""
        desk = self._desk
        for day in sorted({order.intent.market_day for order in orders}):
            try:
                listed = await desk.gateway.orders_of_day(day)
                still_open = await desk.gateway.open_orders()
                balance = await desk.gateway.balance()
            except GatewayError as error:
                get_logger().warning("inquiry failed", error=str(error))
                return
            rows = list({row.order_number: row for row in [*still_open, *listed]}.values())
            for order in orders:
                if order.intent.market_day != day:
                    continue
                position = desk.book.positions.get(order.intent.stock_code)
                held = 0 if position is None else position.quantity + position.external_quantity
                verdict = judge(
                    order.intent,
                    rows,
                    balance,
                    taken=desk.orders.numbers(),
                    held_before=held,
                    now=desk.now,
                    settings=desk.settings,
                )
                await self._settle_unknown(order, verdict)

    async def _settle_unknown(self, order: WorkingOrder, verdict: Placed | NotPlaced | AskAgain | Frozen) -> None:
        desk, intent = self._desk, order.intent
        if intent.state is not OrderState.UNKNOWN:
            await desk.move(order, OrderState.UNKNOWN, unknown_since=desk.now)
        if isinstance(verdict, Placed):
            order.frozen = ""
            await desk.accept(order, Accepted(order_number=verdict.row.order_number))
            await self._apply_row(order, Lineage(verdict.row, verdict.row.order_number), order.intent.filled_quantity)
        elif isinstance(verdict, NotPlaced):
            await desk.move(
                order,
                OrderState.NOT_PLACED,
                unknown_checks=verdict.checks,
                refusal_rule="O1",
                refusal_text=f"{verdict.checks} inquiries found no such order",
            )
        elif isinstance(verdict, AskAgain):
            await desk.move(order, OrderState.UNKNOWN, unknown_checks=verdict.checks)
            order.next_inquiry_us = to_epoch_us(verdict.at)
        else:
            order.next_inquiry_us = desk.now_us + desk.settings.unknown_settle_seconds * SECOND_US // 2
            order.frozen = verdict.reason
            await desk.alert(
                f"frozen-{intent.intent_id}",
                "critical",
                f"{intent.side.value} order {intent.stock_code} x {intent.quantity}: {verdict.reason}",
                "see the broker's order list; the stock stays blocked",
            )
