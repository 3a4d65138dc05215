"""The scanner's state machine: ticks and marks in, buy signals and recorded refusals out (R-SCAN, R-STRAT-10/11).

A decision falls only when a bar closes. Setups are asked first and gates after them, so that every refusal names the
setup it cost; the outcome is the same as gates first. All times are market time in microseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import CONTINUOUS_PHASE, ClockMark, MinuteBar, Tick
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy import gates
from jennie_core.strategy.bars import Bar
from jennie_core.strategy.context import no_buys_refusal
from jennie_core.strategy.feed_state import STREAMED, FeedState
from jennie_core.strategy.listed import merge_manual
from jennie_core.strategy.scan_decider import NOTHING, ScanDecider
from jennie_core.strategy.scan_inputs import ReplayInputs, ScanInputs
from jennie_core.strategy.scan_replay import ScanReplay
from jennie_core.strategy.scan_state import CodeState, Decision, SignalRefusal, Trigger, signal_id
from jennie_core.strategy.scan_views import DayWindows, ScanViews

__all__ = ["Decision", "ScannerCore", "SignalRefusal", "signal_id"]


class ScannerCore:
    """One session of scanning. Every input that was never set is unknown, and unknown means no buys."""

    def __init__(
        self,
        settings: ScannerSettings,
        session: SessionTimes,
        calendar: KrxCalendar | None = None,
        *,
        bar_grace_us: int = 1_000_000,
    ) -> None:
        """`bar_grace_us`: a bar closes by timer this long after its minute, because trade times have whole seconds."""
        self._day = session.day
        self._calendar = KrxCalendar.shipped() if calendar is None else calendar
        self._grace_us = bar_grace_us
        self._open_us = session.open_us
        self._last_trade_us = session.last_trade_us
        self._states: dict[str, CodeState] = {}
        self._inputs = ScanInputs()
        self._windows = DayWindows.of(session, settings)
        self._views = ScanViews(settings, self._windows, self._inputs)
        confirm_bars = settings.momentum_confirm_bars
        self._decider = ScanDecider(session.day, self._views, self._inputs, confirm_bars)
        self._replay_inputs = ReplayInputs(self._inputs)
        replay_views = ScanViews(settings, self._windows, self._replay_inputs)
        replay_decider = ScanDecider(session.day, replay_views, self._replay_inputs, confirm_bars)
        self._replay = ScanReplay(self._states, replay_decider, self._windows, bar_grace_us)
        self._feed = self._inputs.feed = FeedState(session)
        self._listed_count = 0
        self.outside_ticks = 0
        """Ticks outside continuous trading; counted, never in a bar (T6)."""
        self.unlisted_ticks = 0

    def set_watchlist(self, watchlist: HotWatchlist | None, manual: Mapping[str, str] | None = None) -> None:
        """Replace the list; `manual` maps code to name of stocks added by hand (R-SCAN-01). None: unknown, no buys.

        Bars of codes that left the list are kept, so a code that comes back has its history.
        """
        self._inputs.set_watchlist(watchlist)
        listed = merge_manual(watchlist, {} if manual is None else manual)
        self._listed_count = len(listed)
        for code, state in self._states.items():
            if code not in listed:
                state.listed = state.pending = None
        for code, entry in listed.items():
            if code not in self._states:
                self._states[code] = self._windows.new_state()
            state = self._states[code]
            state.listed = entry
            state.listed_sessions = self._age_in_sessions(entry.first_listed_on)
            state.scored_sessions = self._age_in_sessions(entry.scored_on)

    def set_context(self, context: TradingContext | None) -> None:
        """Replace the council's context; None = unknown."""
        self._inputs.set_context(context)

    def set_intraday(self, risk: IntradayRisk | None) -> None:
        """Replace the throttle's state; None = unknown."""
        self._inputs.set_intraday(risk)

    def set_stops(self, stops: StopState | None) -> None:
        """Replace the stops in force; None = unknown, which suppresses."""
        self._inputs.stops = stops

    def set_cooldowns(self, stop_loss: Mapping[str, datetime] | None, sell: Mapping[str, datetime] | None) -> None:
        """Code -> end of its cooldown (R-GATE-09/10); None = could not be read, which refuses (R-GATE-13)."""
        self._inputs.set_cooldowns(stop_loss, sell)

    def restore_signals(self, last_signals: Mapping[str, datetime]) -> None:
        """Code -> time of its last signal today, published or suppressed, for the cooldown after a restart."""
        self._inputs.restore_signals(last_signals)

    def warm_start(self, code: str, minute_bars: Sequence[MinuteBar], turnover_krw: int | None = None) -> None:
        """Rebuild one listed code from today's closed minute bars (R-BAR-04); nothing is signalled."""
        state = self._states[code]
        for bar in state.builder.warm_start(minute_bars, turnover_krw):
            state.take(bar)

    def replay(self, items: Iterable[Tick | ClockMark]) -> None:
        """Rebuild from the day's recorded ticks, in one call or in parts (R-BAR-04); nothing is signalled.

        Set the watchlist and the council's context before, the cooldowns and last signals after; without a context a
        momentum hit on the last replayed bar is forgotten.
        """
        self._replay_inputs.refresh()
        self._replay.run(items)

    def mark_gap(self, code: str | None = None) -> None:
        """Ticks of one code, or of all, were lost."""
        for state in self._states.values() if code is None else [self._states[code]]:
            state.builder.mark_gap()

    def on_tick(self, tick: Tick) -> Sequence[Decision]:
        """Take one trade (R-SCAN-03)."""
        if tick.source == STREAMED:
            self._feed.saw_trade(tick.exchange_us)
        state = self._states.get(tick.code)
        if state is None:
            self.unlisted_ticks += 1
            return NOTHING
        exchange_us = tick.exchange_us
        if tick.session_phase != CONTINUOUS_PHASE or not self._open_us <= exchange_us <= self._last_trade_us:
            self.outside_ticks += 1
            return self._decider.on_interruption(state, tick) if self._windows.interrupts(tick) else NOTHING
        closed = state.add(tick)
        if closed is None:
            return NOTHING
        return self._decider.on_closed_bar(
            state, closed, Trigger(tick.price_krw, exchange_us, exchange_us, tick.received_us)
        )

    def on_mark(self, market_us: int) -> Sequence[Decision]:
        """Take a clock mark: bars whose minute is over close by timer, in order of code."""
        self._feed.judge(market_us, self._listed_count)
        decisions: list[Decision] = []
        due_us = market_us - self._grace_us
        for code in sorted(self._states):
            state = self._states[code]
            closed = state.builder.close_until(due_us)
            if closed is not None:
                trigger = Trigger(closed.close_krw, market_us, state.last_tick_us, state.last_received_us)
                decisions.extend(self._decider.on_closed_bar(state, closed, trigger))
        return decisions

    def codes(self) -> list[str]:
        """Listed codes by rank: what the gateway should subscribe."""
        listed = [state.listed for state in self._states.values() if state.listed is not None]
        return [entry.code for entry in sorted(listed, key=lambda entry: (entry.rank, entry.code))]

    def bars(self, code: str) -> list[Bar]:
        """Closed bars of one code, oldest first."""
        return list(self._states[code].builder.bars)

    @property
    def feed_is_stalled(self) -> bool:
        """Whether entries are frozen because no trades arrive (drill 16)."""
        return self._feed.is_stalled

    @property
    def late_ticks(self) -> int:
        """Ticks that came after their bar had closed."""
        return sum(state.builder.late_ticks for state in self._states.values())

    def explain(self, code: str, market_us: int) -> list[Refusal]:
        """Every reason for which this code would not be bought now, with value and limit."""
        state = self._states.get(code)
        if state is None or state.listed is None:
            return [Refusal(rule="R-SCAN-01", detail="not on the watchlist")]
        general = [
            self._inputs.watchlist_refusal(market_us),
            self._inputs.feed_refusal(),
            self._inputs.stop_refusal(),
        ]
        found = [refusal for refusal in general if refusal is not None]
        context = self._inputs.context_at(market_us)
        if isinstance(context, Refusal):
            return [*found, context]
        no_buys = no_buys_refusal(context)
        if no_buys is not None:
            found.append(no_buys)
        price_krw = state.builder.last_price_krw
        view = self._views.gate_view(state, state.listed, context, state.readings(), price_krw, market_us)
        return found + gates.all_refusals(gates.COMMON_GATES, view)

    def _age_in_sessions(self, day: date | None) -> int | None:
        if day is None:
            return None
        try:
            return self._calendar.session_age(day, self._day)
        except UnknownSessionError:
            return None
