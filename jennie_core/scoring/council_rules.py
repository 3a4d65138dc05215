"""The three seats of the council taken by rules: index price first, conservative on dissent (R-CNL-07)."""

from collections.abc import Mapping

from jennie_core.domain.enums import Sentiment, VixRegime
from jennie_core.scoring.council_replies import Consensus, JudgeReply, RiskReply, StrategistReply
from jennie_core.scoring.index_technicals import IndexTechnicals
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.regime import regime_of, vix_regime_of

_NEUTRAL = 50.0
_SECTOR_SIGNAL_PCT = 5.0
_FAVOURED_SECTORS = 2


def _linear(value: float, low: float, high: float, reach: float) -> float:
    """Map [low, high] to [-reach, +reach], clamped."""
    share = (max(low, min(high, value)) - low) / (high - low)
    return (2 * share - 1) * reach


def sentiment_of(score: float) -> Sentiment:
    """Five words on the bounds of the regimes (R-REG)."""
    for bound, word in ((70, Sentiment.BULLISH), (60, Sentiment.NEUTRAL_TO_BULLISH), (40, Sentiment.NEUTRAL)):
        if round(score) >= bound:
            return word
    return Sentiment.NEUTRAL_TO_BEARISH if round(score) >= 25 else Sentiment.BEARISH


def strategist(readings: MacroReadings) -> StrategistReply | None:
    """Score around 50 from index trend, momentum, breadth and the US close; None when the index is unknown."""
    if readings.kospi is None:
        return None
    score = max(0.0, min(100.0, _NEUTRAL + _index_points(readings.kospi)))
    if readings.breadth is not None:
        score += _linear(readings.breadth.above_ma20_ratio, 0.2, 0.8, 8)
    if readings.us_change_pct is not None:
        score += _linear(readings.us_change_pct, -3, 3, 6)
    score = round(max(0.0, min(100.0, score)), 1)
    signals = {
        sector: "bullish" if value >= _SECTOR_SIGNAL_PCT else "bearish" if value <= -_SECTOR_SIGNAL_PCT else "neutral"
        for sector, value in readings.sector_return_20_pct.items()
    }
    return StrategistReply(
        overall_sentiment=sentiment_of(score),
        sentiment_score=score,
        regime_hint=f"{regime_of(score).value}: 지수 {_trend_word(readings.kospi)}",
        sector_signals=signals,
        risk_factors=tuple(_risks(readings)),
        opportunity_factors=tuple(_opportunities(readings)),
    )


def _index_points(index: IndexTechnicals) -> float:
    points = {"up": 12.0, "down": -12.0, "mixed": 0.0, None: 0.0}[index.alignment]
    if index.gap_to_sma20_pct is not None:
        points += _linear(index.gap_to_sma20_pct, -5, 5, 8)
    if index.rsi14 is not None:
        points += _linear(index.rsi14, 30, 70, 6)
    if index.macd_histogram is not None:
        points += 4.0 if index.macd_histogram > 0 else -4.0
    if index.change_pct is not None:
        points += _linear(index.change_pct, -3, 3, 8)
    return points


def _trend_word(index: IndexTechnicals) -> str:
    return {"up": "정배열", "down": "역배열", "mixed": "혼조", None: "추세 미상"}[index.alignment]


def _risks(readings: MacroReadings) -> list[str]:
    found = []
    if readings.vix is not None and readings.vix >= 25:
        found.append(f"VIX {readings.vix:.1f}")
    if readings.usd_krw_change_20_pct is not None and readings.usd_krw_change_20_pct >= 2:
        found.append(f"원/달러 20일 {readings.usd_krw_change_20_pct:+.1f}%")
    if readings.kospi is not None and readings.kospi.change_pct is not None and readings.kospi.change_pct <= -2:
        found.append(f"지수 전일 {readings.kospi.change_pct:+.2f}%")
    if readings.breadth is not None and readings.breadth.above_ma20_ratio < 0.3:
        found.append(f"20일선 위 종목 {readings.breadth.above_ma20_ratio:.0%}")
    if readings.foreign_net_5d_krw is not None and readings.foreign_net_5d_krw < -1e12:
        found.append(f"외국인 5일 {readings.foreign_net_5d_krw / 1e8:+,.0f}억원")
    return [*found, *readings.notes]


