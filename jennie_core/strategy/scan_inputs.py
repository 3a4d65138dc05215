"""What the scanner was told: list, context, throttle, stops, cooldowns. Never told means unknown: no buys."""

from collections.abc import Mapping
from datetime import datetime

from jennie_core.domain.base import from_epoch_us, to_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime, SignalType
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.strategy.context import EffectiveContext, effective_context, harsher, no_buys_refusal


class ScanInputs:
    """The scanner's picture of the world beside prices; each question answers with a refusal or None."""

    def __init__(self) -> None:
        self.watchlist: HotWatchlist | None = None
        self.stops: StopState | None = None
        self.stop_loss_cooldowns: Mapping[str, int] | None = None
        self.sell_cooldowns: Mapping[str, int] | None = None
        self.last_signal_us: dict[str, int] = {}
        self._watchlist_end_us = 0
        self._context: TradingContext | None = None
        self._risk: IntradayRisk | None = None
        self._joined: EffectiveContext | Refusal | None = None
        self._joined_until_us = 0

    def set_watchlist(self, watchlist: HotWatchlist | None) -> None:
        """Replace the list with its expiry."""
        self.watchlist = watchlist
        self._watchlist_end_us = 0 if watchlist is None else to_epoch_us(watchlist.expires_at)

    def set_context(self, context: TradingContext | None) -> None:
        """Replace the council's context."""
        self._context = context
        self._joined = None

    def set_intraday(self, risk: IntradayRisk | None) -> None:
        """Replace the throttle's state."""
        self._risk = risk
        self._joined = None

    def set_cooldowns(self, stop_loss: Mapping[str, datetime] | None, sell: Mapping[str, datetime] | None) -> None:
        """Code -> end of its cooldown; None = the store could not be read (R-GATE-13)."""
        self.stop_loss_cooldowns = None if stop_loss is None else _in_us(stop_loss)
        self.sell_cooldowns = None if sell is None else _in_us(sell)

    def restore_signals(self, last_signals: Mapping[str, datetime]) -> None:
        """Code -> time of its last signal today."""
        self.last_signal_us.update(_in_us(last_signals))

    def context_at(self, market_us: int) -> EffectiveContext | Refusal:
        """The joined context; computed again when an input changed or its validity ended."""
        if self._joined is None or market_us >= self._joined_until_us:
            joined = effective_context(self._context, self._risk, from_epoch_us(market_us))
            self._joined_until_us = market_us if isinstance(joined, Refusal) else to_epoch_us(joined.expires_at)
            self._joined = joined
        return self._joined

    def last_known_regime(self) -> MarketRegime | None:
        """The regime for replayed minutes: the council's, as harsh as the throttle demands, whatever its age."""
        if self._context is None:
            return None
        return harsher(self._context.market_regime, None if self._risk is None else self._risk.minimum_regime)

    def watchlist_refusal(self, market_us: int) -> Refusal | None:
        """R-SCAN-01: no list, or one past its expiry."""
        if self.watchlist is None:
            return Refusal(rule="R-SCAN-01", detail="watchlist unknown: no buys")
        if market_us < self._watchlist_end_us:
            return None
        return Refusal(
            rule="R-SCAN-01",
            detail="watchlist expired: no buys",
            value=from_epoch_us(market_us).isoformat(),
            limit=self.watchlist.expires_at.isoformat(),
        )

    def stop_refusal(self) -> Refusal | None:
        """R-SCAN-04: paused, halted, or the stops are unknown."""
        if self.stops is None:
            return Refusal(rule="R-SCAN-04", detail="stop state unknown: signal suppressed")
        if not self.stops.blocks_buys:
            return None
        verb = "halted" if self.stops.halted else "paused"
        return Refusal(rule="R-SCAN-04", detail=f"{verb}: {self.stops.reason}" if self.stops.reason else verb)

    def avoided_refusal(self, signal_type: SignalType, context: EffectiveContext) -> Refusal | None:
        """R-STRAT-11: the council named this strategy as one to avoid."""
        if signal_type not in context.strategies_to_avoid:
            return None
        return Refusal(rule="R-STRAT-11", detail="the council avoids this strategy", value=signal_type.value)

    def buying_context(self, market_us: int) -> EffectiveContext | Refusal:
        """The context when buying is possible at all, else why it is not (list, context, multiplier 0)."""
        refusal = self.watchlist_refusal(market_us)
        if refusal is not None:
            return refusal
        context = self.context_at(market_us)
        if isinstance(context, Refusal):
            return context
        refusal = no_buys_refusal(context)
        return context if refusal is None else refusal


def _in_us(times: Mapping[str, datetime]) -> dict[str, int]:
    return {code: to_epoch_us(instant) for code, instant in times.items()}
