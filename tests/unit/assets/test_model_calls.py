"""What is asked of a language model, how often, and what is counted (R-ANL-02, R-CNL-01..04, R-LLM-09)."""

from collections.abc import Callable
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel

from jennie_assets.analyst import opinions
from jennie_assets.council import convene
from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_infra.llm.provider import Answer, Prompt

NOW = datetime(2025, 3, 17, 7, 30, tzinfo=KST)
READINGS = MacroReadings(date(2025, 3, 17), None, None, None, 31.5, None, None, None)
FIRST = {"overall_sentiment": "neutral", "sentiment_score": 48, "regime_hint": "횡보"}
SECOND = {
    "agree_with_sentiment": True, "adjusted_sentiment_score": 45, "position_size_pct": 90, "stop_loss_adjust_pct": 110,
}  # fmt: skip
THIRD = {
    "final_sentiment": "neutral", "final_sentiment_score": 44, "final_regime_hint": "횡보",
    "final_position_size_pct": 80, "final_stop_loss_adjust_pct": 120,
}  # fmt: skip


class Script:
    """A model with prepared answers; a raw dict is validated as the real one does, None is a failed call."""

    name = "model-x"

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self.answers = list(answers)
        self.prompts: list[Prompt] = []

    def ask(self, prompt: Prompt, schema: type[BaseModel]) -> Answer[Any]:
        self.prompts.append(prompt)
        raw = self.answers.pop(0)
        value = None if raw is None else schema.model_validate(raw)
        return Answer(value, self.name, "" if value else "no answer", 100, 20)


class Counter:
    """The few commands of Redis that statistics need."""

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], int] = {}
        self.lives: dict[str, int] = {}

    def pipeline(self, *, transaction: bool) -> "Counter":
        return self

    def hincrby(self, key: str, name: str, amount: int) -> None:
        self.figures[key, name] = self.figures.get((key, name), 0) + amount

    def expire(self, key: str, seconds: int) -> None:
        self.lives[key] = seconds

    def execute(self) -> None: ...


def platform(model: Script) -> Any:
    return SimpleNamespace(language_model=model, redis=Counter())


@pytest.fixture
def candidates_frame() -> Callable[..., pl.DataFrame]:
    def build(*totals: float) -> pl.DataFrame:
        rows = [
            {
                "code": f"{index:05}0", "name": "가나", "market": "KOSPI", "sector_group": "금융", "close_krw": 100,
                "change_pct": 1.0, "per": 9.0, "pbr": 1.0, "roe_pct": 9.0, "foreign_net_krw": None,
                "institution_net_krw": None, "foreign_ratio_trend_pp": None, "total_quant_score": total,
                "coverage_ratio": 0.9, "is_valid": True, "chart_phase": 2, "sessions": 250, "ma20": 90.0, "ma60": 80.0,
                "ma60_before": 70.0,
            }
            | {f"{name}_score": 5.0 for name in SUB_SCORES}
            | {f"{name}_max": 10.0 for name in SUB_SCORES}
            for index, total in enumerate(totals, start=1)
        ]  # fmt: skip
        return pl.DataFrame(rows)

    return build


SUB_SCORES = ("momentum", "quality", "value", "technical", "news", "supply_demand", "sector_momentum")


@pytest.mark.rule("R-ANL-01", "R-ANL-02", "R-ANL-07")
def test_one_call_for_each_candidate_and_no_row_for_a_failed_one(candidates_frame: Any) -> None:
    opinion = {"score": 61, "grade": "B", "reason": "스무 글자가 넘는 한국어 설명 문장입니다 정말로"}
    model = Script(opinion, None)
    found = opinions(
        platform(model), candidates_frame(25.0, 24.9, 60.0), regime=MarketRegime.BULL, headlines={}, now=NOW
    )
    assert len(model.prompts) == 2, "24.9 is not asked about"
    assert {(prompt.service, prompt.temperature, prompt.max_tokens) for prompt in model.prompts} == {
        ("scout", 0.3, 2_048)
    }
    assert found.height == 1
    assert found["analyst"].to_list() == ["model-x"]


@pytest.mark.rule("R-CNL-01", "R-CNL-02", "R-CNL-03")
def test_three_seats_are_asked_in_order_and_the_judge_sees_two_views() -> None:
    model = Script(FIRST, SECOND, THIRD)
    replies, raw = convene(platform(model), READINGS, headlines=[], now=NOW)
    assert [(prompt.service, prompt.max_tokens) for prompt in model.prompts] == [("macro_council", 8_192)] * 3
    assert ["VIX" in prompt.user for prompt in model.prompts] == [True, True, False]
    assert replies.judge is not None
    assert raw["judge"]["final_sentiment_score"] == 44


@pytest.mark.rule("R-CNL-04", "R-LLM-11")
def test_without_a_strategist_the_rules_take_all_seats_and_are_named() -> None:
    model = Script(None)
    replies, _ = convene(platform(model), READINGS, headlines=[], now=NOW)
    assert replies.analyst == "rules (instead of model-x)"
    assert len(model.prompts) == 1


@pytest.mark.rule("R-CNL-04")
def test_a_silent_risk_analyst_does_not_end_the_council() -> None:
    replies, _ = convene(platform(Script(FIRST, None, THIRD)), READINGS, headlines=[], now=NOW)
    assert replies.risk is None
    assert replies.judge is not None


@pytest.mark.rule("R-LLM-09")
def test_calls_and_tokens_are_counted_by_day_and_service_for_a_quarter() -> None:
    given = platform(Script(FIRST, None, THIRD))
    convene(given, READINGS, headlines=[], now=NOW)
    key = "llm:stats:2025-03-17:macro_council"
    assert given.redis.figures == {
        (key, "calls"): 3, (key, "failed"): 1, (key, "tokens_in"): 300, (key, "tokens_out"): 60,
    }  # fmt: skip
    assert given.redis.lives == {key: 90 * 86_400}
