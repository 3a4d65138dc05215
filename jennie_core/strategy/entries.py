"""The eight entry setups on one-minute bars (R-STRAT-01..08). Each says yes or no to the bar that has just closed.

They run in the order of `ENTRY_ORDER`, first match wins; conviction and opening range stand before them with gates of
their own. An unknown regime (None) excludes nothing here: such a hit is refused for the missing context and recorded.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from jennie_core.domain.enums import MarketRegime, SignalType, TradeTier
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.strategy.bars import Bar
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.opening_range import OpeningRange
from jennie_core.strategy.running import BarIndicators

GOLDEN_CROSS_REGIMES = (MarketRegime.STRONG_BULL, MarketRegime.BULL, MarketRegime.SIDEWAYS)
GOLDEN_CROSS_BARS = 21
GOLDEN_CROSS_VOLUME_RATIO = 1.5
CONTINUATION_GAIN_PCT = (2.0, 5.0)
CONTINUATION_MIN_LLM = 65.0
MOMENTUM_MIN_GAIN_PCT = 1.5
DIP_PCT_BULL = (-3.0, -0.5)
DIP_PCT = (-5.0, -2.0)
DIP_SESSIONS = (1, 5)
BREAKOUT_BARS = 20
BREAKOUT_VOLUME_RATIO = 3.0
CONVICTION_SIDEWAYS_MIN_HYBRID = 75.0
CONVICTION_MAX_VWAP_DEVIATION_RATIO = 0.015
CONVICTION_MAX_RSI = 65.0
CONVICTION_MAX_AGE_SESSIONS = 2
RSI_REBOUND_THRESHOLD = {MarketRegime.SIDEWAYS: 40.0, MarketRegime.BEAR: 30.0, MarketRegime.STRONG_BEAR: 25.0}


@dataclass(slots=True)
class Setup:
    """All a setup may look at when a bar of its code has closed."""

    listed: Listed
    bars: deque[Bar]
    indicators: BarIndicators
    opening_range: OpeningRange
    price_krw: int
    vwap_krw: float | None
    volume_ratio: float | None
    regime: MarketRegime | None
    market_us: int
    open_us: int
    listed_sessions: int | None
    """Sessions since the code came on the list; None = unknown."""
    scored_sessions: int | None
    settings: ScannerSettings

    @property
    def close_krw(self) -> int:
        """Close of the bar that has just closed."""
        return self.bars[-1].close_krw


def watchlist_conviction(setup: Setup) -> bool:
    """R-STRAT-01: a convincing score early in the session, near VWAP and not yet run away. Off by default."""
    settings, listed, regime = setup.settings, setup.listed, setup.regime
    if not settings.conviction_enabled or listed.trade_tier is TradeTier.BLOCKED:
        return False
    if regime in (MarketRegime.BEAR, MarketRegime.STRONG_BEAR):
        return False
    if regime is MarketRegime.SIDEWAYS and listed.hybrid_score < CONVICTION_SIDEWAYS_MIN_HYBRID:
        return False
    if setup.scored_sessions is None or setup.scored_sessions > CONVICTION_MAX_AGE_SESSIONS:
        return False
    if listed.hybrid_score < settings.conviction_min_hybrid and listed.llm_score < settings.conviction_min_llm:
        return False
    since_open_us = setup.market_us - setup.open_us
    starts_us = settings.no_trade_minutes_after_open * 60_000_000
    ends_us = settings.conviction_end_minutes_after_open * 60_000_000
    if not starts_us <= since_open_us <= ends_us:
        return False
    if _gain_pct(setup.price_krw, setup.bars[0].open_krw) >= settings.conviction_max_gain_pct:
        return False
    if setup.vwap_krw is None:
        return False
    if abs(setup.price_krw / setup.vwap_krw - 1) > CONVICTION_MAX_VWAP_DEVIATION_RATIO:
        return False
    rsi = setup.indicators.rsi.value
    return rsi is None or rsi < CONVICTION_MAX_RSI


def orb_breakout(setup: Setup) -> bool:
    """R-STRAT-02: the close breaks the opening range's high with volume, until 10:30."""
    settings, opening = setup.settings, setup.opening_range
    if not settings.orb_enabled or not opening.is_known:
        return False
    if setup.market_us - setup.open_us > settings.orb_end_minutes_after_open * 60_000_000:
        return False
    width = opening.width_pct
    if width is None or not settings.orb_min_width_pct <= width <= settings.orb_max_width_pct:
        return False
    return setup.close_krw > opening.high_krw and _at_least(setup.volume_ratio, settings.orb_min_volume_ratio)


