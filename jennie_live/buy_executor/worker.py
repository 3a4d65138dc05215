"""The buy executor: one signal at a time through checks, size and guard to at most one order, and one outcome."""

import asyncio
import time
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.enums import Mode, OrderSide, SignalType, TradeTier
from jennie_core.domain.market import Quote
from jennie_core.domain.signals import BuySignal, TradeNotification
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.buy_checks import BuyFacts, buy_price_krw, check_buy
from jennie_core.strategy.buying import BuyBasis, BuyPlan, plan_buy
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.sizing import HeldPosition
from jennie_infra.bus.streams import Streams
from jennie_infra.db.repositories import cooldowns, journal
from jennie_infra.db.repositories.booking import Booked
from jennie_infra.db.repositories.cooldowns import CooldownKind, CooldownUntil
from jennie_infra.db.repositories.intents import Intent
from jennie_infra.gateway_client import GatewayError
from jennie_infra.run_config import read_max_buys
from jennie_infra.telemetry import get_logger
from jennie_live.buy_executor.loss_guard import LossGuard
from jennie_live.buy_executor.market_facts import MarketFacts
from jennie_live.buy_executor.profit import Flow
from jennie_live.buy_executor.published import BuyConditions
from jennie_live.common.runtime import Runtime
from jennie_live.desk.book import PositionChange
from jennie_live.desk.desk import Hooks
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.merge import RequestEvent
from jennie_live.desk.orders import WorkingOrder
from jennie_live.desk.outcomes import EXPIRED, ORDERED, REFUSED, Outcomes, Request
from jennie_live.desk.worker import DeskParts, DeskWorker

CLAIM_SECONDS = 60.0
"""Real time after which the gateway is told again which codes have open orders; it keeps claims in memory only."""
FRESH_SECONDS = 2.0
"""A signal younger than this carries the broker's price of now (R-BUY-11)."""

MARKS_BETWEEN_LIMITS = 12
"""Settled marks between two looks at what the operator has set."""


