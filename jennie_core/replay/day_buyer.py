"""The buy desk of a replayed day: checks, size, guard and at most one order per signal (R-BUY, R-SIZE, R-GRD)."""

from collections.abc import Sequence
from datetime import datetime

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.macro import IntradayRisk
from jennie_core.domain.market import Quote
from jennie_core.domain.signals import BuySignal
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day_account import AccountReader
from jennie_core.replay.day_books import DayBooks, Outcome
from jennie_core.replay.day_desk import DayDesk
from jennie_core.replay.day_facts import KnownFacts
from jennie_core.replay.day_ports import DayStart, FillModel, MarketFacts, Published
from jennie_core.strategy.book import PositionChange
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.buy_checks import BuyFacts, buy_price_krw, check_buy
from jennie_core.strategy.buy_intent import buy_intent, reserved_risk_krw
from jennie_core.strategy.buying import BuyBasis, BuyPlan, plan_buy
from jennie_core.strategy.context import EffectiveContext, effective_context
from jennie_core.strategy.effective import Effective
from jennie_core.strategy.exposure import exposure
from jennie_core.strategy.loss_meter import NOT_MEASURED, PRICE_LIFE_US, LossMeter
from jennie_core.strategy.permit_terms import terms_refusal
from jennie_core.strategy.profit import Flow, flow_of_sale
from jennie_core.strategy.quote_need import needs_quote
from jennie_core.strategy.todays_orders import buys_on, just_tried
from jennie_core.strategy.tracked_order import TrackedOrder

NO_PERMIT = Refusal(rule="PERMIT", detail="no trading permit was published", value="none", limit="a permit")


