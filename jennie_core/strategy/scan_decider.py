"""What a closed bar leads to: a signal, a pending hit, a recorded refusal, or nothing (R-SCAN-03/04, R-STRAT-10/11)."""

from collections.abc import Callable, Sequence
from datetime import date

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import SignalType
from jennie_core.domain.market import Tick
from jennie_core.domain.signals import BuySignal
from jennie_core.strategy import gates
from jennie_core.strategy.bars import Bar
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.entries import Setup, first_entry, orb_breakout, watchlist_conviction
from jennie_core.strategy.gates import Gate
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.scan_inputs import ScanInputs
from jennie_core.strategy.scan_state import (
    CodeState,
    Decision,
    Pending,
    Readings,
    SignalRefusal,
    Trigger,
    signal_id,
    without_repeats,
)
from jennie_core.strategy.scan_views import ScanViews

NOTHING: tuple[Decision, ...] = ()

FIRST_SETUPS: tuple[tuple[SignalType, Callable[[Setup], bool], tuple[Gate, ...]], ...] = (
    (SignalType.WATCHLIST_CONVICTION, watchlist_conviction, gates.CONVICTION_GATES),
    (SignalType.ORB_BREAKOUT, orb_breakout, gates.ORB_GATES),
)
"""Setups with gates of their own, asked before the common ones (R-SCAN-03)."""


