"""Rebuilds the scanner's memory from the day's recorded ticks, without signalling anything (R-BAR-04).

The replay decides with the same code as the live scanner and drops what it decides, so bars, indicators, opening
ranges and pending hits are those of a scanner that never stopped.
"""

from collections.abc import Iterable, Mapping

from jennie_core.domain.market import ClockMark, Tick
from jennie_core.strategy.bars import MINUTE_US
from jennie_core.strategy.scan_decider import ScanDecider
from jennie_core.strategy.scan_state import CodeState, Trigger
from jennie_core.strategy.scan_views import DayWindows


class ScanReplay:
    """Moves the states of a scanner through old ticks and marks."""

    def __init__(
        self, states: Mapping[str, CodeState], decider: ScanDecider, windows: DayWindows, grace_us: int
    ) -> None:
        self._states = states
        self._decider = decider
        self._windows = windows
        self._grace_us = grace_us
        self._timer_us = windows.open_us + grace_us

    def run(self, items: Iterable[Tick | ClockMark]) -> None:
        """Take the next part of the recording; marks may be left out, minute ends are timed from the ticks."""
        for item in items:
            if isinstance(item, ClockMark):
                self._run_timer(item.market_us)
            elif self._windows.takes(item):
                self._run_timer(item.exchange_us)
                self._take(item)
            elif self._windows.interrupts(item) and item.code in self._states:
                self._run_timer(item.exchange_us)
                self._decider.on_interruption(self._states[item.code], item)

    def _take(self, tick: Tick) -> None:
        state = self._states.get(tick.code)
        if state is None:
            return
        closed = state.add(tick)
        if closed is not None:
            self._decider.on_closed_bar(
                state, closed, Trigger(tick.price_krw, tick.exchange_us, tick.exchange_us, tick.received_us)
            )

    def _run_timer(self, market_us: int) -> None:
        while self._timer_us <= market_us:
            for code in sorted(self._states):
                state = self._states[code]
                closed = state.builder.close_until(self._timer_us - self._grace_us)
                if closed is not None:
                    trigger = Trigger(closed.close_krw, self._timer_us, state.last_tick_us, state.last_received_us)
                    self._decider.on_closed_bar(state, closed, trigger)
            self._timer_us += MINUTE_US
