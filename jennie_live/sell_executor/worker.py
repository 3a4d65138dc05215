"""The sell executor: every sell order to at most one market order of managed shares, and one outcome."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime

from redis.exceptions import RedisError
from sqlalchemy.engine import Connection

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.enums import OrderSide, OrderType, SellReason
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder, TradeNotification
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.cooldowns import cooldowns_after_sell
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.bus.streams import Streams
from jennie_infra.db.repositories import cooldowns, journal
from jennie_infra.db.repositories.booking import Booked
from jennie_infra.db.repositories.cooldowns import CooldownKind, CooldownUntil
from jennie_infra.db.repositories.intents import Intent
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.desk.book import PositionChange
from jennie_live.desk.desk import Hooks
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.merge import RequestEvent
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.outcomes import EXPIRED, ORDERED, REFUSED, Outcomes, Request
from jennie_live.desk.worker import DeskParts, DeskWorker
from jennie_live.sell_executor.checks import SellFacts, check_sell, quantity_to_sell

REDIS_KEYS = {
    CooldownKind.STOP_LOSS: RedisKeys.BUY_COOLDOWN_STOPLOSS,
    CooldownKind.SELL: RedisKeys.BUY_COOLDOWN_SELL,
}


@dataclass(frozen=True, slots=True)
class _Sending:
    """A sell under way."""

    event: RequestEvent[SellOrder]
    intent: Intent
    now: datetime


class SellWorker(DeskWorker[SellOrder]):
    """Decides on sell orders. Sells of different codes leave at the same time; one slow answer holds up no other."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[SellOrder]) -> None:
        super().__init__(runtime, parts, inputs)
        self._outcomes = Outcomes(self.desk.journal, runtime.service, OrderSide.SELL, runtime.metrics)
        self._notify = runtime.writer(Streams.TRADE_NOTIFICATIONS)
        self._failed_at: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._suppressed = 0
        self.desk.hooks = Hooks(beside=self._cool_down, booked=self._booked, ended=self._ended)

    # ---- one sell order -------------------------------------------------------------------------

    async def handle(self, event: RequestEvent[SellOrder]) -> None:
        """Decide from memory; what may be sold leaves in its own task."""
        order, now = event.request, self.desk.now
        if self._outcomes.is_owed(order.order_id):
            self._outcomes.settle(_request(event), ORDERED, now)
            await self._acknowledge(event.entry_id)
            return
        position = self.desk.book.positions.get(order.stock_code)
        refusal = self._check(order, position, now)
        self._outcomes.seen.add(order.order_id)
        if refusal is None and position is not None:
            sending = _Sending(event, self._intent(order, position, now), now)
            task = asyncio.create_task(self._send(sending), name=f"sell-{order.stock_code}")
            self._tasks.add(task)
            return
        await self._refused(event, now, refusal or Refusal(rule="R-SELL-04", detail="no managed shares held"))

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
            last_failure_at=self._failed_at.get(order.stock_code),
        )
        return check_sell(facts, self.runtime.trading.orders)

    async def _send(self, sending: _Sending) -> None:
        """Send, write the outcome, and acknowledge once both are durable."""
        order = sending.event.request
        outcome = await self.desk.submit(sending.intent, lambda: self._stopped(order))
        if isinstance(outcome, Refused):
            refusal = Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)
            await self._refused(sending.event, sending.now, refusal)
            return
        self._outcomes.settle(_request(sending.event), ORDERED, sending.now)
        await self._acknowledge(sending.event.entry_id)

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

    def _intent(self, order: SellOrder, position: Position, now: datetime) -> Intent:
        identity = canonical_hash([self.desk.account_hash, "sell", order.order_id], 24)
        return Intent(
            intent_id=f"sell-{identity}",
            account_hash=self.desk.account_hash,
            market_day=now.date(),
            stock_code=order.stock_code,
            stock_name=position.stock_name,
            side=OrderSide.SELL,
            order_type=OrderType.MARKET,
            quantity=quantity_to_sell(order, position),
            limit_price_krw=None,
            reference_price_krw=order.trigger_price_krw,
            lease=self.desk.lease.number,
            source_id=order.order_id,
            reason=order.sell_reason.value,
            rule=order.rule,
            created_at=now,
            market_at=now,
            updated_at=now,
            scale_out_level=order.scale_out_level,
            context={
                "average_price_krw": position.average_price_krw,
                "holding_days": order.holding_days,
                "market_regime": None if order.market_regime is None else order.market_regime.value,
                "opened_by": position.trade_id,
                "sector_group": position.sector_group,
            },
            tick_received_us=order.tick_received_us,
            signalled_us=order.signalled_us,
        )

    # ---- what becomes of orders -----------------------------------------------------------------

    def _cool_down(self, connection: Connection, booked: Booked) -> None:
        """R-SELL-09, R-SELL-10, in the transaction of the fill."""
        for cooldown in self._cooldowns(booked):
            cooldowns.put(connection, cooldown)

    def _cooldowns(self, booked: Booked) -> list[CooldownUntil]:
        intent, sold_at = booked.intent, booked.intent.updated_at
        ends = cooldowns_after_sell(SellReason(intent.reason), sold_at, self.runtime.trading.risk)
        found = [CooldownUntil(intent.stock_code, CooldownKind.SELL, ends.sell_until)]
        if ends.stop_loss_until is not None:
            found.append(CooldownUntil(intent.stock_code, CooldownKind.STOP_LOSS, ends.stop_loss_until))
        return found

    async def _booked(self, order: WorkingOrder, booked: Booked) -> None:
        self._failed_at.pop(order.intent.stock_code, None)
        if booked.position is not None:
            await self.tell_position(booked.position, "fill", booked.realized_pnl_krw)
        try:
            for cooldown in self._cooldowns(booked):
                key = REDIS_KEYS[cooldown.kind]
                await self.runtime.redis.set(
                    key.of(code=cooldown.stock_code), cooldown.until.isoformat(), ex=KEYS[key].ttl_seconds
                )
        except (RedisError, OSError) as error:
            get_logger().warning("cooldown not mirrored", code=order.intent.stock_code, error=type(error).__name__)

    async def _ended(self, order: WorkingOrder) -> None:
        intent = order.intent
        if intent.filled_quantity == 0:
            await self._failed(order)
            return
        await self.runtime.clear_alert(f"sell-failed-{intent.stock_code}")
        price = intent.filled_amount_krw / intent.filled_quantity
        average = intent.context["average_price_krw"]
        notification = TradeNotification(
            trade_type="SELL",
            stock_code=intent.stock_code,
            stock_name=intent.stock_name,
            quantity=intent.filled_quantity,
            price_krw=price,
            total_amount_krw=intent.filled_amount_krw,
            sell_reason=SellReason(intent.reason),
            profit_pct=(price / average - 1) * 100 if average else None,
            holding_days=intent.context["holding_days"],
            traded_at=self.desk.now,
        )
        await self._notify.publish(notification, self.desk.now)

    async def _failed(self, order: WorkingOrder) -> None:
        """A sell without a fill: say so, compare with the broker before the next try (drills 9, 10)."""
        intent = order.intent
        self._failed_at[intent.stock_code] = self.desk.now
        self.agenda.want("failed-sell")
        await self.runtime.alert(
            f"sell-failed-{intent.stock_code}",
            "critical",
            f"{intent.reason} of {intent.stock_name} ({intent.stock_code}) x {intent.quantity} did not sell: "
            f"{intent.refusal_text or intent.state.value}",
            "the monitor raises it again while its rule holds",
        )

    # ---- day and marks --------------------------------------------------------------------------

    async def load_day(self, day: date) -> None:
        """Sell orders that have their outcome, and cooldowns that Redis may have forgotten (drill 22)."""
        settled = await self.desk.journal.do(
            "settled sell orders", lambda connection: journal.settled_ids(connection, day, OrderSide.SELL.value)
        )
        self._outcomes.begin_day(settled, {order.intent.source_id for order in self.desk.orders})
        self._failed_at = {}
        now = self.desk.now

        def load(connection: Connection) -> list[CooldownUntil]:
            return cooldowns.in_force(connection, now)

        for cooldown in await self.desk.journal.do("cooldowns", load):
            key = REDIS_KEYS[cooldown.kind]
            await self.runtime.redis.set(
                key.of(code=cooldown.stock_code), cooldown.until.isoformat(), ex=KEYS[key].ttl_seconds
            )

    async def settle(self, changed: list[PositionChange]) -> None:
        """Say the end of what a halt held back."""
        if self._suppressed and not self.runtime.stops.blocks_automatic_exits:
            self._suppressed = 0
            for code in self.desk.book.positions:
                await self.runtime.clear_alert(f"exit-suppressed-{code}")

    def status(self) -> dict[str, str | int | float | bool | None]:
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
