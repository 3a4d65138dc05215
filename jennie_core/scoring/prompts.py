"""What a model is told when it takes the analyst's or a council seat (R-ANL-03..05, R-CNL-01..07); pure text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.council_replies import JUDGE_STRATEGIES, RiskReply, StrategistReply
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.quant import SUB_SCORES
from jennie_core.scoring.sectors import SECTOR_GROUPS

UNKNOWN = "미상"
MAX_HEADLINES = 15

ANALYST_SYSTEM = (
    "당신은 한국 주식 분석가입니다. 퀀트 점수를 출발점으로 뉴스와 수급 근거만으로 점수를 조정합니다. "
    "확인된 강한 호재 +10~+15, 보통 호재 +3~+10, 중립 0, 악재 -5~-10, "
    "중대한 악재 -10~-15. 뉴스가 없으면 퀀트 점수를 유지합니다. "
    '답은 JSON 하나입니다: {"score": 0~100 정수, "grade": "S|A|B|C|D", "reason": "한국어 20~500자"}. '
    "위험 태그는 정하지 않습니다. 자료에 없는 사실을 만들지 않습니다."
)

COUNCIL_GUIDANCE = (
    "코스피만으로 판단하고 코스닥은 참고합니다. 기관과 개인이 받아낸 외국인 매도는 중립입니다. 지수의 움직임이 "
    "수급 이야기보다, 숫자가 제목보다 우선합니다. 12시간이 지난 뉴스는 가볍게 봅니다. "
    "의견이 갈리면 보수적으로 정합니다. "
    f"업종 이름은 다음만 씁니다: {', '.join(SECTOR_GROUPS)}. 답은 JSON 하나입니다."
)


def analyst_prompt(row: Mapping[str, Any], *, regime: MarketRegime, headlines: Sequence[str] = ()) -> str:
    """Facts of one `quant_scores` row (a dict) for the analyst; unknown readings are named as unknown (R-ANL-03)."""
    subs = ", ".join(f"{name} {_shown(row[f'{name}_score'])}/{_shown(row[f'{name}_max'])}" for name in SUB_SCORES)
    lines = [
        f"종목: {_shown(row['name'])} ({row['code']})",
        f"시장: {_shown(row['market'])}, 업종: {_shown(row['sector_group'])}",
        f"장세: {regime.value}",
        f"퀀트 총점: {_shown(row['total_quant_score'])} (자료 확인 비율 {_shown(row['coverage_ratio'])})",
        f"세부 점수: {subs}",
        f"종가 {_shown(row['close_krw'])}원, 등락 {_shown(row['change_pct'])}%",
        f"PER {_shown(row['per'])}, PBR {_shown(row['pbr'])}, ROE {_shown(row['roe_pct'])}%",
        f"60일 순매수: 외국인 {_shown(row['foreign_net_krw'])}원, 기관 {_shown(row['institution_net_krw'])}원, "
        f"외국인 비중 변화 {_shown(row['foreign_ratio_trend_pp'])}%p",
    ]
    if headlines:
        lines += ["최근 뉴스:", *(f"- {title}" for title in headlines[:5])]
    return "\n".join(lines)


def council_context(readings: MacroReadings, *, headlines: Sequence[str] = ()) -> str:
    """The facts every council seat but the judge's sees."""
    lines = [f"기준일: {readings.market_day}"]
    for name, index in (("코스피", readings.kospi), ("코스닥(참고)", readings.kosdaq)):
        facts = (
            UNKNOWN if index is None else ", ".join(f"{key}={_shown(value)}" for key, value in asdict(index).items())
        )
        lines.append(f"{name}: {facts}")
    breadth = readings.breadth
    lines += [
        f"상승 종목 비율 {_shown(None if breadth is None else breadth.advancing_ratio)}, "
        f"20일선 위 비율 {_shown(None if breadth is None else breadth.above_ma20_ratio)}",
        f"VIX {_shown(readings.vix)}, 원/달러 {_shown(readings.usd_krw)} "
        f"(20일 {_shown(readings.usd_krw_change_20_pct)}%), 미국 지수 {_shown(readings.us_change_pct)}%",
        f"외국인 5일 순매수 {_shown(readings.foreign_net_5d_krw)}원",
        *readings.notes,
        *(f"- {title}" for title in headlines[:MAX_HEADLINES]),
    ]
    return "\n".join(lines)


def strategist_prompt(context: str) -> str:
    """R-CNL-01."""
    return (
        f"{context}\n\n전략가로서 답하세요: "
        "overall_sentiment(bullish|neutral_to_bullish|neutral|neutral_to_bearish|bearish), "
        "sentiment_score 0~100, regime_hint 50자 이하, sector_signals {업종: bullish|neutral|bearish}, "
        "risk_factors 10개 이하, opportunity_factors 5개 이하."
    )


def risk_prompt(context: str, first: StrategistReply) -> str:
    """R-CNL-02."""
    return (
        f"{context}\n\n전략가의 의견: {first.model_dump_json()}\n\n위험 분석가로서 답하세요: risk_assessment "
        "{agree_with_sentiment, adjusted_sentiment_score 0~100, adjustment_reason}, political_risk_level "
        "(low|medium|high|critical), position_size_pct 50~130, stop_loss_adjust_pct 80~150, risk_reasoning."
    )


def judge_prompt(first: StrategistReply, second: RiskReply) -> str:
    """R-CNL-03: the judge sees the two views only."""
    strategies = ", ".join(strategy.value for strategy in JUDGE_STRATEGIES)
    return (
        f"전략가: {first.model_dump_json()}\n위험 분석가: {second.model_dump_json()}\n\n수석 판단자로서 답하세요: "
        "final_sentiment, final_sentiment_score 0~100, final_regime_hint 50자 이하, final_position_size_pct 50~130, "
        "final_stop_loss_adjust_pct 80~150, council_consensus(strong_agree|agree|partial_disagree|disagree), "
        f"strategies_to_favor/avoid ({strategies}), sectors_to_favor/avoid, trading_reasoning."
    )


def _shown(value: object) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
