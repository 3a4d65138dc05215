"""The default provider says that it is the rules; a model that fails is named beside what stood in for it."""

from pathlib import Path

import pytest

from jennie_core.scoring.analyst import AnalystReply
from jennie_infra.llm.choose import choose_model
from jennie_infra.llm.openai_compatible import OpenAiCompatibleModel
from jennie_infra.llm.provider import Prompt, RulesModel, named_fallback
from jennie_infra.settings import load_settings


@pytest.mark.rule("R-LLM-01", "R-LLM-11")
def test_without_a_server_the_rules_answer() -> None:
    model = choose_model(load_settings({}, Path("absent.env")))
    assert isinstance(model, RulesModel)
    answer = model.ask(Prompt(service="scout", system="", user=""), AnalystReply)
    assert answer.value is None
    assert answer.analyst == "rules"
    assert "rules decide" in answer.problem


@pytest.mark.rule("R-LLM-01", "R-LLM-02")
def test_a_server_is_used_when_it_is_set() -> None:
    settings = load_settings({"JENNIE_LLM_BASE_URL": "http://127.0.0.1:9/v1"}, Path("absent.env"))
    assert isinstance(choose_model(settings), OpenAiCompatibleModel)


@pytest.mark.rule("R-LLM-05", "R-LLM-10")
def test_an_unreachable_server_is_a_named_failure_not_an_exception() -> None:
    model = OpenAiCompatibleModel("http://127.0.0.1:9/v1", "exaone", None, deadline_seconds=0.5)
    answer = model.ask(Prompt(service="scout", system="s", user="u"), AnalystReply)
    assert answer.value is None
    assert answer.analyst == "exaone"
    assert answer.problem


def test_a_fallback_keeps_the_name_of_the_model_it_replaced() -> None:
    assert named_fallback("exaone") == "rules (instead of exaone)"
    assert len(named_fallback("x" * 100)) <= 40
