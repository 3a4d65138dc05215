"""The buy executor: one signal at a time through checks, size and guard to at most one order, and one outcome."""

import asyncio
from datetime import date, datetime

from sqlalchemy.engine import Connection

from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.enums import Mode, OrderSide
from jennie_core.domain.signals import BuySignal
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.strategy.book import PositionChange
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.buy_checks import buy_price_krw, check_buy
from jennie_core.strategy.buy_intent import buy_intent, reserved_risk_krw
from jennie_core.strategy.buying import plan_buy
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.loss_meter import NOT_MEASURED, PRICE_LIFE_US
from jennie_core.strategy.merge import RequestEvent
from jennie_core.strategy.profit import Flow
from jennie_core.strategy.quote_need import needs_quote
from jennie_core.strategy.todays_orders import buys_on, just_tried
from jennie_infra.bus.streams import Streams
from jennie_infra.db.repositories import cooldowns, journal
from jennie_infra.db.repositories.cooldowns import CooldownKind, CooldownUntil
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.buy_executor.claims import OpenOrderClaims
from jennie_live.buy_executor.loss_guard import LossGuard
from jennie_live.buy_executor.market_facts import MarketFacts
from jennie_live.buy_executor.notification import bought
from jennie_live.buy_executor.operator_limits import OperatorLimits
from jennie_live.buy_executor.published import BuyConditions
from jennie_live.buy_executor.sight import BuySight
from jennie_live.common.runtime import Runtime
from jennie_live.desk.desk import Hooks
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.outcomes import EXPIRED, ORDERED, REFUSED, Outcomes, Request
from jennie_live.desk.status import Detail
from jennie_live.desk.worker import DeskParts, DeskWorker


