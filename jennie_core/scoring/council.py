"""The macro council's verdict from three seats, taken by rules or by models (R-CNL)."""

from dataclasses import dataclass
from datetime import datetime

from jennie_core.domain.enums import PoliticalRisk
from jennie_core.domain.macro import MacroInsight
from jennie_core.scoring import council_rules
from jennie_core.scoring.council_replies import JudgeReply, RiskReply, StrategistReply
from jennie_core.scoring.index_technicals import PROXY_INDEX
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.regime import regime_of, vix_regime_of

ANALYST = "rules"


class CouncilError(RuntimeError):
    """R-CNL-04: no context, or no strategist; the run fails and the old context stays in force."""


@dataclass(frozen=True)
class CouncilReplies:
    """The seats' replies of one run; None = that seat failed. `analyst` is `rules` or the models' names."""

    analyst: str
    strategist: StrategistReply | None
    risk: RiskReply | None
    judge: JudgeReply | None
    cost_usd: float = 0.0


def rules_replies(readings: MacroReadings) -> CouncilReplies:
    """All three seats by rules; the strategist has no opinion when the index is unknown."""
    first = council_rules.strategist(readings)
    if first is None:
        return CouncilReplies(ANALYST, None, None, None)
    second = council_rules.risk_analyst(readings, first)
    return CouncilReplies(ANALYST, first, second, council_rules.chief_judge(readings, first, second))


def merged(replies: CouncilReplies) -> tuple[StrategistReply, RiskReply, JudgeReply]:
    """Fill failed seats by R-CNL-04; raises CouncilError without a strategist."""
    first = replies.strategist
    if first is None:
        raise CouncilError("R-CNL-04: the strategist has no reply; the context in force stays")
    second = replies.risk
    if second is None:
        second = RiskReply(
            agree_with_sentiment=True,
            adjusted_sentiment_score=first.sentiment_score,
            adjustment_reason="위험 분석 응답 없음",
            political_risk_level=PoliticalRisk.LOW,
            position_size_pct=100,
            stop_loss_adjust_pct=100,
        )
    judge = replies.judge
    if judge is None:
        judge = JudgeReply(
            final_sentiment=first.overall_sentiment,
            final_sentiment_score=second.adjusted_sentiment_score,
            final_regime_hint=first.regime_hint,
            final_position_size_pct=second.position_size_pct,
            final_stop_loss_adjust_pct=second.stop_loss_adjust_pct,
            council_consensus="partial_disagree",
            trading_reasoning="최종 판단 응답이 없어 앞선 두 의견을 합쳤습니다",
        )
    return first, second, judge


def macro_insight(
    readings: MacroReadings, replies: CouncilReplies, *, run_id: str, known_at: datetime, expires_at: datetime
) -> MacroInsight:
    """The insight of one run (R-CNL-08). Raises CouncilError when nothing is known or the strategist failed."""
    if readings.completeness_ratio == 0:
        raise CouncilError("R-CNL-04: no macro reading at all; the context in force stays")
    first, second, judge = merged(replies)
    kospi = None if readings.kospi is None or readings.kospi.index_code == PROXY_INDEX else readings.kospi
    return MacroInsight(
        insight_date=readings.market_day,
        run_id=run_id,
        analyst=replies.analyst,
        sentiment=judge.final_sentiment,
        sentiment_score=judge.final_sentiment_score,
        regime_hint=judge.final_regime_hint,
        market_regime=regime_of(judge.final_sentiment_score),
        sector_signals=first.sector_signals,
        key_themes=first.key_themes,
        risk_factors=first.risk_factors,
        opportunity_factors=first.opportunity_factors,
        sectors_to_favor=judge.sectors_to_favor,
        sectors_to_avoid=judge.sectors_to_avoid,
        strategies_to_favor=judge.strategies_to_favor,
        strategies_to_avoid=judge.strategies_to_avoid,
        position_size_pct=round(judge.final_position_size_pct),
        stop_loss_adjust_pct=round(judge.final_stop_loss_adjust_pct),
        political_risk_level=second.political_risk_level,
        council_consensus=judge.council_consensus,
        trading_reasoning=judge.trading_reasoning,
        council_cost_usd=replies.cost_usd,
        vix_value=readings.vix,
        vix_regime=vix_regime_of(readings.vix),
        usd_krw=readings.usd_krw,
        kospi_level=None if kospi is None else kospi.close,
        kospi_change_pct=None if kospi is None else kospi.change_pct,
        kosdaq_level=None if readings.kosdaq is None else readings.kosdaq.close,
        kosdaq_change_pct=None if readings.kosdaq is None else readings.kosdaq.change_pct,
        data_completeness_ratio=readings.completeness_ratio,
        known_at=known_at,
        expires_at=expires_at,
    )
