"""The way of an order to the broker: once per intent, under the newest lease, within its deadline (O2)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.decisions import Accepted, OrderOutcome, Refused
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.orders import CancelRequest, OrderReply, OrderRequest
from jennie_infra.kis.client import KisClient, OrderSent
from jennie_infra.kis.codec_orders import cancel_call, order_call
from jennie_infra.kis.credentials import Credentials
from jennie_live.gateway.call_store import CallStore, cancel_key, is_cancel_key

CANCEL_DEADLINE_SECONDS = 5.0


class OrderDesk:
    """Places and cancels. State: one reply (or the call under way) per intent, and the highest lease per side."""

    def __init__(self, client: KisClient, who: Credentials, store: CallStore) -> None:
        self._client = client
        self._who = who
        self._store = store
        self._calls: dict[str, asyncio.Future[OrderReply]] = {}
        self._sides: dict[str, OrderSide] = {}
        self._cancelling: dict[str, asyncio.Future[OrderReply]] = {}
        self._cancelled: dict[str, OrderReply] = {}
        self._attempts: dict[str, int] = {}
        self._highest: dict[OrderSide, int] = {}
        self.in_flight = 0
        self.outcomes: dict[str, int] = {}

    async def load(self) -> None:
        """Take the stored calls of earlier processes; one without an outcome is unknown, not forgotten."""
        for call in await self._store.load():
            self._raise_lease(call.side, call.lease)
            if is_cancel_key(call.intent_id):
                head, _, intent_id = call.intent_id.partition(":")
                self._attempts[intent_id] = max(self._attempts.get(intent_id, 0), int(head[1:]))
                continue
            done: asyncio.Future[OrderReply] = asyncio.get_running_loop().create_future()
            done.set_result(OrderReply(intent_id=call.intent_id, outcome=call.outcome, sent_at_us=call.sent_us))
            self._calls[call.intent_id] = done
            self._sides[call.intent_id] = call.side

    async def place(self, order: OrderRequest) -> OrderReply:
        """Place an order, or return what came of it before. Never raises for a lost answer."""
        known = self._calls.get(order.intent_id)
        if known is not None:
            reply = await asyncio.shield(known)
            return reply.model_copy(update={"repeated": True})
        if refusal := self._old_lease(order.side, order.lease):
            return OrderReply(intent_id=order.intent_id, outcome=refusal)
        if order.side is OrderSide.BUY and self._client.breaker.state == "open":
            return OrderReply(
                intent_id=order.intent_id,
                outcome=Refused(rule="GW-BREAKER", text="not sent: the broker does not answer reads"),
            )
        self._raise_lease(order.side, order.lease)
        self._sides[order.intent_id] = order.side
        return await self._once(self._calls, order.intent_id, lambda: self._place(order))

    async def cancel(self, request: CancelRequest) -> OrderReply:
        """Cancel the remainder. A cancel that was accepted is not repeated; any other may be tried again."""
        intent_id = request.intent_id
        if done := self._cancelled.get(intent_id):
            return done.model_copy(update={"repeated": True})
        under_way = self._cancelling.get(intent_id)
        if under_way is not None:
            return (await asyncio.shield(under_way)).model_copy(update={"repeated": True})
        side = self._sides.get(intent_id)
        if side is not None and (refusal := self._old_lease(side, request.lease)):
            return OrderReply(intent_id=intent_id, outcome=refusal)
        return await self._once(self._cancelling, intent_id, lambda: self._cancel(request, side))

    async def _place(self, order: OrderRequest) -> OrderReply:
        deadline = time.monotonic() + order.deadline_ms / 1000
        try:
            await self._store.begin(order.intent_id, order.lease, order.side, order.model_dump(mode="json"))
        except SQLAlchemyError as error:
            outcome = Refused(rule="GW-STORE", text=f"not sent: the call cannot be recorded ({type(error).__name__})")
            return OrderReply(intent_id=order.intent_id, outcome=outcome)
        sent = await self._client.send_order(order_call(self._who, order), deadline)
        self._store.finish(order.intent_id, sent.outcome, sent.sent_at_us)
        return self._reply(order.intent_id, sent)

    async def _cancel(self, request: CancelRequest, side: OrderSide | None) -> OrderReply:
        attempt = self._attempts.get(request.intent_id, 0) + 1
        self._attempts[request.intent_id] = attempt
        key = cancel_key(request.intent_id, attempt)
        self._store.begin_unwaited(key, request.lease, side, request.model_dump(mode="json"))
        call = cancel_call(self._who, request, request.organisation_number or self._organisation(request.intent_id))
        try:
            sent = await self._client.send_order(call, time.monotonic() + CANCEL_DEADLINE_SECONDS)
        finally:
            self._cancelling.pop(request.intent_id, None)
        self._store.finish(key, sent.outcome, sent.sent_at_us)
        reply = self._reply(request.intent_id, sent)
        if isinstance(sent.outcome, Accepted):
            self._cancelled[request.intent_id] = reply
        return reply

    async def _once(
        self,
        table: dict[str, asyncio.Future[OrderReply]],
        intent_id: str,
        work: Callable[[], Awaitable[OrderReply]],
    ) -> OrderReply:
        """Run the call in its own task: a caller that goes away never leaves a half-sent order."""

        async def run() -> OrderReply:
            self.in_flight += 1
            try:
                return await work()
            finally:
                self.in_flight -= 1

        task = asyncio.ensure_future(run())
        table[intent_id] = task
        return await asyncio.shield(task)

    def _reply(self, intent_id: str, sent: OrderSent) -> OrderReply:
        self.outcomes[sent.outcome.kind] = self.outcomes.get(sent.outcome.kind, 0) + 1
        return OrderReply(intent_id=intent_id, outcome=sent.outcome, sent_at_us=sent.sent_at_us)

    def _organisation(self, intent_id: str) -> str:
        """Organisation number from the order's own acceptance; blank when it is not known."""
        known = self._calls.get(intent_id)
        if known is None or not known.done():
            return ""
        outcome: OrderOutcome = known.result().outcome
        return outcome.organisation_number if isinstance(outcome, Accepted) else ""

    def _old_lease(self, side: OrderSide, lease: int) -> Refused | None:
        highest = self._highest.get(side)
        if highest is None or lease >= highest:
            return None
        text = f"lease {lease} of the {side.value} desk is old, {highest} has taken over"
        return Refused(rule="O2-LEASE", code=str(highest), text=text)

    def _raise_lease(self, side: OrderSide, lease: int) -> None:
        self._highest[side] = max(lease, self._highest.get(side, lease))