class BuyWorker(DeskWorker[BuySignal]):
    """Decides on buy signals. What it needs is in memory; the intent's commit is the only wait before an order (B2)."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[BuySignal], key: bytes) -> None:
        super().__init__(runtime, parts, inputs)
        desk = self.desk
        self._facts = MarketFacts(desk.gateway)
        self._conditions = BuyConditions(runtime, key)
        self._limits = OperatorLimits(runtime.trading, desk.journal)
        self._losses = LossGuard(runtime.trading.risk, desk.book, self._facts, desk.journal)
        self._sight = BuySight(desk, runtime.stops, self._conditions, self._facts, self._losses, KrxCalendar.shipped())
        self._outcomes = Outcomes(desk.journal, runtime.service, OrderSide.BUY, runtime.metrics)
        self._notify = runtime.writer(Streams.TRADE_NOTIFICATIONS)
        self._claims = OpenOrderClaims(desk)
        self._cooldowns: dict[CooldownKind, dict[str, datetime]] = {kind: {} for kind in CooldownKind}
        self._preparing: asyncio.Task[None] | None = None
        self.tracker.limit_is_reached = lambda: self._losses.is_reached
        desk.hooks = Hooks(beside=lambda connection, booked: None, booked=self._booked, ended=self._ended)

    # ---- one signal -----------------------------------------------------------------------------

    async def handle(self, event: RequestEvent[BuySignal]) -> None:
        """Decide, send, write the one outcome after the order has left; acknowledged once the outcome is stored."""
        signal, now = event.request, self.desk.now
        owed = self._outcomes.is_owed(signal.signal_id)
        refusal = None if owed else await self._decide(signal, now)
        outcome = ORDERED if refusal is None else EXPIRED if _is_expiry(refusal) else REFUSED
        self._outcomes.settle(_request(signal, event.entry_id), outcome, now, refusal)
        self.handled(Streams.BUY_SIGNALS, event.entry_id)

    async def _decide(self, signal: BuySignal, now: datetime) -> Refusal | None:
        """Order what may be ordered; else the refusal that says why not."""
        if signal.stock_code in self.desk.unreconciled:
            return Refusal(rule="R-REC-01", detail="our books and the broker's differ", value=signal.stock_code)
        quote, price = self._facts.quote(signal.stock_code, now), None
        if needs_quote(signal, quote, now):
            quote = await self._facts.ask_quote(signal.stock_code, now)
            price = None if quote is None else quote.price_krw
        if self._conditions.permit_refusal(signal, now) is not None:
            await self._conditions.refresh_permit()
        facts = self._sight.facts(
            signal, now, quote=quote, price_krw=price, seen=self._outcomes.seen, cooldowns=self._cooldowns
        )
        rest = self.runtime.trading.orders.buy_lock_seconds
        refusal = check_buy(facts, self._limits.in_force) or just_tried(
            self.desk.orders.intents(), signal.stock_code, now, rest
        )
        if refusal is None:
            refusal = await self._measured_losses()
        if refusal is not None:
            return refusal
        context, cash = facts.context, self.desk.book.cash(now)
        if isinstance(context, Refusal) or cash is None:
            return Refusal(rule="R-BUY-05", detail="context or cash unknown")
        basis = await self._sight.basis(
            signal, now, quote=quote, price_krw=buy_price_krw(facts), cash_krw=cash.orderable_krw
        )
        plan = plan_buy(signal, basis, context, self.runtime.trading)
        if isinstance(plan, Refusal):
            return plan
        intent = buy_intent(self.desk.sender, signal, now, plan, context, basis)
        return await self._order(intent, plan.risk_krw, plan.cash_needed_krw)

    async def _measured_losses(self) -> Refusal | None:
        """Losses at prices of the last seconds: a fall since the last mark's balance counts too (O5)."""
        if not await self._account.has_balance_of(PRICE_LIFE_US):
            return NOT_MEASURED
        return self._losses.update(self.desk.now)

    async def _order(self, intent: Intent, risk_krw: int, cash_krw: int) -> Refusal | None:
        """Reserve risk and cash, send, and give back what was reserved when nothing was placed."""
        if self.desk.orders.find(intent.intent_id) is not None:  # what is set aside belongs to the order that was sent
            return Refusal(rule="R-MSG-06", detail="this request was acted on before")
        refusal = self.runtime.stops.refuse_buy() or self._losses.reserve(intent.intent_id, risk_krw)
        if refusal is not None:
            return refusal
        self.desk.book.reserve(intent.intent_id, cash_krw)
        outcome = await self.desk.submit(intent, self.runtime.stops.refuse_buy)
        if not isinstance(outcome, Refused):
            return None
        self._losses.risk.release(intent.intent_id)
        self.desk.book.release(intent.intent_id)
        return Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)

    # ---- what becomes of orders -----------------------------------------------------------------

    async def _booked(self, order: WorkingOrder, booked: Booked) -> None:
        for fill in booked.fills:
            cash = -fill.amount_krw - fill.fee_krw - fill.tax_krw
            self._losses.add_flow(Flow(order.intent.stock_code, order.intent.market_day, fill.quantity, cash))
        if order.settled:  # shares that came after the order's end
            self._losses.ended(order.intent)
        if booked.position is not None:
            await self.tell_fill(booked.position, booked.realized_pnl_krw)

    async def _ended(self, order: WorkingOrder) -> None:
        intent = order.intent
        self._losses.ended(intent)
        if intent.filled_quantity > 0:
            await self._notify.publish(bought(intent, self.desk.now), self.desk.now)
        elif intent.order_number is None:
            self.desk.book.release(intent.intent_id)

    # ---- day and marks --------------------------------------------------------------------------

    async def load_day(self, day: date) -> None:
        """Everything a decision looks at that the ledger knows."""
        self._facts.begin_day(day)
        settled = await self.desk.journal.do(
            "settled signals", lambda connection: journal.settled_ids(connection, day, OrderSide.BUY.value)
        )
        self._outcomes.begin_day(settled, {order.intent.source_id for order in self.desk.orders})
        self._losses.risk.restore(
            {order.intent.intent_id: reserved_risk_krw(order.intent) for order in self.desk.orders.unresolved()}
        )
        await self._losses.begin_day(day)
        await self._load_cooldowns()
        try:
            answers = await self.desk.gateway.session_days(day)
            self._sight.calendar = KrxCalendar.shipped().with_answers(answers)
        except GatewayError as error:
            get_logger().warning("broker's calendar unknown", error=str(error))
            self._sight.calendar = KrxCalendar.shipped()

    async def settle(self, changed: list[PositionChange]) -> None:
        """Read what was published, fetch some missing facts, measure losses, claim codes with open orders."""
        await self._conditions.refresh()
        for change in changed:
            self._losses.add_change(change)
        if changed:
            await self._load_cooldowns()
        await self._prepare()
        await self._limits.refresh()
        self._losses.update(self.desk.now)
        await self._claims.renew()

    async def idle(self) -> None:
        """Signals are handled one after the other: nothing is left open."""

    def status(self) -> Detail:
        """Figures for health and dashboard."""
        reading, state = self._losses.reading, self._losses.state
        return {
            "permit_granted": self._conditions.granted,
            "max_buys_per_day": self._limits.in_force.risk.max_buys_per_day,
            "buys_today": 0 if self.day is None else buys_on(self.desk.orders.intents(), self.day),
            "day_pnl_krw": reading.day_pnl_krw,
            "week_pnl_krw": reading.week_pnl_krw,
            "risk_reserved_krw": self._losses.risk.reserved_krw,
            "daily_loss_limit_reached": None if state is None else state.daily_reached,
            "weekly_loss_limit_reached": None if state is None else state.weekly_reached,
        }

    async def _load_cooldowns(self) -> None:
        now = self.desk.now

        def load(connection: Connection) -> list[CooldownUntil]:
            return cooldowns.in_force(connection, now)

        found = await self.desk.journal.do("cooldowns", load)
        self._cooldowns = {
            kind: {each.stock_code: each.until for each in found if each.kind is kind} for kind in CooldownKind
        }

    async def _prepare(self) -> None:
        """Facts are fetched inside the mark in a rehearsal, beside the loop when the broker is real and may be slow."""
        if self._preparing is not None and not self._preparing.done():
            return
        held = [code for code, position in self.desk.book.positions.items() if position.quantity]
        task = asyncio.create_task(self._facts.prepare(sorted(held), self._conditions.listed(), self.desk.now))
        self._preparing = task
        if self.runtime.settings.mode is Mode.REHEARSAL:
            await task


def _is_expiry(refusal: Refusal) -> bool:
    return refusal.rule == "R-BUY-14" and refusal.detail == "signal expired"


def _request(signal: BuySignal, entry_id: str) -> Request:
    return Request(
        request_id=signal.signal_id,
        entry_id=entry_id,
        stock_code=signal.stock_code,
        stock_name=signal.stock_name,
        strategy=signal.signal_type.value,
        price_krw=signal.signal_price_krw,
        raised_at=signal.signalled_at,
        payload=signal.model_dump(mode="json"),
    )
