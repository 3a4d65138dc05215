"""Rebuilds the scanner's memory from the day's recorded ticks, without signalling anything (R-BAR-04).

Bars, indicators and opening ranges move as they did live. A momentum hit on the last bar is pending again, so that a
restart between a hit and its confirmation bar changes nothing; whatever the world had against it then is asked again
at the confirmation.
"""

from collections.abc import Iterable, Mapping

from jennie_core.domain.market import ClockMark, Tick
from jennie_core.strategy import gates
from jennie_core.strategy.bars import MINUTE_US, Bar
from jennie_core.strategy.entries import first_entry
from jennie_core.strategy.scan_inputs import ScanInputs
from jennie_core.strategy.scan_state import CodeState, Pending, Trigger
from jennie_core.strategy.scan_views import DayWindows, ScanViews

CONTINUOUS_PHASE = "0"


class ScanReplay:
    """Moves the states of a scanner through old ticks and marks."""

    def __init__(
        self,
        states: Mapping[str, CodeState],
        views: ScanViews,
        inputs: ScanInputs,
        windows: DayWindows,
        grace_us: int,
        confirm_bars: int,
    ) -> None:
        self._states = states
        self._views = views
        self._inputs = inputs
        self._windows = windows
        self._grace_us = grace_us
        self._confirm_bars = confirm_bars
        self._timer_us = windows.open_us + grace_us

    def run(self, items: Iterable[Tick | ClockMark]) -> None:
        """Take the next part of the recording; marks may be left out, minute ends are timed from the ticks."""
        for item in items:
            if isinstance(item, ClockMark):
                self._run_timer(item.market_us)
            elif self._is_continuous(item):
                self._run_timer(item.exchange_us)
                self._take(item)

    def _is_continuous(self, tick: Tick) -> bool:
        in_session = self._windows.open_us <= tick.exchange_us <= self._windows.last_trade_us
        return in_session and tick.session_phase == CONTINUOUS_PHASE

    def _take(self, tick: Tick) -> None:
        state = self._states.get(tick.code)
        if state is None:
            return
        closed = state.builder.add(tick.price_krw, tick.volume, tick.exchange_us)
        state.last_tick_us, state.last_received_us = tick.exchange_us, tick.received_us
        if closed is not None:
            trigger = Trigger(tick.price_krw, tick.exchange_us, tick.exchange_us, tick.received_us)
            self._remember(state, closed, trigger)

    def _run_timer(self, market_us: int) -> None:
        while self._timer_us <= market_us:
            for code in sorted(self._states):
                state = self._states[code]
                closed = state.builder.close_until(self._timer_us - self._grace_us)
                if closed is not None:
                    trigger = Trigger(closed.close_krw, self._timer_us, state.last_tick_us, state.last_received_us)
                    self._remember(state, closed, trigger)
            self._timer_us += MINUTE_US

    def _remember(self, state: CodeState, bar: Bar, trigger: Trigger) -> None:
        state.take(bar)
        if state.listed is None:
            return
        if state.pending is not None:
            state.pending.bars_left -= 1
            if trigger.price_krw >= state.pending.price_krw or state.pending.bars_left <= 0:
                state.pending = None
            return
        regime = self._inputs.last_known_regime()
        if regime is None:
            return
        found = first_entry(self._views.setup(state, state.listed, regime, trigger))
        if found is None or not found.is_momentum_family or self._confirm_bars < 1:
            return
        readings = state.readings()
        view = self._views.gate_view(state, state.listed, None, readings, trigger.price_krw, trigger.market_us)
        if gates.first_refusal(gates.LOCAL_GATES, view) is None:
            state.pending = Pending(found, trigger.price_krw, readings, self._confirm_bars)
