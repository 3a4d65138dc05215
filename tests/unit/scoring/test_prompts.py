"""A model is told what is known, and told that the rest is unknown."""

from datetime import date
from typing import Any

import pytest

from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.council_replies import RiskReply, StrategistReply
from jennie_core.scoring.macro_readings import MacroReadings
from jennie_core.scoring.prompts import (
    ANALYST_SYSTEM,
    COUNCIL_GUIDANCE,
    analyst_prompt,
    council_context,
    judge_prompt,
    risk_prompt,
    strategist_prompt,
)
from jennie_core.scoring.quant import quant_scores


@pytest.mark.rule("R-ANL-03")
def test_the_analyst_sees_all_seven_sub_scores_and_the_unknown_ones_as_unknown(readings: Any) -> None:
    """Sector momentum included."""
    row = quant_scores(readings({"roe_pct": 12.5, "sector_return_20_pct": 5.0}), regime=None).row(0, named=True)
    text = analyst_prompt(row, regime=MarketRegime.BEAR, headlines=[f"제목{i}" for i in range(9)])
    assert "sector_momentum 5/10" in text
    assert "news 미상/0" in text
    assert "ROE 12.5%" in text
    assert "PER 미상" in text
    assert text.count("제목") == 5


@pytest.mark.rule("R-CNL-07")
@pytest.mark.parametrize("word", ["코스피만으로", "외국인 매도는 중립", "지수의 움직임", "12시간", "보수적"])
def test_the_council_is_told_how_to_weigh(word: str) -> None:
    assert word in COUNCIL_GUIDANCE


@pytest.mark.rule("R-ANL-04", "R-ANL-05")
def test_the_analyst_is_told_the_steps_and_not_to_tag() -> None:
    for word in ("+10~+15", "+3~+10", "-5~-10", "-10~-15", "위험 태그는 정하지 않습니다"):
        assert word in ANALYST_SYSTEM


@pytest.mark.rule("R-CNL-01", "R-CNL-02")
def test_each_seat_is_asked_for_what_its_reply_needs() -> None:
    first = StrategistReply(overall_sentiment="neutral", sentiment_score=48, regime_hint="횡보")
    for name in ("overall_sentiment", "sentiment_score", "regime_hint", "sector_signals", "risk_factors"):
        assert name in strategist_prompt("")
    for name in ("adjusted_sentiment_score", "political_risk_level", "position_size_pct", "stop_loss_adjust_pct"):
        assert name in risk_prompt("", first)


@pytest.mark.rule("R-CNL-03")
def test_the_judge_sees_the_two_views_only() -> None:
    first = StrategistReply(overall_sentiment="neutral", sentiment_score=48, regime_hint="횡보")
    second = RiskReply(
        agree_with_sentiment=True, adjusted_sentiment_score=45, position_size_pct=90, stop_loss_adjust_pct=100
    )
    readings = MacroReadings(date(2025, 3, 17), None, None, None, 31.5, None, None, None)
    context = council_context(readings)
    assert "코스피: 미상" in context
    assert "VIX 31.5" in context
    assert "VIX" in strategist_prompt(context)
    assert "VIX" in risk_prompt(context, first)
    assert "VIX" not in judge_prompt(first, second)
    assert '"sentiment_score":48' in judge_prompt(first, second)
