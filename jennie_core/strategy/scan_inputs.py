"""What the scanner was told: list, context, throttle, stops, cooldowns. Never told means unknown: no buys."""

from collections.abc import Mapping
from datetime import datetime

from jennie_core.domain.base import from_epoch_us, to_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import IntradayRiskLevel, SignalType
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.strategy.context import EffectiveContext, effective_context, harsher, no_buys_refusal
from jennie_core.strategy.feed_state import FeedState


class ScanInputs:
    """The scanner's picture of the world beside prices; each question answers with a refusal or None."""

    def __init__(self) -> None:
        self.watchlist: HotWatchlist | None = None
        self.stops: StopState | None = None
        self.stop_loss_cooldowns: Mapping[str, int] | None = None
        self.sell_cooldowns: Mapping[str, int] | None = None
        self.last_signal_us: dict[str, int] = {}
        self.feed: FeedState | None = None
        """The trade feed as the scanner hears it; None in a replay, where nothing stalls."""
        self._watchlist_end_us = 0
        self.context: TradingContext | None = None
        self.risk: IntradayRisk | None = None
        self._joined: EffectiveContext | Refusal | None = None
        self._joined_until_us = 0

    def set_watchlist(self, watchlist: HotWatchlist | None) -> None:
        """Replace the list with its expiry."""
        self.watchlist = watchlist
        self._watchlist_end_us = 0 if watchlist is None else to_epoch_us(watchlist.expires_at)

    def set_context(self, context: TradingContext | None) -> None:
        """Replace the council's context."""
        self.context = context
        self._joined = None

    def set_intraday(self, risk: IntradayRisk | None) -> None:
        """Replace the throttle's state."""
        self.risk = risk
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
            joined = effective_context(self.context, self.risk, from_epoch_us(market_us))
            self._joined_until_us = market_us if isinstance(joined, Refusal) else to_epoch_us(joined.expires_at)
            self._joined = joined
        return self._joined

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

    def feed_refusal(self) -> Refusal | None:
        """Drill 16: without trades the newest price is an old one, so entries are frozen."""
        return Refusal(rule="FEED-STALE", detail="no trades arrive: no buys") if self.feed_is_stalled else None

    @property
    def feed_is_stalled(self) -> bool:
        """Whether no trades arrive."""
        return self.feed is not None and self.feed.is_stalled

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
        refusal = self.watchlist_refusal(market_us) or self.feed_refusal()
        if refusal is not None:
            return refusal
        context = self.context_at(market_us)
        if isinstance(context, Refusal):
            return context
        refusal = no_buys_refusal(context)
        return context if refusal is None else refusal


class ReplayInputs(ScanInputs):
    """The inputs as a replay of old ticks sees them: what is unknown now was in order then.

    Only list and council context must be known; expiries, stops and unread cooldowns hold nothing back, and the
    cooldown after a signal follows the replay's own signals.
    """

    def __init__(self, now: ScanInputs) -> None:
        super().__init__()
        self._now = now

    def refresh(self) -> None:
        """Take the inputs as they are told now."""
        now = self._now
        self.set_watchlist(now.watchlist)
        self.stop_loss_cooldowns = {} if now.stop_loss_cooldowns is None else now.stop_loss_cooldowns
        self.sell_cooldowns = {} if now.sell_cooldowns is None else now.sell_cooldowns
        self.set_context(now.context)
        self.set_intraday(now.risk)

    def context_at(self, market_us: int) -> EffectiveContext | Refusal:
        """The council's context with the throttle's, whatever their age."""
        if self.context is None:
            return Refusal(rule="R-REG-09", detail="trading context unknown: no buys")
        minimum = None if self.risk is None else self.risk.minimum_regime
        return EffectiveContext(
            regime=harsher(self.context.market_regime, minimum),
            position_multiplier=self.context.position_multiplier,
            stop_loss_multiplier=self.context.stop_loss_multiplier,
            risk_off_level=self.context.risk_off_level,
            vix_regime=self.context.vix_regime,
            is_high_volatility=self.context.is_high_volatility,
            strategies_to_avoid=self.context.strategies_to_avoid,
            intraday_level=IntradayRiskLevel.NORMAL if self.risk is None else self.risk.level,
            run_id=self.context.run_id,
            expires_at=self.context.expires_at,
        )

    def watchlist_refusal(self, market_us: int) -> Refusal | None:
        """Only a list that was never told refuses."""
        return super().watchlist_refusal(0)

    def stop_refusal(self) -> Refusal | None:
        """A suppressed signal starts the cooldown like a published one, so stops change nothing here."""
        return None


def _in_us(times: Mapping[str, datetime]) -> dict[str, int]:
    return {code: to_epoch_us(instant) for code, instant in times.items()}
