"""Joins the council's context with the intraday throttle, for entries and for exits (R-REG, R-THR, S3)."""

from dataclasses import dataclass
from datetime import datetime

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, SignalType, VixRegime
from jennie_core.domain.macro import IntradayRisk, TradingContext

TIGHTEST_STOP_MULTIPLIER = 0.8
"""The tightest stop a council can ask for (R-CNL-01: 80 %); used when no regime was ever known."""


@dataclass(frozen=True, slots=True)
class EffectiveContext:
    """What an entry decision may rely on until `expires_at`."""

    regime: MarketRegime
    position_multiplier: float
    stop_loss_multiplier: float
    risk_off_level: int
    vix_regime: VixRegime | None
    is_high_volatility: bool
    strategies_to_avoid: tuple[SignalType, ...]
    intraday_level: IntradayRiskLevel
    run_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExitContext:
    """What exits rely on; `regime` None means never known: the tightest value of each table holds (S3)."""

    regime: MarketRegime | None
    stop_loss_multiplier: float
    age_seconds: float | None
    is_fresh: bool


NO_EXIT_CONTEXT = ExitContext(None, TIGHTEST_STOP_MULTIPLIER, None, False)


def effective_context(
    context: TradingContext | None, risk: IntradayRisk | None, market_time: datetime
) -> EffectiveContext | Refusal:
    """The context for buying, or the refusal of every buy when a part of it is missing or expired (R-THR-07, S3).

    The multiplier is the smaller of council and throttle and may be 0: then `no_buys_refusal` names R-THR-07.
    The regime is at least as harsh as the throttle demands (R-THR-08).
    """
    if context is None:
        return Refusal(rule="R-REG-09", detail="trading context unknown: no buys")
    if market_time >= context.expires_at:
        return Refusal(
            rule="R-REG-09",
            detail="trading context expired: no buys",
            value=market_time.isoformat(),
            limit=context.expires_at.isoformat(),
        )
    if risk is None:
        return Refusal(rule="R-THR-07", detail="intraday risk unknown: no buys")
    if market_time >= risk.expires_at:
        return Refusal(
            rule="R-THR-07",
            detail="intraday risk expired: no buys",
            value=market_time.isoformat(),
            limit=risk.expires_at.isoformat(),
        )
    return EffectiveContext(
        regime=harsher(context.market_regime, risk.minimum_regime),
        position_multiplier=min(context.position_multiplier, risk.position_multiplier),
        stop_loss_multiplier=context.stop_loss_multiplier,
        risk_off_level=context.risk_off_level,
        vix_regime=context.vix_regime,
        is_high_volatility=context.is_high_volatility or is_warning_or_worse(risk.level),
        strategies_to_avoid=context.strategies_to_avoid,
        intraday_level=risk.level,
        run_id=context.run_id,
        expires_at=min(context.expires_at, risk.expires_at),
    )


def no_buys_refusal(context: EffectiveContext) -> Refusal | None:
    """A multiplier of 0 means no buys (R-THR-01, R-THR-07)."""
    if context.position_multiplier > 0:
        return None
    return Refusal(
        rule="R-THR-07", detail=f"position multiplier 0 at level {context.intraday_level}", value=0.0, limit="> 0"
    )


def exit_context(context: TradingContext | None, risk: IntradayRisk | None, market_time: datetime) -> ExitContext:
    """The context for exits: the last known regime whatever its age, made harsher by the last known throttle (S3)."""
    if context is None:
        return NO_EXIT_CONTEXT
    minimum = None if risk is None else risk.minimum_regime
    return ExitContext(
        regime=harsher(context.market_regime, minimum),
        stop_loss_multiplier=context.stop_loss_multiplier,
        age_seconds=(market_time - context.known_at).total_seconds(),
        is_fresh=market_time < context.expires_at,
    )


def harsher(regime: MarketRegime, minimum: MarketRegime | None) -> MarketRegime:
    """The harsher of two regimes in the order of R-THR-08."""
    if minimum is None or regime.severity >= minimum.severity:
        return regime
    return minimum


def is_warning_or_worse(level: IntradayRiskLevel) -> bool:
    """WARNING, DANGER or CRITICAL (R-THR-08)."""
    return level in (IntradayRiskLevel.WARNING, IntradayRiskLevel.DANGER, IntradayRiskLevel.CRITICAL)