class DayBuyer(DayDesk[BuySignal]):
    """Decides on buy signals; `published` and `intraday` are what stands at the shared places now."""

    name = "buy-executor"

    def __init__(self, start: DayStart, books: DayBooks, broker: FillModel, market: MarketFacts) -> None:
        super().__init__(start, books, broker)
        self.published = Published()
        self.intraday: IntradayRisk | None = None
        self._in_force = Published()
        self._permit = Published().permit
        self._risk: Effective[IntradayRisk] = Effective(self.clock)
        self._calendar = KrxCalendar.shipped()
        self._facts = KnownFacts(market, start.day)
        self._account = AccountReader(self)
        self._seen: set[str] = set()
        self._settings_hash = start.settings.settings_hash()
        self._cooldowns = (dict(start.stop_loss_cooldowns or {}), dict(start.sell_cooldowns or {}))
        self._losses = LossMeter(start.settings.risk)
        self._losses.begin_day(
            start.day, (), day_equity_krw=start.opening_equity_krw, week_equity_krw=start.week_equity_krw
        )

    # ---- one signal -----------------------------------------------------------------------------

    def handle(self, request: BuySignal) -> None:
        """Decide, send, keep the one outcome."""
        refusal = self._decide(request)
        self._seen.add(request.signal_id)
        self.note(request, Outcome(request, self.now, refusal))

    def _decide(self, signal: BuySignal) -> Refusal | None:
        now = self.now
        quote, price = self._facts.quote(signal.stock_code, now), None
        if needs_quote(signal, quote, now):
            quote = self._facts.ask_quote(signal.stock_code, now)
            price = None if quote is None else quote.price_krw
        if self._permit_refusal(signal, now) is not None:
            self._permit = self.published.permit
        facts = self._facts_of(signal, quote, price)
        rest = self.settings.orders.buy_lock_seconds
        refusal = check_buy(facts, self.settings) or just_tried(self.intents(), signal.stock_code, now, rest)
        if refusal is None:
            refusal = self._measure() if self._account.has_balance_of(PRICE_LIFE_US) else NOT_MEASURED
        if refusal is not None:
            return refusal
        context, cash = facts.context, self.book.cash(now)
        if isinstance(context, Refusal) or cash is None:
            return Refusal(rule="R-BUY-05", detail="context or cash unknown")
        basis = self._basis(signal, quote, buy_price_krw(facts), cash.orderable_krw)
        plan = plan_buy(signal, basis, context, self.settings)
        if isinstance(plan, Refusal):
            return plan
        return self._order(signal, plan, context, basis)

    def _order(self, signal: BuySignal, plan: BuyPlan, context: EffectiveContext, basis: BuyBasis) -> Refusal | None:
        intent = buy_intent(self.sender, signal, self.now, plan, context, basis)
        refusal = self._losses.reserve(intent.intent_id, plan.risk_krw)
        if refusal is not None:
            return refusal
        self.book.reserve(intent.intent_id, plan.cash_needed_krw)
        outcome = self.submit(intent)
        if not isinstance(outcome, Refused):
            return None
        self._losses.risk.release(intent.intent_id)
        self.book.release(intent.intent_id)
        return Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)

    def _facts_of(self, signal: BuySignal, quote: Quote | None, price_krw: int | None) -> BuyFacts:
        now = self.now
        cash = self.book.cash(now)
        stop_loss, sell = self._cooldowns
        return BuyFacts(
            signal=signal,
            market_time=now,
            session=session_times(now.date()),
            is_session=self._calendar.is_session(now.date()),
            seen_signal_ids=self._seen,
            stops=StopState(),
            permit_refusal=self._permit_refusal(signal, now),
            loss_refusal=self._losses.refusal(),
            context=effective_context(self._in_force.context, self._risk.value, now),
            held_codes={code for code, position in self.book.positions.items() if position.quantity},
            open_buy_codes={intent.stock_code for intent in self.unresolved()},
            stop_loss_cooldowns=stop_loss,
            sell_cooldowns=sell,
            buys_today=buys_on(self.intents(), now.date()),
            listing_status=None if quote is None else quote.status,
            is_interrupted=None if quote is None else quote.in_volatility_interruption,
            price_krw=price_krw,
            cash_krw=None if cash is None else cash.orderable_krw,
        )

    def _basis(self, signal: BuySignal, quote: Quote | None, price_krw: int, cash_krw: int) -> BuyBasis:
        held = exposure(self.book.positions, self._price, self.unresolved())
        for code in [signal.stock_code, *(position.code for position in held)]:
            self._facts.ask_history(code)
        own = self._facts.history.get(signal.stock_code)
        closes = {position.code: self._facts.history.get(position.code) for position in held}
        budget = self._in_force.budget
        return BuyBasis(
            price_krw=price_krw,
            upper_limit_krw=None if quote is None else quote.upper_limit_krw,
            cash_krw=cash_krw,
            positions=held,
            atr_krw=signal.atr_krw if signal.atr_krw is not None or own is None else own.atr_krw,
            stale_sessions=self._stale_sessions(signal),
            sector_budget=budget if budget is not None and self.now < budget.expires_at else None,
            closes=None if own is None else own.closes,
            held_closes={code: None if known is None else known.closes for code, known in closes.items()},
            market_day=self.start.day,
        )

    def _permit_refusal(self, signal: BuySignal, now: datetime) -> Refusal | None:
        if self._permit is None:
            return NO_PERMIT
        version = None if signal.source == "manual" else signal.watchlist_version
        return terms_refusal(self._permit, now=now, settings_hash=self._settings_hash, watchlist_version=version)

    def _stale_sessions(self, signal: BuySignal) -> int | None:
        if signal.scored_on is None:
            return None
        try:
            return self._calendar.session_age(signal.scored_on, self.start.day)
        except UnknownSessionError:
            return None

    def _price(self, code: str) -> float | None:
        return self.book.price_now(code, self.start.day)

    # ---- what becomes of orders -----------------------------------------------------------------

    def booked(self, result: Booked) -> None:
        """Money of own fills counts at once."""
        intent = result.intent
        for fill in result.fills:
            cash = -fill.amount_krw - fill.fee_krw - fill.tax_krw
            self._losses.add_flow(Flow(intent.stock_code, intent.market_day, fill.quantity, cash))

    def ended(self, order: TrackedOrder) -> None:
        """What was reserved for it is free again."""
        intent = order.intent
        self._losses.ended(intent.intent_id, reserved_risk_krw(intent), intent.filled_quantity)
        if intent.filled_quantity == 0 and intent.order_number is None:
            self.book.release(intent.intent_id)

    def settle(self, changed: Sequence[PositionChange]) -> None:
        """Account, what was published, missing facts, losses, in the order of the live desk."""
        self._account.settle()
        self._in_force, self._permit = self.published, self.published.permit
        self._risk.offer(self.intraday)
        for change in changed:
            flow = flow_of_sale(change.before, change.event, self.start.day)
            if flow is not None:
                self._losses.add_flow(flow)
        if changed:
            self._load_cooldowns()
        watchlist = self._in_force.watchlist
        listed = [] if watchlist is None else [entry.code for entry in watchlist.entries]
        self._facts.prepare([*sorted(self._held()), *listed], self.now)
        self._measure()

    def _measure(self) -> Refusal | None:
        held = self._held()
        prices, cash = {code: self._price(code) for code in held}, self.book.cash(self.now)
        total = None if cash is None else cash.total_krw
        self._losses.measure(held, prices, self._facts.history, total, has_all_fills=not self.book.balance_is_stale)
        return self._losses.refusal()

    def _held(self) -> dict[str, int]:
        return {code: position.quantity for code, position in self.book.positions.items() if position.quantity}

    def cancels_all(self) -> bool:
        """A loss limit that was reached ends open buys too (O5)."""
        return self._losses.is_reached

    def _load_cooldowns(self) -> None:
        for mine, booked in zip(
            self._cooldowns, (self.books.stop_loss_cooldowns, self.books.sell_cooldowns), strict=True
        ):
            mine.update({code: until for code, until in booked.items() if until > self.now})