class BuyWorker(DeskWorker[BuySignal]):
    """Decides on buy signals. What it needs is in memory; the intent's commit is the only wait before an order (B2)."""

    def __init__(self, runtime: Runtime, parts: DeskParts, inputs: DeskInputs[BuySignal], key: bytes) -> None:
        super().__init__(runtime, parts, inputs)
        self._facts = MarketFacts(self.desk.gateway)
        self._conditions = BuyConditions(runtime, key)
        self._limits = runtime.trading
        self._marks_until_limits = 0
        self._losses = LossGuard(runtime.trading.risk, self.desk.book, self._facts, self.desk.journal)
        self._outcomes = Outcomes(self.desk.journal, runtime.service, OrderSide.BUY, runtime.metrics)
        self._notify = runtime.writer(Streams.TRADE_NOTIFICATIONS)
        self._calendar = KrxCalendar.shipped()
        self._cooldowns: dict[CooldownKind, dict[str, datetime]] = {kind: {} for kind in CooldownKind}
        self._claimed: list[str] = []
        self._claimed_at = 0.0
        self._preparing: asyncio.Task[None] | None = None
        self.desk.hooks = Hooks(beside=lambda connection, booked: None, booked=self._booked, ended=self._ended)

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
        quote, price = self._facts.quote(signal.stock_code, now), None
        if (now - signal.signalled_at).total_seconds() > FRESH_SECONDS or quote is None:
            quote = await self._facts.ask_quote(signal.stock_code, now)
            price = None if quote is None else quote.price_krw
        if self._conditions.permit_refusal(signal, now) is not None:
            await self._conditions.refresh_permit()
        facts = self._buy_facts(signal, now, quote, price)
        refusal = check_buy(facts, self._limits) or self._locked(signal, now)
        if refusal is not None:
            return refusal
        context = facts.context
        if isinstance(context, Refusal) or facts.cash_krw is None:
            return Refusal(rule="R-BUY-05", detail="context or cash unknown")
        basis = await self._basis(signal, now, quote, buy_price_krw(facts), facts.cash_krw)
        plan = plan_buy(signal, basis, context, self.runtime.trading)
        if isinstance(plan, Refusal):
            return plan
        return await self._order(signal, now, plan, context, basis)

    async def _order(
        self, signal: BuySignal, now: datetime, plan: BuyPlan, context: EffectiveContext, basis: BuyBasis
    ) -> Refusal | None:
        """Reserve risk and cash, send, and give back what was reserved when nothing was placed."""
        refusal = self.runtime.stops.refuse_buy()
        if refusal is not None:
            return refusal
        intent = self._intent(signal, now, plan, context, basis)
        refusal = self._losses.reserve(intent.intent_id, plan.risk_krw)
        if refusal is not None:
            return refusal
        self.desk.book.reserve(intent.intent_id, plan.cash_needed_krw)
        outcome = await self.desk.submit(intent, self.runtime.stops.refuse_buy)
        if not isinstance(outcome, Refused):
            return None
        self._losses.risk.release(intent.intent_id)
        self.desk.book.release(intent.intent_id)
        return Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)

    def _locked(self, signal: BuySignal, now: datetime) -> Refusal | None:
        """R-BUY-10: a code that was just tried without success rests, so that no order is sent again at once."""
        life = self.runtime.trading.orders.buy_lock_seconds
        for order in self.desk.orders:
            age = (now - order.intent.market_at).total_seconds()
            if order.intent.stock_code == signal.stock_code and not order.intent.filled_quantity and age < life:
                return Refusal(rule="R-BUY-10", detail="this stock was just tried", value=round(age, 1), limit=life)
        return None

    def _buy_facts(self, signal: BuySignal, now: datetime, quote: Quote | None, price: int | None) -> BuyFacts:
        book = self.desk.book
        cash = book.cash(now)
        return BuyFacts(
            signal=signal,
            market_time=now,
            session=session_times(now.date()),
            is_session=self._calendar.is_session(now.date()),
            seen_signal_ids=self._outcomes.seen,
            stops=self.runtime.stops.state,
            permit_refusal=self._conditions.permit_refusal(signal, now),
            loss_refusal=self._losses.refusal(),
            context=self._conditions.context(now),
            held_codes={code for code, position in book.positions.items() if position.quantity},
            open_buy_codes={order.intent.stock_code for order in self.desk.orders.unresolved()},
            stop_loss_cooldowns=self._cooldowns[CooldownKind.STOP_LOSS],
            sell_cooldowns=self._cooldowns[CooldownKind.SELL],
            buys_today=sum(1 for order in self.desk.orders if _counts_today(order, now.date())),
            listing_status=None if quote is None else quote.status,
            price_krw=price,
            cash_krw=None if cash is None else cash.orderable_krw,
        )

    async def _basis(
        self, signal: BuySignal, now: datetime, quote: Quote | None, price_krw: int, cash_krw: int
    ) -> BuyBasis:
        held = self._held()
        for code in [signal.stock_code, *(position.code for position in held)]:
            if code not in self._facts.history:
                await self._facts.ask_history(code)
        own = self._facts.history.get(signal.stock_code)
        closes = {position.code: self._facts.history.get(position.code) for position in held}
        return BuyBasis(
            price_krw=price_krw,
            upper_limit_krw=None if quote is None else quote.upper_limit_krw,
            cash_krw=cash_krw,
            positions=held,
            atr_krw=signal.atr_krw if signal.atr_krw is not None or own is None else own.atr_krw,
            stale_sessions=self._stale_sessions(signal, now.date()),
            sector_budget=self._conditions.budget(now),
            closes=None if own is None else own.closes,
            held_closes={code: None if known is None else known.closes for code, known in closes.items()},
            market_day=now.date(),
        )

    def _held(self) -> list[HeldPosition]:
        """Managed positions, and open buys as if they were filled."""
        found: dict[str, HeldPosition] = {}
        for code, position in sorted(self.desk.book.positions.items()):
            if position.quantity:
                price = self._losses.price(code)
                found[code] = HeldPosition(
                    code,
                    position.quantity,
                    None if price is None else round(price),
                    position.sector_group,
                    position.atr_krw,
                )
        for order in self.desk.orders.unresolved():
            intent = order.intent
            known = found.get(intent.stock_code)
            found[intent.stock_code] = (
                replace(known, quantity=known.quantity + intent.remaining_quantity)
                if known is not None
                else HeldPosition(
                    intent.stock_code,
                    intent.remaining_quantity,
                    intent.reference_price_krw,
                    intent.context.get("sector_group"),
                    intent.context.get("atr_krw"),
                )
            )
        return list(found.values())

    def _stale_sessions(self, signal: BuySignal, day: date) -> int | None:
        if signal.scored_on is None:
            return None
        try:
            return self._calendar.session_age(signal.scored_on, day)
        except UnknownSessionError:
            return None

    def _intent(
        self, signal: BuySignal, now: datetime, plan: BuyPlan, context: EffectiveContext, basis: BuyBasis
    ) -> Intent:
        identity = canonical_hash([self.desk.account_hash, "buy", signal.signal_id], 24)
        return Intent(
            intent_id=f"buy-{identity}",
            account_hash=self.desk.account_hash,
            market_day=now.date(),
            stock_code=signal.stock_code,
            stock_name=signal.stock_name,
            side=OrderSide.BUY,
            order_type=plan.order_type,
            quantity=plan.quantity,
            limit_price_krw=plan.limit_price_krw,
            reference_price_krw=basis.price_krw,
            lease=self.desk.lease.number,
            source_id=signal.signal_id,
            reason=signal.signal_type.value,
            rule=None,
            created_at=now,
            market_at=now,
            updated_at=now,
            watchlist_version=signal.watchlist_version,
            score_run_id=signal.score_run_id,
            context={
                "sector_group": signal.sector_group,
                "atr_krw": basis.atr_krw,
                "market_regime": context.regime.value,
                "hybrid_score": signal.hybrid_score,
                "llm_score": signal.llm_score,
                "trade_tier": signal.trade_tier.value,
                "risk_krw": plan.risk_krw,
                "cash_needed_krw": plan.cash_needed_krw,
                "sizing": plan.sizing.reasoning,
                "guard_note": None if plan.guard_note is None else str(plan.guard_note),
            },
            tick_received_us=signal.tick_received_us,
            signalled_us=signal.signalled_us,
        )

    # ---- what becomes of orders -----------------------------------------------------------------

    async def _booked(self, order: WorkingOrder, booked: Booked) -> None:
        for fill in booked.fills:
            cash = -fill.amount_krw - fill.fee_krw - fill.tax_krw
            self._losses.add_flow(Flow(order.intent.stock_code, order.intent.market_day, fill.quantity, cash))
        if booked.position is not None:
            await self.tell_position(booked.position, "fill", booked.realized_pnl_krw)

    async def _ended(self, order: WorkingOrder) -> None:
        intent = order.intent
        self._losses.risk.release(intent.intent_id)
        if intent.filled_quantity == 0:
            if intent.order_number is None:
                self.desk.book.release(intent.intent_id)
            return
        notification = TradeNotification(
            trade_type="BUY",
            stock_code=intent.stock_code,
            stock_name=intent.stock_name,
            quantity=intent.filled_quantity,
            price_krw=intent.filled_amount_krw / intent.filled_quantity,
            total_amount_krw=intent.filled_amount_krw,
            signal_type=SignalType(intent.reason),
            trade_tier=TradeTier(intent.context["trade_tier"]),
            hybrid_score=intent.context["hybrid_score"],
            traded_at=self.desk.now,
        )
        await self._notify.publish(notification, self.desk.now)

    # ---- day and marks --------------------------------------------------------------------------

    async def load_day(self, day: date) -> None:
        """Everything a decision looks at that the ledger knows."""
        self._facts.begin_day(day)
        settled = await self.desk.journal.do(
            "settled signals", lambda connection: journal.settled_ids(connection, day, OrderSide.BUY.value)
        )
        self._outcomes.begin_day(settled, {order.intent.source_id for order in self.desk.orders})
        self._losses.risk.restore(
            {order.intent.intent_id: int(order.intent.context["risk_krw"]) for order in self.desk.orders.unresolved()}
        )
        await self._losses.begin_day(day)
        await self._load_cooldowns()
        try:
            self._calendar = KrxCalendar.shipped().with_answers(await self.desk.gateway.session_days(day))
        except GatewayError as error:
            get_logger().warning("broker's calendar unknown", error=str(error))
            self._calendar = KrxCalendar.shipped()

    async def settle(self, changed: list[PositionChange]) -> None:
        """Read what was published, fetch some missing facts, measure losses, claim codes with open orders."""
        await self._conditions.refresh()
        for change in changed:
            self._losses.add_change(change)
        if changed:
            await self._load_cooldowns()
        await self._prepare()
        await self._read_limits()
        self._losses.update(self.desk.now)
        await self._claim_open_orders()

    async def idle(self) -> None:
        """Signals are handled one after the other: nothing is left open."""

    def status(self) -> dict[str, str | int | float | bool | None]:
        """Figures for health and dashboard."""
        reading, state = self._losses.reading, self._losses.state
        return {
            "permit_granted": self._conditions.granted,
            "max_buys_per_day": self._limits.risk.max_buys_per_day,
            "buys_today": sum(1 for order in self.desk.orders if self.day and _counts_today(order, self.day)),
            "day_pnl_krw": reading.day_pnl_krw,
            "week_pnl_krw": reading.week_pnl_krw,
            "risk_reserved_krw": self._losses.risk.reserved_krw,
            "daily_loss_limit_reached": None if state is None else state.daily_reached,
            "weekly_loss_limit_reached": None if state is None else state.weekly_reached,
        }

    async def _read_limits(self) -> None:
        """The operator's daily buy limit stands before the setting (R-TG-28); asked for every dozen settled marks."""
        if self._marks_until_limits > 0:
            self._marks_until_limits -= 1
            return
        self._marks_until_limits = MARKS_BETWEEN_LIMITS
        said = await self.desk.journal.do("operator's limits", read_max_buys)
        trading = self.runtime.trading
        if said is None or said == trading.risk.max_buys_per_day:
            self._limits = trading
            return
        self._limits = trading.model_copy(update={"risk": trading.risk.model_copy(update={"max_buys_per_day": said})})

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

    async def _claim_open_orders(self) -> None:
        codes = sorted({order.intent.stock_code for order in self.desk.orders.unresolved()})
        if codes == self._claimed and time.monotonic() - self._claimed_at < CLAIM_SECONDS:
            return
        try:
            await self.desk.gateway.claim_codes("open_orders", codes)
            self._claimed, self._claimed_at = codes, time.monotonic()
        except GatewayError as error:
            get_logger().warning("claim failed", error=str(error))


def _is_expiry(refusal: Refusal) -> bool:
    return refusal.rule == "R-BUY-14" and refusal.detail == "signal expired"


def _counts_today(order: WorkingOrder, day: date) -> bool:
    """R-BUY-08: a buy counts when it filled or still may."""
    return order.intent.market_day == day and (order.intent.filled_quantity > 0 or order.intent.is_unresolved)


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
