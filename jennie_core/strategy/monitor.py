"""The price monitor's state machine: ticks and marks in, sell orders out (R-MON, R-EXIT-20/21, R-LIQ, O4).

Level-triggered: while a position is held and its rule still holds, the order is raised again after its lock ends. Pause
never blocks an exit; a halt does so only with the explicit setting; forced liquidation passes every stop.
"""

from collections.abc import Collection, Iterable, Sequence

from jennie_core.domain.base import canonical_hash, from_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import SellReason
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import CONTINUOUS_PHASE, INTERRUPTION_PHASE, Tick
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.domain.signals import Alert, SellOrder
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.context import NO_EXIT_CONTEXT, ExitContext, exit_context
from jennie_core.strategy.exits import ExitDecision, first_exit, has_valid_prices, profit_pct
from jennie_core.strategy.held import HeldStock, OpenSell, PositionIndicators, WatermarkChange
from jennie_core.strategy.monitor_alerts import MonitorAlerts

LIQUIDATION_RULE = "R-LIQ-02"
TIME_EXIT_RULE = "R-EXIT-13"
SECOND_US = 1_000_000
NOTHING: tuple[SellOrder, ...] = ()
RESTATING_REASONS = ("adjustment", "reconciliation")
"""After these (a split, say) stored price and watermark no longer fit the average price."""