class ScanDecider:
    """Decides on closed bars; keeps nothing but the time of each code's last signal (in the inputs)."""

    def __init__(self, market_day: date, views: ScanViews, inputs: ScanInputs, confirm_bars: int) -> None:
        self._market_day = market_day.isoformat()
        self._views = views
        self._inputs = inputs
        self._confirm_bars = confirm_bars

    def on_closed_bar(self, state: CodeState, bar: Bar, trigger: Trigger) -> Sequence[Decision]:
        """Move the code's indicators by the bar and decide; the setups with own gates first, then the common ones."""
        state.take(bar)
        if state.listed is None:
            return NOTHING
        if state.pending is not None:
            return self._confirm(state, state.listed, state.pending, trigger)
        context = self._inputs.context_at(trigger.market_us)
        regime = None if isinstance(context, Refusal) else context.regime
        setup = self._views.setup(state, state.listed, regime, trigger)
        decisions: list[Decision] = []
        for signal_type, matches, own_gates in FIRST_SETUPS:
            if matches(setup):
                decision = self._decide(state, state.listed, signal_type, own_gates, trigger)
                decisions.append(decision)
                if isinstance(decision, BuySignal) or decision.is_suppressed:
                    return decisions
        found = first_entry(setup)
        if found is not None:
            decision_or_wait = self._decide_or_wait(state, state.listed, found, trigger)
            if decision_or_wait is not None:
                decisions.append(decision_or_wait)
        return without_repeats(decisions) if decisions else NOTHING

    def on_interruption(self, state: CodeState, tick: Tick) -> Sequence[Decision]:
        """R-GATE-14: trading of the code is interrupted; a hit that waits for its confirmation is discarded."""
        pending = state.interrupt(tick)
        if pending is None or state.listed is None:
            return NOTHING
        refusal = gates.interruption_refusal(tick.exchange_us, tick.exchange_us)
        return (SignalRefusal(tick.code, pending.signal_type, refusal, tick.exchange_us, tick.price_krw),)

    def _decide_or_wait(
        self, state: CodeState, listed: Listed, signal_type: SignalType, trigger: Trigger
    ) -> Decision | None:
        """Decide now, or let a momentum hit that passes the gates wait for its confirmation bar (R-STRAT-10)."""
        if not signal_type.is_momentum_family or self._confirm_bars < 1:
            return self._decide(state, listed, signal_type, gates.COMMON_GATES, trigger)
        readings = state.readings()
        context = self._pass_gates(state, listed, signal_type, gates.COMMON_GATES, trigger, readings)
        if isinstance(context, Refusal):
            return SignalRefusal(listed.code, signal_type, context, trigger.market_us, trigger.price_krw)
        state.pending = Pending(signal_type, trigger.price_krw, readings, self._confirm_bars)
        return None

    def _confirm(self, state: CodeState, listed: Listed, pending: Pending, trigger: Trigger) -> Sequence[Decision]:
        """R-STRAT-10: the next closed bar publishes at the pending price or better, else the hit is discarded."""
        if trigger.price_krw >= pending.price_krw:
            state.pending = None
            gate_list = gates.CONFIRMATION_GATES
            return (self._decide(state, listed, pending.signal_type, gate_list, trigger, pending.readings),)
        pending.bars_left -= 1
        if pending.bars_left > 0:
            return NOTHING
        state.pending = None
        refusal = Refusal(
            rule="R-STRAT-10",
            detail="momentum not confirmed",
            value=float(trigger.price_krw),
            limit=float(pending.price_krw),
        )
        return (SignalRefusal(listed.code, pending.signal_type, refusal, trigger.market_us, trigger.price_krw),)

    def _decide(
        self,
        state: CodeState,
        listed: Listed,
        signal_type: SignalType,
        gate_list: tuple[Gate, ...],
        trigger: Trigger,
        readings: Readings | None = None,
    ) -> Decision:
        """Gates, then the council's list, then the stops; a suppressed signal starts the cooldown too (R-SCAN-04)."""
        code, market_us, price_krw = listed.code, trigger.market_us, trigger.price_krw
        seen = state.readings() if readings is None else readings
        context = self._pass_gates(state, listed, signal_type, gate_list, trigger, seen)
        if isinstance(context, Refusal):
            return SignalRefusal(code, signal_type, context, market_us, price_krw)
        signal = self._signal(listed, signal_type, context, trigger, seen)
        self._inputs.last_signal_us[code] = market_us
        stop = self._inputs.stop_refusal()
        return signal if stop is None else SignalRefusal(code, signal_type, stop, market_us, price_krw, signal)

    def _pass_gates(
        self,
        state: CodeState,
        listed: Listed,
        signal_type: SignalType,
        gate_list: tuple[Gate, ...],
        trigger: Trigger,
        readings: Readings,
    ) -> EffectiveContext | Refusal:
        """The context that lets this setup through, or the first refusal."""
        context = self._inputs.buying_context(trigger.market_us)
        if isinstance(context, Refusal):
            return context
        view = self._views.gate_view(state, listed, context, readings, trigger.price_krw, trigger.market_us)
        refusal = gates.first_refusal(gate_list, view) or self._inputs.avoided_refusal(signal_type, context)
        return context if refusal is None else refusal

    def _signal(
        self, listed: Listed, signal_type: SignalType, context: EffectiveContext, trigger: Trigger, readings: Readings
    ) -> BuySignal:
        watchlist = self._inputs.watchlist
        if watchlist is None:
            raise AssertionError("a signal needs a watchlist; buying_context refuses without one")
        return BuySignal(
            signal_id=signal_id(self._market_day, listed.code, signal_type, trigger.tick_us),
            stock_code=listed.code,
            stock_name=listed.name,
            signal_type=signal_type,
            signal_price_krw=trigger.price_krw,
            source="conviction" if signal_type is SignalType.WATCHLIST_CONVICTION else "scanner",
            market_regime=context.regime,
            position_multiplier=context.position_multiplier,
            watchlist_version=watchlist.version,
            score_run_id=watchlist.run_id,
            hybrid_score=listed.hybrid_score,
            llm_score=listed.llm_score,
            is_tradable=listed.is_tradable,
            trade_tier=listed.trade_tier,
            risk_tag=listed.risk_tag,
            sector_group=listed.sector_group,
            atr_krw=listed.atr_krw,
            scored_on=listed.scored_on,
            rsi_value=readings.rsi,
            volume_ratio=readings.volume_ratio,
            vwap_krw=readings.vwap_krw,
            tick_exchange_us=trigger.tick_us,
            tick_received_us=trigger.received_us,
            signalled_at=from_epoch_us(trigger.market_us),
        )