def _opportunities(readings: MacroReadings) -> list[str]:
    found = []
    if readings.kospi is not None and readings.kospi.cross == "golden":
        found.append("지수 5일선이 20일선을 상향 돌파")
    if readings.breadth is not None and readings.breadth.above_ma20_ratio > 0.6:
        found.append(f"20일선 위 종목 {readings.breadth.above_ma20_ratio:.0%}")
    if readings.foreign_net_5d_krw is not None and readings.foreign_net_5d_krw > 1e12:
        found.append(f"외국인 5일 {readings.foreign_net_5d_krw / 1e8:+,.0f}억원")
    return found


_SIZE_BY_VIX: Mapping[VixRegime | None, float] = {
    VixRegime.LOW_VOL: 105, VixRegime.NORMAL: 100, VixRegime.ELEVATED: 75, VixRegime.CRISIS: 55, None: 85,
}  # fmt: skip
_STOP_BY_VIX: Mapping[VixRegime | None, float] = {
    VixRegime.LOW_VOL: 100, VixRegime.NORMAL: 100, VixRegime.ELEVATED: 120, VixRegime.CRISIS: 140, None: 110,
}  # fmt: skip


def risk_analyst(readings: MacroReadings, first: StrategistReply) -> RiskReply:
    """Lower the score for fear, a falling won and a falling index; size and stop by VIX (unknown VIX: cautious)."""
    vix = vix_regime_of(readings.vix)
    penalty = {VixRegime.ELEVATED: 8.0, VixRegime.CRISIS: 18.0, None: 3.0}.get(vix, 0.0)
    if readings.usd_krw_change_20_pct is not None and readings.usd_krw_change_20_pct >= 3:
        penalty += 5.0
    if readings.kospi is not None and readings.kospi.change_pct is not None and readings.kospi.change_pct <= -3:
        penalty += 8.0
    score = max(0.0, first.sentiment_score - penalty)
    size = _SIZE_BY_VIX[vix] + (10 if score >= 60 else -15 if score < 40 else 0)
    shown = "미상" if readings.vix is None else f"{readings.vix:.1f}"
    return RiskReply(
        agree_with_sentiment=penalty <= 5,
        adjusted_sentiment_score=score,
        adjustment_reason=f"VIX {shown}, 감점 {penalty:.0f}점",
        position_size_pct=size,
        stop_loss_adjust_pct=_STOP_BY_VIX[vix],
        risk_reasoning="정치 위험은 규칙으로 판단하지 않습니다",
    )


def _consensus(difference: float) -> Consensus:
    if difference <= 3:
        return "strong_agree"
    if difference <= 8:
        return "agree"
    return "partial_disagree" if difference <= 15 else "disagree"


def chief_judge(readings: MacroReadings, first: StrategistReply, second: RiskReply) -> JudgeReply:
    """Weigh both views; the larger the dissent, the nearer to the risk analyst (disagreement means conservative)."""
    difference = abs(first.sentiment_score - second.adjusted_sentiment_score)
    consensus = _consensus(difference)
    weight = {"strong_agree": 0.5, "agree": 0.6, "partial_disagree": 0.8, "disagree": 1.0}[consensus]
    score = round(first.sentiment_score * (1 - weight) + second.adjusted_sentiment_score * weight, 1)
    ordered = sorted(readings.sector_return_20_pct.items(), key=lambda item: (-item[1], item[0]))
    favor = tuple(name for name, value in ordered[:_FAVOURED_SECTORS] if value >= _SECTOR_SIGNAL_PCT)
    avoid = tuple(name for name, value in ordered[-_FAVOURED_SECTORS:] if value <= -_SECTOR_SIGNAL_PCT)
    return JudgeReply(
        final_sentiment=sentiment_of(score),
        final_sentiment_score=score,
        final_regime_hint=f"{regime_of(score).value}: {first.regime_hint.split(': ')[-1]}",
        final_position_size_pct=second.position_size_pct,
        final_stop_loss_adjust_pct=second.stop_loss_adjust_pct,
        council_consensus=consensus,
        sectors_to_favor=favor,
        sectors_to_avoid=avoid,
        trading_reasoning=(
            f"규칙 기반 판단: 추세 {first.sentiment_score:.1f}점, 위험 조정 {second.adjusted_sentiment_score:.1f}점 "
            f"({second.adjustment_reason}), 최종 {score:.1f}점"
        ),
    )
