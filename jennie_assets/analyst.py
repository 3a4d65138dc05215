"""Opinions on the candidates: a language model where one is configured, the rules otherwise (R-ANL-01..05)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import polars as pl

from jennie_assets.platform import Platform
from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.analyst import OPINIONS, AnalystReply, candidates
from jennie_core.scoring.prompts import ANALYST_SYSTEM, analyst_prompt
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_infra.llm.provider import RULES, Answer, Prompt
from jennie_infra.llm.stats import count_usage

SERVICE = "scout"
AT_ONCE = 20


def opinions(
    platform: Platform,
    scored: pl.DataFrame,
    *,
    regime: MarketRegime,
    headlines: Mapping[str, Sequence[str]],
    now: datetime,
) -> pl.DataFrame:
    """`analyst.OPINIONS` for the candidates of scored rows, with recent `headlines` by code.

    A candidate on which the model failed has no row, so it falls back to its quant score (R-ANL-07).
    """
    model = platform.language_model
    if model.name == RULES:
        return rules_opinions(scored)
    rows = candidates(scored).to_dicts()
    prompts = [
        Prompt(
            service=SERVICE,
            system=ANALYST_SYSTEM,
            user=analyst_prompt(row, regime=regime, headlines=headlines.get(row["code"], ())),
        )
        for row in rows
    ]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers: list[Answer[AnalystReply]] = list(pool.map(lambda prompt: model.ask(prompt, AnalystReply), prompts))
    count_usage(platform.redis, now.date(), SERVICE, answers)
    found = [
        (row["code"], float(answer.value.score), answer.value.grade, answer.value.reason, answer.analyst[:40])
        for row, answer in zip(rows, answers, strict=True)
        if answer.value is not None
    ]
    return pl.DataFrame(found, schema=dict(OPINIONS), orient="row")
