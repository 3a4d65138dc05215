"""What a buy decision looks at, gathered from memory; a code's missing history is asked for at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from jennie_core.domain.market import Quote
from jennie_core.domain.signals import BuySignal
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.buy_checks import BuyFacts
from jennie_core.strategy.buying import BuyBasis
from jennie_core.strategy.exposure import exposure
from jennie_core.strategy.todays_orders import buys_on
from jennie_infra.db.repositories.cooldowns import CooldownKind
from jennie_live.buy_executor.loss_guard import LossGuard
from jennie_live.buy_executor.market_facts import MarketFacts
from jennie_live.buy_executor.published import BuyConditions
from jennie_live.common.stops import StopWatcher
from jennie_live.desk.desk import Desk

Cooldowns = Mapping[CooldownKind, Mapping[str, datetime]]


@dataclass
class BuySight:
    """The desk's book, what was published, the market's facts and the losses, seen at one instant."""

    desk: Desk
    stops: StopWatcher
    conditions: BuyConditions
    market: MarketFacts
    losses: LossGuard
    calendar: KrxCalendar

    def facts(
        self,
        signal: BuySignal,
        now: datetime,
        *,
        quote: Quote | None,
        price_krw: int | None,
        seen: Collection[str],
        cooldowns: Cooldowns,
    ) -> BuyFacts:
        """Everything the checks look at; `price_krw` is the broker's price of now, if it was asked for."""
        book, orders = self.desk.book, self.desk.orders
        cash = book.cash(now)
        return BuyFacts(
            signal=signal,
            market_time=now,
            session=session_times(now.date()),
            is_session=self.calendar.is_session(now.date()),
            seen_signal_ids=seen,
            stops=self.stops.state,
            permit_refusal=self.conditions.permit_refusal(signal, now),
            loss_refusal=self.losses.refusal(),
            context=self.conditions.context(now),
            held_codes={code for code, position in book.positions.items() if position.quantity},
            open_buy_codes={order.intent.stock_code for order in orders.unresolved()},
            stop_loss_cooldowns=cooldowns[CooldownKind.STOP_LOSS],
            sell_cooldowns=cooldowns[CooldownKind.SELL],
            buys_today=buys_on(orders.intents(), now.date()),
            listing_status=None if quote is None else quote.status,
            is_interrupted=None if quote is None else quote.in_volatility_interruption,
            price_krw=price_krw,
            cash_krw=None if cash is None else cash.orderable_krw,
        )

    async def basis(
        self, signal: BuySignal, now: datetime, *, quote: Quote | None, price_krw: int, cash_krw: int
    ) -> BuyBasis:
        """Everything the size depends on."""
        open_buys = (order.intent for order in self.desk.orders.unresolved())
        held = exposure(self.desk.book.positions, self.losses.price, open_buys)
        for code in [signal.stock_code, *(position.code for position in held)]:
            if code not in self.market.history:
                await self.market.ask_history(code)
        own = self.market.history.get(signal.stock_code)
        closes = {position.code: self.market.history.get(position.code) for position in held}
        return BuyBasis(
            price_krw=price_krw,
            upper_limit_krw=None if quote is None else quote.upper_limit_krw,
            cash_krw=cash_krw,
            positions=held,
            atr_krw=signal.atr_krw if signal.atr_krw is not None or own is None else own.atr_krw,
            stale_sessions=self._stale_sessions(signal, now.date()),
            sector_budget=self.conditions.budget(now),
            closes=None if own is None else own.closes,
            held_closes={code: None if known is None else known.closes for code, known in closes.items()},
            market_day=now.date(),
        )

    def _stale_sessions(self, signal: BuySignal, day: date) -> int | None:
        if signal.scored_on is None:
            return None
        try:
            return self.calendar.session_age(signal.scored_on, day)
        except UnknownSessionError:
            return None
