"""The way of an order to the broker: once per intent, under the newest lease, within its deadline (O2)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.orders import CancelRequest, OrderReply, OrderRequest, ReviseRequest
from jennie_infra.kis.client import KisClient, OrderSent
from jennie_infra.kis.codec_orders import cancel_call, order_call, revise_call
from jennie_infra.kis.codec_rest import RestCall
from jennie_infra.kis.credentials import Credentials
from jennie_live.gateway.call_key import CallKey, CallKind
from jennie_live.gateway.call_store import CallStore
from jennie_live.gateway.numbers import OrderNumbers

CANCEL_DEADLINE_SECONDS = 5.0

Calls = dict[CallKey, asyncio.Future[OrderReply]]


class OrderDesk:
    """Places, revises and cancels. State: one reply (or the call under way) per key, and the highest lease per side."""

    def __init__(self, client: KisClient, who: Credentials, store: CallStore) -> None:
        self._client = client
        self._who = who
        self._store = store
        self._calls: Calls = {}
        self._sides: dict[str, OrderSide] = {}
        self._numbers = OrderNumbers()
        self._cancelling: Calls = {}
        self._cancelled: dict[str, OrderReply] = {}
        self._attempts: dict[str, int] = {}
        self._highest: dict[OrderSide, int] = {}
        self.in_flight = 0
        self.outcomes: dict[str, int] = {}

    async def load(self) -> None:
        """Take the stored calls of earlier processes; one without an outcome is unknown, not forgotten."""
        for call in await self._store.load():
            intent_id = call.key.intent_id
            self._raise_lease(call.side, call.lease)
            if call.key.kind is CallKind.CANCEL:
                self._attempts[intent_id] = max(self._attempts.get(intent_id, 0), call.key.number)
                continue
            done: asyncio.Future[OrderReply] = asyncio.get_running_loop().create_future()
            done.set_result(OrderReply(intent_id=intent_id, outcome=call.outcome, sent_at_us=call.sent_us))
            self._calls[call.key] = done
            self._sides[intent_id] = call.side
            if isinstance(call.outcome, Accepted):
                self._numbers.accepted(intent_id, call.order_number, call.outcome)

    async def place(self, order: OrderRequest) -> OrderReply:
        """Place an order, or return what came of it before. Never raises for a lost answer."""
        key = CallKey(order.intent_id)
        if known := self._calls.get(key):
            return await _again(known)
        if refusal := self._refusal(order.side, order.lease):
            return OrderReply(intent_id=order.intent_id, outcome=refusal)
        return await self._once(self._calls, key, lambda: self._send(key, order, "", order_call(self._who, order)))

    async def revise(self, request: ReviseRequest) -> OrderReply:
        """Give an order's remainder another price, once per revision; the number that is alive is kept with the intent.

        Like an order it is recorded before it is sent and never sent again. An old number of the intent stands for the
        one that is alive.
        """
        intent_id = request.intent_id
        key = CallKey(intent_id, CallKind.REVISE, request.revision)
        if known := self._calls.get(key):
            return await _again(known)
        if refusal := self._refusal(request.side, request.lease):
            return OrderReply(intent_id=intent_id, outcome=refusal)
        number = self._numbers.alive(intent_id, request.order_number)
        organisation = request.organisation_number or self._numbers.organisation(intent_id)
        call = revise_call(self._who, request, number, organisation)
        return await self._once(self._calls, key, lambda: self._send(key, request, number, call))

    async def cancel(self, request: CancelRequest) -> OrderReply:
        """Cancel the remainder. A cancel that was accepted is not repeated; any other may be tried again."""
        intent_id = request.intent_id
        if done := self._cancelled.get(intent_id):
            return done.model_copy(update={"repeated": True})
        if under_way := self._cancelling.get(CallKey(intent_id)):
            return await _again(under_way)
        side = self._sides.get(intent_id)
        if side is not None and (refusal := self._old_lease(side, request.lease)):
            return OrderReply(intent_id=intent_id, outcome=refusal)
        return await self._once(self._cancelling, CallKey(intent_id), lambda: self._cancel(request, side))

    async def _send(
        self, key: CallKey, request: OrderRequest | ReviseRequest, replaces: str, call: RestCall
    ) -> OrderReply:
        deadline = time.monotonic() + request.deadline_ms / 1000
        recorded = request.model_dump(mode="json") | ({"order_number": replaces} if replaces else {})
        try:
            await self._store.begin(key, request.lease, request.side, recorded)
        except SQLAlchemyError as error:
            outcome = Refused(rule="GW-STORE", text=f"not sent: the call cannot be recorded ({type(error).__name__})")
            return OrderReply(intent_id=key.intent_id, outcome=outcome)
        sent = await self._client.send_order(call, deadline)
        self._store.finish(key, sent.outcome, sent.sent_at_us)
        if isinstance(sent.outcome, Accepted):
            self._numbers.accepted(key.intent_id, replaces, sent.outcome)
        return self._reply(key.intent_id, sent)

    async def _cancel(self, request: CancelRequest, side: OrderSide | None) -> OrderReply:
        intent_id = request.intent_id
        attempt = self._attempts.get(intent_id, 0) + 1
        self._attempts[intent_id] = attempt
        key = CallKey(intent_id, CallKind.CANCEL, attempt)
        self._store.begin_unwaited(key, request.lease, side, request.model_dump(mode="json"))
        number = self._numbers.alive(intent_id, request.order_number)
        organisation = request.organisation_number or self._numbers.organisation(intent_id)
        try:
            sent = await self._client.send_order(
                cancel_call(self._who, number, organisation), time.monotonic() + CANCEL_DEADLINE_SECONDS
            )
        finally:
            self._cancelling.pop(CallKey(intent_id), None)
        self._store.finish(key, sent.outcome, sent.sent_at_us)
        reply = self._reply(intent_id, sent)
        if isinstance(sent.outcome, Accepted):
            self._cancelled[intent_id] = reply
        return reply

    async def _once(self, table: Calls, key: CallKey, work: Callable[[], Awaitable[OrderReply]]) -> OrderReply:
        """Run the call in its own task: a caller that goes away never leaves a half-sent order."""

        async def run() -> OrderReply:
            self.in_flight += 1
            try:
                return await work()
            finally:
                self.in_flight -= 1

        task = asyncio.ensure_future(run())
        table[key] = task
        return await asyncio.shield(task)

    def _reply(self, intent_id: str, sent: OrderSent) -> OrderReply:
        self.outcomes[sent.outcome.kind] = self.outcomes.get(sent.outcome.kind, 0) + 1
        return OrderReply(intent_id=intent_id, outcome=sent.outcome, sent_at_us=sent.sent_at_us)

    def _refusal(self, side: OrderSide, lease: int) -> Refused | None:
        """Why nothing that adds or moves an order may leave now; buys also wait for a broker that answers (I6)."""
        if refusal := self._old_lease(side, lease):
            return refusal
        if side is OrderSide.BUY and self._client.circuits.host.state != "closed":
            return Refused(rule="GW-BREAKER", text="not sent: the broker does not answer reads")
        self._raise_lease(side, lease)
        return None

    def _old_lease(self, side: OrderSide, lease: int) -> Refused | None:
        highest = self._highest.get(side)
        if highest is None or lease >= highest:
            return None
        text = f"lease {lease} of the {side.value} desk is old, {highest} has taken over"
        return Refused(rule="O2-LEASE", code=str(highest), text=text)

    def _raise_lease(self, side: OrderSide, lease: int) -> None:
        self._highest[side] = max(lease, self._highest.get(side, lease))


async def _again(known: asyncio.Future[OrderReply]) -> OrderReply:
    reply = await asyncio.shield(known)
    return reply.model_copy(update={"repeated": True})
