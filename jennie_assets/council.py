"""The council's three seats: a language model where one is configured, the rules otherwise (R-CNL-01..04)."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from jennie_assets.platform import Platform
from jennie_core.scoring.council import CouncilReplies, rules_replies
from jennie_core.scoring.council_replies import JUDGE_STRATEGIES, JudgeReply, RiskReply, StrategistReply
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.sectors import SECTOR_GROUPS
from jennie_infra.llm.provider import RULES, Answer, Prompt, named_fallback
from jennie_infra.llm.stats import count_usage

SERVICE = "macro_council"
MAX_TOKENS = 8_192

_GROUND = (
    "당신은 한국 주식시장을 보는 위원입니다. 판단 기준은 코스피이고 코스닥은 참고입니다. 지수의 움직임이 수급 이야기보다, "
    "숫자가 뉴스 제목보다 앞섭니다. 외국인 매도를 기관과 개인이 받아내면 중립으로 봅니다. 의견이 갈리면 보수적으로 판단합니다. "
    "주어진 값만 쓰고, 없는 값은 모른다고 하십시오. JSON 하나로만 답하십시오. "
)
_STRATEGIST = (
    _GROUND
    + "필드: overall_sentiment(bullish|neutral_to_bullish|neutral|neutral_to_bearish|bearish), sentiment_score(0-100), "
    "regime_hint(50자), sector_signals{부문: bullish|neutral|bearish}, risk_factors[], opportunity_factors[], key_themes[]. "
    f"부문: {', '.join(SECTOR_GROUPS)}"
)
_RISK = (
    _GROUND + "전략가의 의견을 위험의 눈으로 검토하십시오. 필드: risk_assessment{agree_with_sentiment, "
    "adjusted_sentiment_score(0-100), adjustment_reason}, political_risk_level(low|medium|high|critical), "
    "position_size_pct(50-130), stop_loss_adjust_pct(80-150), risk_reasoning"
)
_JUDGE = (
    _GROUND + "두 의견을 종합하십시오. 필드: final_sentiment, final_sentiment_score, final_regime_hint, "
    "final_position_size_pct(50-130), final_stop_loss_adjust_pct(80-150), council_consensus(strong_agree|agree|"
    "partial_disagree|disagree), strategies_to_favor[], strategies_to_avoid[], sectors_to_favor[], sectors_to_avoid[], "
    f"trading_reasoning. 전략: {', '.join(item.value for item in JUDGE_STRATEGIES)}"
)


def convene(platform: Platform, readings: MacroReadings, *, now: datetime) -> tuple[CouncilReplies, Mapping[str, Any]]:
    """Replies of one session and what is kept of them; a silent strategist hands all seats to the rules, by name."""
    model = platform.language_model
    if model.name == RULES:
        replies = rules_replies(readings)
        return replies, _raw(replies, ())
    context = orjson.dumps(asdict(readings), option=orjson.OPT_NON_STR_KEYS).decode()
    answers: list[Answer[Any]] = []

    first = model.ask(_prompt(_STRATEGIST, context), StrategistReply)
    answers.append(first)
    if first.value is None:
        count_usage(platform.redis, now.date(), SERVICE, answers)
        spare = rules_replies(readings)
        named = CouncilReplies(named_fallback(model.name), spare.strategist, spare.risk, spare.judge)
        return named, _raw(named, answers)
    second = model.ask(_prompt(_RISK, context, first.value.model_dump_json()), RiskReply)
    answers.append(second)
    opinions = [first.value.model_dump_json(), *([second.value.model_dump_json()] if second.value else [])]
    third = model.ask(_prompt(_JUDGE, *opinions), JudgeReply)
    answers.append(third)
    count_usage(platform.redis, now.date(), SERVICE, answers)
    replies = CouncilReplies(model.name, first.value, second.value, third.value)
    return replies, _raw(replies, answers)


def _prompt(system: str, *parts: str) -> Prompt:
    return Prompt(service=SERVICE, system=system, user="\n".join(parts), max_tokens=MAX_TOKENS)


def _raw(replies: CouncilReplies, answers: tuple[Answer[Any], ...] | list[Answer[Any]]) -> Mapping[str, Any]:
    seats = {"strategist": replies.strategist, "risk": replies.risk, "judge": replies.judge}
    return {
        "analyst": replies.analyst,
        "problems": [answer.problem for answer in answers if answer.problem],
        **{name: None if seat is None else seat.model_dump(mode="json") for name, seat in seats.items()},
    }
