"""The risk gates before a signal leaves the scanner (R-GATE-01..14), in order; the first failure refuses.

Windows are offsets from the day's open and close (T6). A reading that a gate needs and does not have refuses,
except where the rulebook lets it pass (RSI, volume ratio and VWAP before they exist).
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime, TradeTier, VixRegime
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.strategy.bars import Bar
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.listed import Listed

RISK_OFF_LIMIT = 2
SECOND_US = 1_000_000


@dataclass(slots=True)
class GateView:
    """What the gates look at for one code at one instant (times in microseconds of market time)."""

    listed: Listed
    bars: deque[Bar]
    price_krw: int
    rsi: float | None
    volume_ratio: float | None
    vwap_krw: float | None
    context: EffectiveContext
    market_us: int
    trade_from_us: int
    danger_from_us: int
    entry_end_us: int
    interrupted_us: int | None
    """Since when trading of the code is interrupted; None = it trades."""
    last_signal_us: int | None
    stop_loss_cooldowns: Mapping[str, int] | None
    """Code -> end of the cooldown; None = the store could not be read."""
    sell_cooldowns: Mapping[str, int] | None
    settings: ScannerSettings


Gate = Callable[[GateView], Refusal | None]


def min_bars(view: GateView) -> Refusal | None:
    """R-GATE-01: at least 20 closed bars."""
    count, limit = len(view.bars), view.settings.min_bars
    if count >= limit:
        return None
    return Refusal(rule="R-GATE-01", detail="too few closed bars", value=float(count), limit=float(limit))


def no_trade_window(view: GateView) -> Refusal | None:
    """R-GATE-02: nothing in the first minutes after the open."""
    if view.market_us >= view.trade_from_us:
        return None
    return _too_early(view, "R-GATE-02", "no-trade window after the open", view.trade_from_us)


def danger_zone(view: GateView) -> Refusal | None:
    """R-GATE-03: nothing from 90 minutes before the close to the close."""
    if view.market_us < view.danger_from_us:
        return None
    minutes = (view.market_us - view.danger_from_us) / (60 * SECOND_US)
    return Refusal(rule="R-GATE-03", detail="danger zone before the close", value=round(minutes, 1), limit=0.0)


def entry_cutoff(view: GateView) -> Refusal | None:
    """R-CAL-02: new entries end with continuous trading."""
    if view.market_us < view.entry_end_us:
        return None
    minutes = (view.market_us - view.entry_end_us) / (60 * SECOND_US)
    return Refusal(rule="R-CAL-02", detail="new entries have ended for today", value=round(minutes, 1), limit=0.0)


def trading_goes_on(view: GateView) -> Refusal | None:
    """R-GATE-14: a volatility interruption or a halt refuses until the code's next trade in continuous trading."""
    if view.interrupted_us is None:
        return None
    return interruption_refusal(view.interrupted_us, view.market_us)


def rsi_guard(view: GateView) -> Refusal | None:
    """R-GATE-04: RSI above 75, in bull regimes above 85; unknown passes."""
    limit = view.settings.rsi_max_bull if view.context.regime.is_bull else view.settings.rsi_max
    if view.rsi is None or view.rsi <= limit:
        return None
    return Refusal(rule="R-GATE-04", detail="RSI too high", value=round(view.rsi, 2), limit=limit)


def macro_risk(view: GateView) -> Refusal | None:
    """R-GATE-05."""
    return macro_refusal(view.context)


def macro_refusal(context: EffectiveContext) -> Refusal | None:
    """R-GATE-05: risk-off level 2 or more, or a VIX crisis."""
    level = context.risk_off_level
    if level >= RISK_OFF_LIMIT:
        return Refusal(rule="R-GATE-05", detail="risk-off", value=float(level), limit=float(RISK_OFF_LIMIT))
    if context.vix_regime is VixRegime.CRISIS:
        return Refusal(rule="R-GATE-05", detail="VIX crisis", value="crisis", limit="elevated")
    return None


def market_regime(view: GateView, *, blocking: bool = False) -> Refusal | None:
    """R-GATE-06: bear markets. Not blocking, as in the reference: sizing and the cash floor carry bear markets."""
    regime = view.context.regime
    if not blocking or regime not in (MarketRegime.BEAR, MarketRegime.STRONG_BEAR):
        return None
    return Refusal(rule="R-GATE-06", detail="bear market", value=regime.value, limit="SIDEWAYS")


def combined_risk(view: GateView) -> Refusal | None:
    """R-GATE-07: heavy volume and a price far above VWAP, both at once. The volume of an incomplete bar is unknown, and
    unknown is not light."""
    is_unknown = bool(view.bars) and not view.bars[-1].is_complete
    if view.vwap_krw is None or (view.volume_ratio is None and not is_unknown):
        return None
    ceiling = view.vwap_krw * (1 + view.settings.vwap_deviation_warning_ratio)
    is_heavy = view.volume_ratio is None or view.volume_ratio > view.settings.volume_warning_ratio
    if not is_heavy or view.price_krw <= ceiling:
        return None
    detail = "volume unknown, far above VWAP" if view.volume_ratio is None else "heavy volume far above VWAP"
    return Refusal(rule="R-GATE-07", detail=detail, value=float(view.price_krw), limit=round(ceiling, 1))