class MonitorCore:
    """One session of watching the held stocks."""

    def __init__(self, settings: TradingSettings, session: SessionTimes) -> None:
        self._sell = settings.sell
        self._floor_activation_pct = settings.sell.profit_floor_activation_pct
        self._day = session.day
        self._open_us = session.open_us
        self._close_us = session.close_us
        self._last_trade_us = session.last_trade_us
        self._auction_us = session.before_close_us(10)
        self._lock_us = settings.orders.sell_lock_seconds * SECOND_US
        self._sweep_us = settings.sell.sweep_seconds * SECOND_US
        self._stale_us = settings.sell.stale_price_seconds * SECOND_US
        self._held: dict[str, HeldStock] = {}
        self._context: TradingContext | None = None
        self._risk: IntradayRisk | None = None
        self._exit_context: ExitContext = NO_EXIT_CONTEXT
        self._stops: StopState | None = None
        self._liquidate: frozenset[str] = frozenset()
        self._armed = False
        self._changed: set[str] = set()
        self._alerts = MonitorAlerts()
        self._market_us = session.open_us

    def set_positions(self, positions: Iterable[Position], market_us: int) -> None:
        """The full list (at start and every refresh); codes not in it are forgotten with their state (R-MON-01)."""
        wanted = {position.stock_code: position for position in positions if position.quantity > 0}
        for code in [code for code in self._held if code not in wanted]:
            self._forget(code)
        for position in wanted.values():
            self._put(position, market_us)

    def apply_event(self, event: PositionEvent, market_us: int) -> None:
        """One position after a fill or an adjustment; a fill that completes the open sell ends its lock."""
        if event.position.quantity == 0:
            self._forget(event.position.stock_code)
        else:
            self._put(event.position, market_us, restate=event.reason in RESTATING_REASONS)

    def set_indicators(self, code: str, indicators: PositionIndicators) -> None:
        """Daily indicators of one held code; ignored for a code that is not held."""
        held = self._held.get(code)
        if held is not None:
            held.apply_indicators(indicators)

    def set_context(self, context: TradingContext | None) -> None:
        """The newest context; None (unreadable) keeps the last known one (S3)."""
        if context is not None:
            self._context = context
        self._join_context()

    def set_intraday(self, risk: IntradayRisk | None) -> None:
        """The newest throttle state; None keeps the last known one."""
        if risk is not None:
            self._risk = risk
        self._join_context()

    def set_stops(self, stops: StopState | None) -> None:
        """The stops in force; unknown stops never block an exit (I6)."""
        self._stops = stops
        if stops is None or not stops.blocks_automatic_exits:
            self._alerts.exits_are_free(self._market_us)

    def set_liquidation(self, codes: Collection[str], *, armed: bool) -> None:
        """Codes marked for forced liquidation and whether it is armed; acts at the next tick or mark (R-LIQ-04)."""
        self._liquidate = frozenset(codes)
        self._armed = armed

    def set_halted(self, code: str, reason: str | None) -> None:
        """A halted code is quiet with a reason, not stale (T6), and raises no order; None or a trade ends it."""
        held = self._held.get(code)
        if held is not None:
            held.quiet_reason = reason
            held.is_halted = reason is not None
            held.heard_us = max(held.heard_us, self._market_us)

    def release(self, code: str) -> None:
        """The open sell of this code has ended (refused, cancelled, filled): the next evaluation may raise again."""
        held = self._held.get(code)
        if held is not None:
            held.open_sell = None

    def on_tick(self, tick: Tick) -> Sequence[SellOrder]:
        """Take one trade: price, watermark, then the first exit rule that fires (R-MON-02)."""
        held = self._held.get(tick.code)
        if held is None:
            return NOTHING
        if tick.session_phase != CONTINUOUS_PHASE:
            if tick.session_phase == INTERRUPTION_PHASE:
                held.quiet_reason = "volatility interruption"
                held.heard_us = tick.exchange_us
            return NOTHING
        now_us = tick.exchange_us
        if not self._open_us <= now_us <= self._last_trade_us:
            return NOTHING
        if tick.price_krw <= 0:
            self._alerts.invalid_prices(held, tick.price_krw, now_us)
            return NOTHING
        held.quiet_reason = None
        held.is_halted = False
        held.last_tick_us = held.heard_us = now_us
        held.last_tick_received_us = tick.received_us
        if held.is_stale:
            self._alerts.price_is_back(held, now_us)
        if held.move_price(tick.price_krw, self._floor_activation_pct):
            self._changed.add(tick.code)
        order = self._evaluate(held, now_us, from_tick=True)
        return NOTHING if order is None else (order,)

    def on_mark(self, market_us: int) -> Sequence[SellOrder]:
        """Take a clock mark: locks end, the 60 s sweep runs on last prices, silent codes are noticed (R-EXIT-20)."""
        self._market_us = market_us
        orders: list[SellOrder] = []
        for code in sorted(self._held):
            held = self._held[code]
            if self._open_us <= market_us < self._auction_us:
                self._notice_silence(held, market_us)
            if self._is_due(held, market_us):
                order = self._evaluate(held, market_us, from_tick=False)
                if order is not None:
                    orders.append(order)
        return orders

    def drain_alerts(self) -> list[Alert]:
        """Alerts since the last call, each condition once when it begins and once when it ends (I5)."""
        return self._alerts.drain()

    def drain_watermarks(self) -> list[WatermarkChange]:
        """Watermarks and profit-floor flags that changed since the last call, by code (R-MON-01)."""
        changes = [self._held[code].watermark() for code in sorted(self._changed) if code in self._held]
        self._changed.clear()
        return changes

    def held(self, code: str) -> HeldStock | None:
        """The state of one held code, for snapshots and tests."""
        return self._held.get(code)

    def unheard(self, market_us: int, limit_us: int) -> list[str]:
        """Held codes of which nothing was heard for so long, ascending: a reason to be quiet must be confirmed too."""
        return [code for code in self.codes() if market_us - self._held[code].heard_us >= limit_us]

    def codes(self) -> list[str]:
        """Held codes, ascending."""
        return sorted(self._held)

    @property
    def context(self) -> ExitContext:
        """What exits rely on now, with its age."""
        return self._exit_context

    def _put(self, position: Position, market_us: int, *, restate: bool = False) -> None:
        held = self._held.get(position.stock_code)
        if held is None:
            held = HeldStock(position, market_us, self._day)
            self._held[position.stock_code] = held
            self._copy_context(held)
        else:
            held.update(position, self._day, restate=restate)

    def _forget(self, code: str) -> None:
        held = self._held.pop(code, None)
        self._changed.discard(code)
        if held is not None:
            self._alerts.forget(held, self._market_us)

    def _join_context(self) -> None:
        now = from_epoch_us(self._market_us)
        self._exit_context = exit_context(self._context, self._risk, now)
        for held in self._held.values():
            self._copy_context(held)

    def _copy_context(self, held: HeldStock) -> None:
        held.context.regime = self._exit_context.regime
        held.context.stop_loss_multiplier = self._exit_context.stop_loss_multiplier

    def _is_due(self, held: HeldStock, market_us: int) -> bool:
        if self._must_liquidate(held) or market_us - held.last_evaluated_us >= self._sweep_us:
            return True
        return held.open_sell is not None and market_us >= held.open_sell.until_us

    def _must_liquidate(self, held: HeldStock) -> bool:
        return self._armed and held.context.code in self._liquidate

    def _evaluate(self, held: HeldStock, now_us: int, *, from_tick: bool) -> SellOrder | None:
        """One open sell per code; forced liquidation stands before every rule and every stop (R-LIQ-02)."""
        if not self._open_us <= now_us < self._close_us:
            return None
        held.last_evaluated_us = now_us
        if held.open_sell is not None:
            if now_us < held.open_sell.until_us:
                return None
            held.open_sell = None
        if self._must_liquidate(held):
            return self._raise(held, _liquidation(held), now_us, from_tick=from_tick)
        if held.context.price_krw == 0 or held.is_halted:
            return None
        if not has_valid_prices(held.context):
            self._alerts.invalid_prices(held, held.context.price_krw, now_us)
            return None
        if held.prices_invalid:
            self._alerts.prices_are_valid(held, now_us)
        decision = first_exit(held.context, self._sell)
        if decision is None:
            held.raised_rule = None
            return None
        if held.is_stale and decision.rule not in (TIME_EXIT_RULE, held.raised_rule):
            return None  # drill 16: a stale price is not judged as if it were new; an exit raised on a good one goes on
        if self._stops is not None and self._stops.blocks_automatic_exits:
            self._alerts.suppressed(held, decision, now_us)
            return None
        return self._raise(held, decision, now_us, from_tick=from_tick)

    def _raise(self, held: HeldStock, decision: ExitDecision, now_us: int, *, from_tick: bool) -> SellOrder:
        context = held.context
        trigger = context.price_krw if context.price_krw > 0 else max(1, round(context.average_price_krw))
        has_prices = context.price_krw > 0 and context.average_price_krw > 0
        order = SellOrder(
            order_id=sell_order_id(context.code, decision.rule, decision.scale_out_level, now_us),
            stock_code=context.code,
            stock_name=held.position.stock_name,
            sell_reason=decision.reason,
            rule=decision.rule,
            trigger_price_krw=trigger,
            quantity=decision.quantity,
            scale_out_level=decision.scale_out_level,
            average_price_krw=context.average_price_krw,
            profit_pct=profit_pct(context.price_krw, context.average_price_krw) if has_prices else None,
            holding_days=context.holding_days,
            market_regime=context.regime,
            tick_exchange_us=held.last_tick_us if from_tick else None,
            tick_received_us=held.last_tick_received_us if from_tick else None,
            raised_at=from_epoch_us(now_us),
        )
        quantity_after = context.quantity - decision.quantity
        held.raised_rule = decision.rule
        held.open_sell = OpenSell(order.order_id, quantity_after, now_us + self._lock_us)
        return order

    def _notice_silence(self, held: HeldStock, market_us: int) -> None:
        last_us = self._open_us if held.last_tick_us is None else held.last_tick_us
        silence_us = market_us - max(last_us, held.since_us)
        if silence_us > self._stale_us and not held.is_stale and held.quiet_reason is None:
            self._alerts.price_is_stale(held, silence_us // SECOND_US, market_us)


def sell_order_id(code: str, rule: str, level: int | None, market_us: int) -> str:
    """Deterministic id: the same rule at the same market time gives the same id in every run."""
    return canonical_hash([code, rule, level, market_us])


def _liquidation(held: HeldStock) -> ExitDecision:
    return ExitDecision(LIQUIDATION_RULE, SellReason.FORCED_LIQUIDATION, held.context.quantity, True, 0.0)
