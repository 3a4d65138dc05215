"""The council's three seats: a language model where one is configured, the rules otherwise (R-CNL-01..04)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jennie_assets.platform import Platform
from jennie_core.scoring.council import CouncilReplies, merged, rules_replies
from jennie_core.scoring.council_replies import JudgeReply, RiskReply, StrategistReply
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.prompts import (
    COUNCIL_GUIDANCE,
    council_context,
    judge_prompt,
    risk_prompt,
    strategist_prompt,
)
from jennie_infra.llm.provider import RULES, Answer, Prompt, named_fallback
from jennie_infra.llm.stats import count_usage

SERVICE = "macro_council"
MAX_TOKENS = 8_192


def convene(
    platform: Platform, readings: MacroReadings, *, headlines: Sequence[str], now: datetime
) -> tuple[CouncilReplies, Mapping[str, Any]]:
    """Replies of one session and what is kept of them; a silent strategist hands all seats to the rules, by name."""
    model = platform.language_model
    if model.name == RULES:
        replies = rules_replies(readings)
        return replies, _raw(replies, ())
    context = council_context(readings, headlines=headlines)
    first = model.ask(_prompt(strategist_prompt(context)), StrategistReply)
    if first.value is None:
        count_usage(platform.redis, now.date(), SERVICE, [first])
        spare = rules_replies(readings)
        named = CouncilReplies(named_fallback(model.name), spare.strategist, spare.risk, spare.judge)
        return named, _raw(named, [first])
    second = model.ask(_prompt(risk_prompt(context, first.value)), RiskReply)
    _, risk, _ = merged(CouncilReplies(model.name, first.value, second.value, None))
    third = model.ask(_prompt(judge_prompt(first.value, risk)), JudgeReply)
    answers: list[Answer[Any]] = [first, second, third]
    count_usage(platform.redis, now.date(), SERVICE, answers)
    replies = CouncilReplies(model.name, first.value, second.value, third.value)
    return replies, _raw(replies, answers)


def _prompt(user: str) -> Prompt:
    return Prompt(service=SERVICE, system=COUNCIL_GUIDANCE, user=user, max_tokens=MAX_TOKENS)


def _raw(replies: CouncilReplies, answers: Sequence[Answer[Any]]) -> Mapping[str, Any]:
    seats = {"strategist": replies.strategist, "risk": replies.risk, "judge": replies.judge}
    return {
        "analyst": replies.analyst,
        "problems": [answer.problem for answer in answers if answer.problem],
        **{name: None if seat is None else seat.model_dump(mode="json") for name, seat in seats.items()},
    }
