"""From an intent to its order: made durable, asked once more, sent once, and the reply taken (O1, O2, O4)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from jennie_core.domain.decisions import Accepted, OrderOutcome, Refusal, Refused, Unknown
from jennie_core.domain.enums import OrderState
from jennie_core.domain.orders import OrderReply, OrderRequest
from jennie_core.strategy.intent import Intent
from jennie_live.desk.orders import WorkingOrder

if TYPE_CHECKING:  # the desk is made of this part
    from jennie_live.desk.desk import Desk


class Submission:
    """Sends the orders of one desk."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    async def run(self, intent: Intent, before_send: Callable[[], Refusal | None]) -> OrderOutcome:
        """Make the intent durable, then send it once. `before_send` is asked again between commit and call."""
        desk = self._desk
        refused = self._refuse_unsent(intent)
        if refused is not None:
            return refused
        order = desk.orders.add(intent)
        desk.crash.crash_at("before_intent")
        refused = await desk.intents.keep(intent)
        if refused is not None:
            desk.orders.remove(intent.intent_id)
            return refused
        desk.crash.crash_at("after_intent")
        refusal = before_send() or self._stale_lease()
        if refusal is not None:
            await self._not_sent(order, refusal)
            return Refused(rule=refusal.rule, text=refusal.detail)
        reply = await self._send(intent)
        desk.crash.crash_at("after_reply")
        await self._take_reply(order, reply)
        return reply.outcome

    def _refuse_unsent(self, intent: Intent) -> Refused | None:
        orders = self._desk.orders
        if orders.find(intent.intent_id) is not None:
            return Refused(rule="R-MSG-06", text="this request was acted on before")
        if orders.unresolved(intent.stock_code):
            return Refused(rule="O1", text=f"an order of {intent.stock_code} is unresolved")
        stale = self._stale_lease()
        return None if stale is None else Refused(rule=stale.rule, text=stale.detail)

    def _stale_lease(self) -> Refusal | None:
        lease = self._desk.lease
        if lease.is_current():
            return None
        return Refusal(rule="O2-LEASE", detail=f"lease {lease.number} of this desk is no longer proven")

    async def _not_sent(self, order: WorkingOrder, refusal: Refusal) -> None:
        await self._desk.move(
            order, OrderState.NOT_PLACED, refusal_rule=refusal.rule[:40], refusal_text=f"not sent: {refusal.detail}"
        )

    async def _send(self, intent: Intent) -> OrderReply:
        desk = self._desk
        request = OrderRequest(
            intent_id=intent.intent_id,
            lease=desk.lease.number,
            stock_code=intent.stock_code,
            side=intent.side,
            order_type=intent.order_type,
            quantity=intent.quantity,
            limit_price_krw=intent.limit_price_krw,
        )
        if desk.crash.is_armed("after_write"):
            task = asyncio.create_task(desk.gateway.place(request))
            await asyncio.wait({task}, timeout=0.5)
            desk.crash.crash_at("after_write")
        return await desk.gateway.place(request)

    async def _take_reply(self, order: WorkingOrder, reply: OrderReply) -> None:
        outcome, sent = reply.outcome, {} if reply.sent_at_us is None else {"sent_us": reply.sent_at_us}
        if isinstance(outcome, Accepted):
            await self._desk.accept(order, outcome, reply.sent_at_us)
        elif isinstance(outcome, Refused):
            await self._desk.move(
                order,
                OrderState.REJECTED,
                refusal_rule=outcome.rule[:40],
                refusal_text=f"{outcome.code} {outcome.text}".strip(),
                **sent,
            )
        else:
            await self._take_unknown(order, outcome, sent)

    async def _take_unknown(self, order: WorkingOrder, outcome: Unknown, sent: dict[str, int]) -> None:
        desk, intent = self._desk, order.intent
        since = max(desk.now, intent.market_at)
        await desk.move(
            order, OrderState.UNKNOWN, unknown_since=since, refusal_text=f"unknown: {outcome.reason}", **sent
        )
        await desk.alert(
            f"unknown-{intent.intent_id}",
            "critical",
            f"fate of the {intent.side.value} of {intent.stock_code} x {intent.quantity} is unknown: {outcome.reason}",
            "it is being settled by inquiry; the stock is blocked until then",
        )
