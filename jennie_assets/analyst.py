"""Opinions on the candidates: a language model where one is configured, the rules otherwise (R-ANL-01..05)."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import polars as pl

from jennie_assets.platform import Platform
from jennie_core.scoring.analyst import OPINIONS, AnalystReply, candidates
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_infra.llm.provider import RULES, Answer, Prompt
from jennie_infra.llm.stats import count_usage

SERVICE = "scout"
AT_ONCE = 20
SHOWN = (
    "name", "code", "market", "sector_group", "total_quant_score", "coverage_ratio", "momentum_score", "quality_score",
    "value_score", "technical_score", "news_score", "supply_demand_score", "sector_momentum_score", "close_krw",
    "change_pct", "per", "pbr", "roe_pct", "foreign_net_krw", "institution_net_krw", "foreign_ratio_trend_pp",
    "news_sentiment", "headline_count",
)  # fmt: skip

_SYSTEM = (
    "당신은 한국 주식 애널리스트입니다. 퀀트 점수를 출발점으로, 확인된 강한 호재는 +10~+15, 보통 호재는 +3~+10, 중립은 0, 악재는 -5~-10, "
    "치명적 악재는 -10~-15를 더합니다. 뉴스가 없으면 퀀트 점수를 그대로 둡니다. 위험 등급은 정하지 않습니다. "
    'JSON 하나로만 답하십시오: {"score": 0-100 정수, "grade": "S|A|B|C|D", "reason": "20~500자 한국어"}'
)


def opinions(platform: Platform, scored: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """`analyst.OPINIONS` for the candidates of scored rows; one the model failed on has no row and falls back (R-ANL-07)."""
    model = platform.language_model
    if model.name == RULES:
        return rules_opinions(scored)
    rows = candidates(scored).select(column for column in SHOWN if column in scored.columns).to_dicts()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers: list[Answer[AnalystReply]] = list(pool.map(lambda row: model.ask(_prompt(row), AnalystReply), rows))
    count_usage(platform.redis, now.date(), SERVICE, list(answers))
    found = [
        (row["code"], float(answer.value.score), answer.value.grade, answer.value.reason, answer.analyst[:40])
        for row, answer in zip(rows, answers, strict=True)
        if answer.value is not None
    ]
    return pl.DataFrame(found, schema=dict(OPINIONS), orient="row")


def _prompt(row: Mapping[str, Any]) -> Prompt:
    lines = [f"{name}: {'모름' if value is None else value}" for name, value in row.items()]
    return Prompt(service=SERVICE, system=_SYSTEM, user="\n".join(lines))