def golden_cross(setup: Setup) -> bool:
    """R-STRAT-03: SMA5 crosses above SMA20 on this bar with volume ratio 1.5 or more; not in bear regimes."""
    if len(setup.bars) < GOLDEN_CROSS_BARS:
        return False
    if setup.regime is not None and setup.regime not in GOLDEN_CROSS_REGIMES:
        return False
    short, long = setup.indicators.sma5, setup.indicators.sma20
    if short.value is None or long.value is None or short.previous is None or long.previous is None:
        return False
    crossed = short.previous <= long.previous and short.value > long.value
    return crossed and _at_least(setup.volume_ratio, GOLDEN_CROSS_VOLUME_RATIO)


def momentum_continuation(setup: Setup) -> bool:
    """R-STRAT-04: SMA5 above SMA20, up 2..5 % over four bars, analyst score 65 or more; bull regimes only."""
    if len(setup.bars) < GOLDEN_CROSS_BARS:
        return False
    if setup.regime is not None and not setup.regime.is_bull:
        return False
    short, long = setup.indicators.sma5.value, setup.indicators.sma20.value
    if short is None or long is None or short <= long:
        return False
    gain = _gain_pct(setup.close_krw, setup.bars[-5].close_krw)
    low, high = CONTINUATION_GAIN_PCT
    return low <= gain <= high and setup.listed.llm_score >= CONTINUATION_MIN_LLM


def momentum(setup: Setup) -> bool:
    """R-STRAT-05: up 1.5..7 % from the open of the fifth-last bar."""
    if len(setup.bars) < 5:
        return False
    gain = _gain_pct(setup.close_krw, setup.bars[-5].open_krw)
    return MOMENTUM_MIN_GAIN_PCT <= gain <= setup.settings.momentum_max_gain_pct


def dip_buy(setup: Setup) -> bool:
    """R-STRAT-06: a pullback from the five-bar high in a stock listed 1..5 sessions ago (R-STRAT-09: first listing)."""
    if len(setup.bars) < 5 or setup.listed_sessions is None:
        return False
    first, last = DIP_SESSIONS
    if not first <= setup.listed_sessions <= last:
        return False
    bars = setup.bars
    high = max(bars[-1].high_krw, bars[-2].high_krw, bars[-3].high_krw, bars[-4].high_krw, bars[-5].high_krw)
    dip = _gain_pct(setup.close_krw, high)
    if setup.regime is None:
        return DIP_PCT[0] <= dip <= DIP_PCT_BULL[1]
    low, top = DIP_PCT_BULL if setup.regime.is_bull else DIP_PCT
    return low <= dip <= top


def rsi_rebound(setup: Setup) -> bool:
    """R-STRAT-07: RSI crosses up through the regime's threshold. Defined, but disabled: not in ENTRY_ORDER."""
    if setup.regime is None or setup.regime not in RSI_REBOUND_THRESHOLD:
        return False
    threshold, rsi = RSI_REBOUND_THRESHOLD[setup.regime], setup.indicators.rsi
    return rsi.previous is not None and rsi.value is not None and rsi.previous < threshold <= rsi.value


def volume_breakout(setup: Setup) -> bool:
    """R-STRAT-08: three times the usual volume and a close above the highs of the 19 bars before."""
    bars = setup.bars
    if len(bars) < BREAKOUT_BARS or not _at_least(setup.volume_ratio, BREAKOUT_VOLUME_RATIO):
        return False
    return setup.close_krw > max(bars[-offset].high_krw for offset in range(2, BREAKOUT_BARS + 1))


ENTRY_ORDER: tuple[tuple[SignalType, Callable[[Setup], bool]], ...] = (
    (SignalType.GOLDEN_CROSS, golden_cross),
    (SignalType.MOMENTUM_CONTINUATION, momentum_continuation),
    (SignalType.MOMENTUM, momentum),
    (SignalType.DIP_BUY, dip_buy),
    (SignalType.VOLUME_BREAKOUT, volume_breakout),
)
"""The setups behind the common gates, in the order of the rulebook."""


def first_entry(setup: Setup) -> SignalType | None:
    """The first matching setup of `ENTRY_ORDER`."""
    for signal_type, matches in ENTRY_ORDER:
        if matches(setup):
            return signal_type
    return None


def _gain_pct(now_krw: int, then_krw: int) -> float:
    return (now_krw - then_krw) * 100 / then_krw


def _at_least(value: float | None, limit: float) -> bool:
    return value is not None and value >= limit