def cooldown(view: GateView) -> Refusal | None:
    """R-GATE-08: the same stock signalled less than 600 s ago."""
    if view.last_signal_us is None:
        return None
    age = (view.market_us - view.last_signal_us) / SECOND_US
    if age >= view.settings.cooldown_seconds:
        return None
    return Refusal(
        rule="R-GATE-08",
        detail="signalled a short time ago",
        value=round(age, 1),
        limit=float(view.settings.cooldown_seconds),
    )


def stop_loss_cooldown(view: GateView) -> Refusal | None:
    """R-GATE-09: sold at a loss in the last days; an unreadable store refuses (R-GATE-13)."""
    return _cooldown_of("R-GATE-09", "stop-loss cooldown", view.stop_loss_cooldowns, view)


def sell_cooldown(view: GateView) -> Refusal | None:
    """R-GATE-10: sold a short time ago; an unreadable store refuses (R-GATE-13)."""
    return _cooldown_of("R-GATE-10", "sell cooldown", view.sell_cooldowns, view)


def trade_tier(view: GateView) -> Refusal | None:
    """R-GATE-11: BLOCKED, or not tradable for any other reason."""
    if view.listed.trade_tier is not TradeTier.BLOCKED and view.listed.is_tradable:
        return None
    return Refusal(rule="R-GATE-11", detail="not tradable", value=view.listed.trade_tier.value, limit="TIER2")


def micro_timing(view: GateView) -> Refusal | None:
    """R-GATE-12: the last bar is a shooting star or engulfs the one before it bearishly."""
    if not view.bars:
        return None
    last = view.bars[-1]
    body = abs(last.close_krw - last.open_krw)
    upper_wick = last.high_krw - max(last.open_krw, last.close_krw)
    if body > 0 and upper_wick > 2 * body:
        return Refusal(rule="R-GATE-12", detail="shooting star", value=float(upper_wick), limit=float(2 * body))
    if len(view.bars) < 2:
        return None
    previous = view.bars[-2]
    falls_after_rise = previous.close_krw > previous.open_krw and last.close_krw < last.open_krw
    if falls_after_rise and last.open_krw >= previous.close_krw and last.close_krw <= previous.open_krw:
        return Refusal(rule="R-GATE-12", detail="bearish engulfing", value=float(last.close_krw))
    return None


COMMON_GATES: tuple[Gate, ...] = (
    min_bars,
    no_trade_window,
    danger_zone,
    entry_cutoff,
    trading_goes_on,
    rsi_guard,
    macro_risk,
    market_regime,
    combined_risk,
    cooldown,
    stop_loss_cooldown,
    sell_cooldown,
    trade_tier,
    micro_timing,
)
"""Before the setups R-STRAT-03..08."""

CONVICTION_GATES: tuple[Gate, ...] = (entry_cutoff, trading_goes_on, cooldown)
ORB_GATES: tuple[Gate, ...] = (entry_cutoff, trading_goes_on, cooldown, stop_loss_cooldown, sell_cooldown, trade_tier)
CONFIRMATION_GATES: tuple[Gate, ...] = (
    no_trade_window,
    danger_zone,
    entry_cutoff,
    trading_goes_on,
    rsi_guard,
    macro_risk,
    cooldown,
    stop_loss_cooldown,
    sell_cooldown,
    trade_tier,
)
"""Run again when a pending momentum hit is confirmed (R-STRAT-10): time, cooldown and context, the latter on the
RSI saved with the hit."""


def first_refusal(gates: tuple[Gate, ...], view: GateView) -> Refusal | None:
    """The refusal of the first gate that fails, None when all pass."""
    for gate in gates:
        refusal = gate(view)
        if refusal is not None:
            return refusal
    return None


def all_refusals(gates: tuple[Gate, ...], view: GateView) -> list[Refusal]:
    """Every gate that fails now, with value and limit: why a watched stock is not bought."""
    return [refusal for gate in gates if (refusal := gate(view)) is not None]


def interruption_refusal(since_us: int, market_us: int) -> Refusal:
    """R-GATE-14 with the seconds since trading of the code was interrupted."""
    seconds = (market_us - since_us) / SECOND_US
    return Refusal(rule="R-GATE-14", detail="trading interrupted", value=round(seconds, 1), limit="the next trade")


def _cooldown_of(rule: str, name: str, ends: Mapping[str, int] | None, view: GateView) -> Refusal | None:
    if ends is None:
        return Refusal(rule=rule, detail=f"{name} unknown: the store could not be read")
    end_us = ends.get(view.listed.code)
    if end_us is None or view.market_us >= end_us:
        return None
    return Refusal(
        rule=rule, detail=name, value=round((end_us - view.market_us) / SECOND_US, 1), limit="0 seconds left"
    )


def _too_early(view: GateView, rule: str, detail: str, from_us: int) -> Refusal:
    minutes = (from_us - view.market_us) / (60 * SECOND_US)
    return Refusal(rule=rule, detail=detail, value=round(minutes, 1), limit="0 minutes left")
