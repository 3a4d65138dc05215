"""Regime, risk-off level and trading context from a council insight: the one mapping for all users (R-REG-10)."""

from datetime import date, datetime

from jennie_core.domain.enums import MarketRegime, PoliticalRisk, VixRegime
from jennie_core.domain.macro import MacroInsight, TradingContext

DEFAULT_POSITION_MULTIPLIER = 0.8
DEFAULT_STOP_LOSS_MULTIPLIER = 1.2
DEFAULT_RUN_ID = "default"


def regime_of(sentiment_score: float) -> MarketRegime:
    """R-REG-01..05; the score is rounded to a whole point first, since the table knows whole points."""
    score = round(sentiment_score)
    if score >= 70:
        return MarketRegime.STRONG_BULL
    if score >= 60:
        return MarketRegime.BULL
    if score >= 40:
        return MarketRegime.SIDEWAYS
    if score >= 25:
        return MarketRegime.BEAR
    return MarketRegime.STRONG_BEAR


def vix_regime_of(vix: float | None) -> VixRegime | None:
    """R-MACD-03; None when the VIX is unknown."""
    if vix is None:
        return None
    if vix < 15:
        return VixRegime.LOW_VOL
    if vix < 25:
        return VixRegime.NORMAL
    return VixRegime.ELEVATED if vix < 35 else VixRegime.CRISIS


def risk_off_level(
    *, vix: VixRegime | None, political: PoliticalRisk, sentiment_score: float, position_size_pct: int
) -> int:
    """R-REG-07: number of warning signs less one, within 0..3; an unknown VIX gives no sign."""
    signs = (
        vix in (VixRegime.ELEVATED, VixRegime.CRISIS),
        political in (PoliticalRisk.HIGH, PoliticalRisk.CRITICAL),
        sentiment_score < 30,
        position_size_pct < 70,
    )
    return max(0, min(3, sum(signs) - 1))


def trading_context(
    insight: MacroInsight, *, market_day: date, run_id: str, known_at: datetime, expires_at: datetime
) -> TradingContext:
    """What an insight means for trading (R-REG-06)."""
    level = risk_off_level(
        vix=insight.vix_regime,
        political=insight.political_risk_level,
        sentiment_score=insight.sentiment_score,
        position_size_pct=insight.position_size_pct,
    )
    return TradingContext(
        market_day=market_day,
        run_id=run_id,
        market_regime=insight.market_regime,
        position_multiplier=insight.position_size_pct / 100,
        stop_loss_multiplier=insight.stop_loss_adjust_pct / 100,
        vix_regime=insight.vix_regime,
        risk_off_level=level,
        favor_sectors=insight.sectors_to_favor,
        avoid_sectors=insight.sectors_to_avoid,
        strategies_to_avoid=insight.strategies_to_avoid,
        is_high_volatility=insight.vix_regime in (VixRegime.ELEVATED, VixRegime.CRISIS),
        known_at=known_at,
        expires_at=expires_at,
    )


def default_context(*, market_day: date, known_at: datetime, expires_at: datetime) -> TradingContext:
    """R-REG-09: in force when no insight exists; its run id is `default`, so that every reader can show it."""
    return TradingContext(
        market_day=market_day,
        run_id=DEFAULT_RUN_ID,
        market_regime=MarketRegime.SIDEWAYS,
        position_multiplier=DEFAULT_POSITION_MULTIPLIER,
        stop_loss_multiplier=DEFAULT_STOP_LOSS_MULTIPLIER,
        risk_off_level=0,
        known_at=known_at,
        expires_at=expires_at,
    )


def is_default(context: TradingContext) -> bool:
    """True when the context stands in for a missing one."""
    return context.run_id == DEFAULT_RUN_ID
