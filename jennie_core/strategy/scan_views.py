"""Builds what setups and gates look at, from a code's state, the inputs and the day's windows."""

from dataclasses import dataclass

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.market import CONTINUOUS_PHASE, INTERRUPTION_PHASE, Tick
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.entries import Setup
from jennie_core.strategy.gates import GateView
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.opening_range import OpeningRange
from jennie_core.strategy.scan_inputs import ScanInputs
from jennie_core.strategy.scan_state import CodeState, Readings, Trigger


@dataclass(frozen=True, slots=True)
class DayWindows:
    """The windows of one session in microseconds: offsets from its open and close (T6)."""

    open_us: int
    last_trade_us: int
    trade_from_us: int
    danger_from_us: int
    entry_end_us: int
    opening_range_end_us: int

    @classmethod
    def of(cls, session: SessionTimes, settings: ScannerSettings) -> "DayWindows":
        """The windows of `session` under `settings`."""
        return cls(
            open_us=session.open_us,
            last_trade_us=session.last_trade_us,
            trade_from_us=session.after_open_us(settings.no_trade_minutes_after_open),
            danger_from_us=session.before_close_us(settings.danger_zone_minutes_before_close),
            entry_end_us=session.before_close_us(settings.entry_cutoff_minutes_before_close),
            opening_range_end_us=session.after_open_us(settings.orb_range_minutes),
        )

    def takes(self, tick: Tick) -> bool:
        """Whether a tick belongs to continuous trading or one of its crosses (T6)."""
        return tick.session_phase == CONTINUOUS_PHASE and self.open_us <= tick.exchange_us <= self.last_trade_us

    def interrupts(self, tick: Tick) -> bool:
        """Whether a record says that continuous trading of its code is interrupted (R-GATE-14)."""
        return tick.session_phase == INTERRUPTION_PHASE and self.open_us <= tick.exchange_us <= self.last_trade_us

    def new_state(self) -> CodeState:
        """An empty state with the day's opening range."""
        return CodeState(OpeningRange(self.open_us, self.opening_range_end_us))


class ScanViews:
    """Setup and gate views of one session."""

    def __init__(self, settings: ScannerSettings, windows: DayWindows, inputs: ScanInputs) -> None:
        self._settings = settings
        self._windows = windows
        self._inputs = inputs
        self._setups: dict[str, Setup] = {}

    def setup(self, state: CodeState, listed: Listed, regime: MarketRegime | None, trigger: Trigger) -> Setup:
        """What the entry setups look at: one object for each listed code, moved to the bar that has just closed."""
        found = self._setups.get(listed.code)
        if found is None or found.listed is not listed:
            found = self._setups[listed.code] = self._new_setup(state, listed, trigger)
        builder = state.builder
        found.price_krw = trigger.price_krw
        found.vwap_krw = builder.vwap_krw
        found.volume_ratio = builder.volume_ratio
        found.regime = regime
        found.market_us = trigger.market_us
        return found

    def _new_setup(self, state: CodeState, listed: Listed, trigger: Trigger) -> Setup:
        return Setup(
            listed=listed,
            bars=state.builder.bars,
            indicators=state.indicators,
            opening_range=state.opening_range,
            price_krw=trigger.price_krw,
            vwap_krw=None,
            volume_ratio=None,
            regime=None,
            market_us=trigger.market_us,
            open_us=self._windows.open_us,
            listed_sessions=state.listed_sessions,
            scored_sessions=state.scored_sessions,
            settings=self._settings,
        )

    def gate_view(
        self,
        state: CodeState,
        listed: Listed,
        context: EffectiveContext,
        readings: Readings,
        price_krw: int,
        market_us: int,
    ) -> GateView:
        """What the gates look at."""
        windows, inputs = self._windows, self._inputs
        return GateView(
            listed=listed,
            bars=state.builder.bars,
            price_krw=price_krw,
            rsi=readings.rsi,
            volume_ratio=readings.volume_ratio,
            vwap_krw=readings.vwap_krw,
            context=context,
            market_us=market_us,
            trade_from_us=windows.trade_from_us,
            danger_from_us=windows.danger_from_us,
            entry_end_us=windows.entry_end_us,
            interrupted_us=state.interrupted_us,
            last_signal_us=inputs.last_signal_us.get(listed.code),
            stop_loss_cooldowns=inputs.stop_loss_cooldowns,
            sell_cooldowns=inputs.sell_cooldowns,
            settings=self._settings,
        )
