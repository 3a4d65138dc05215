"""Clamp, tags, tiers, veto and fallback (R-ANL), chart phase (R-PHASE-02), the analyst by rules."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.analyst import OPINIONS, AnalystReply, candidates, fallback_ratio, hybrid_scores
from jennie_core.scoring.phase import with_phase
from jennie_core.scoring.quant import quant_scores
from jennie_core.scoring.risk_tags import with_risk_tag
from jennie_core.scoring.rules_analyst import rules_opinions

SETTINGS = ScoutSettings()
SCORED_COLUMNS = {
    "momentum_score": 10.0, "quality_score": 10.0, "supply_demand_score": 10.0, "total_quant_score": 50.0,
    "coverage_ratio": 0.9, "is_valid": True,
}  # fmt: skip


@pytest.fixture
def scored(readings: Any) -> Any:
    def build(**values: Any) -> pl.DataFrame:
        extra = {name: values.pop(name) for name in SCORED_COLUMNS if name in values}
        return readings(values).with_columns(
            **{name: pl.lit(value) for name, value in (SCORED_COLUMNS | extra).items()}
        )

    return build


REASON = "스무 글자가 넘는 한국어 설명 문장입니다 정말로"


def opinion(score: float, code: str = "000010") -> pl.DataFrame:
    return pl.DataFrame([(code, score, "B", REASON, "model-x")], schema=OPINIONS, orient="row")


def judge(frame: pl.DataFrame, opinions: pl.DataFrame) -> dict[str, Any]:
    return hybrid_scores(frame, opinions, settings=SETTINGS).row(0, named=True)


@pytest.mark.rule("R-ANL-06")
@settings(max_examples=60, deadline=None)
@given(quant=st.floats(25, 100), raw=st.integers(0, 100))
def test_the_hybrid_score_never_leaves_the_clamp(quant: float, raw: int) -> None:
    quant = round(quant, 1)
    frame = pl.DataFrame({"code": ["000010"]}).with_columns(
        **{name: pl.lit(value) for name, value in (SCORED_COLUMNS | {"total_quant_score": quant}).items()},
        chart_phase=pl.lit(2, dtype=pl.Int8), sessions=pl.lit(250), close_krw=pl.lit(100), high_52w_krw=pl.lit(200.0),
        max_close_krw=pl.lit(200.0), rsi14_simple=pl.lit(50.0), foreign_net_krw=pl.lit(None, dtype=pl.Float64),
        institution_net_krw=pl.lit(None, dtype=pl.Float64), ma20=pl.lit(90.0), ma60=pl.lit(80.0),
        ma60_before=pl.lit(70.0),
    )  # fmt: skip
    row = judge(frame, opinion(raw))
    assert max(0, quant - 15) - 0.06 <= row["hybrid_score"] <= min(100, quant + 15) + 0.06
    assert row["llm_score"] == raw


@pytest.mark.rule("R-ANL-06", "R-ANL-15")
@pytest.mark.parametrize(
    ("raw", "hybrid", "tier"),
    [(99, 65.0, "TIER1"), (60, 60.0, "TIER1"), (59, 59.0, "TIER2"), (40, 40.0, "TIER2"), (1, 35.0, "BLOCKED")],
)
def test_tiers_follow_the_clamped_score(scored: Any, raw: int, hybrid: float, tier: str) -> None:
    row = judge(scored(), opinion(raw))
    assert (row["hybrid_score"], row["trade_tier"], row["is_tradable"]) == (hybrid, tier, tier != "BLOCKED")


@pytest.mark.rule("R-ANL-01")
def test_a_weak_quant_score_is_not_analysed(scored: Any) -> None:
    row = judge(scored(total_quant_score=24.9), opinion(90))
    assert row["hybrid_score"] is None
    assert row["blocked_by"].startswith("R-ANL-01")
    assert row["trade_tier"] == "BLOCKED"


def test_low_coverage_is_shown_but_not_tradable(scored: Any) -> None:
    """Q1: the hybrid score is there, the tier too, the trade is not."""
    row = judge(scored(coverage_ratio=0.5499), opinion(65))
    assert (row["hybrid_score"], row["trade_tier"], row["is_tradable"]) == (65.0, "TIER1", False)
    assert row["blocked_by"] == "Q1: coverage under 0.55"


@pytest.mark.rule("R-ANL-07", "R-ANL-08")
def test_a_missing_opinion_falls_back_and_is_counted(scored: Any) -> None:
    frame = scored(total_quant_score=66.7)
    judged = hybrid_scores(frame, pl.DataFrame(schema=OPINIONS), settings=SETTINGS)
    row = judged.row(0, named=True)
    assert (row["llm_score"], row["llm_grade"], row["is_fallback"], row["analyst"]) == (66.0, "A", True, "fallback")
    assert fallback_ratio(judged) == 1.0
    assert fallback_ratio(hybrid_scores(frame, opinion(60), settings=SETTINGS)) == 0.0


DISTRIBUTION = {
    "high_52w_krw": 20_100.0, "rsi14_simple": 75.0, "foreign_net_krw": -4e9, "institution_net_krw": -4e9,
}  # fmt: skip


@pytest.mark.rule("R-ANL-10", "R-ANL-11", "R-ANL-12", "R-ANL-13")
@pytest.mark.parametrize(
    ("values", "tag"),
    [
        (DISTRIBUTION, "DISTRIBUTION_RISK"),
        (DISTRIBUTION | {"high_52w_krw": None, "max_close_krw": 20_200.0}, "DISTRIBUTION_RISK"),
        (DISTRIBUTION | {"institution_net_krw": -1e9}, "CAUTION"),
        (DISTRIBUTION | {"foreign_net_krw": None, "rsi14_simple": 81.0}, "CAUTION"),
        (DISTRIBUTION | {"foreign_net_krw": None}, "NEUTRAL"),
        ({"momentum_score": 12.0, "supply_demand_score": 12.0, "quality_score": 10.0}, "BULLISH"),
        ({"momentum_score": 12.0, "supply_demand_score": 11.9, "quality_score": 10.0}, "NEUTRAL"),
        ({"momentum_score": 11.9, "supply_demand_score": 12.0, "quality_score": 10.0}, "NEUTRAL"),
        ({"momentum_score": 12.0, "supply_demand_score": 12.0, "quality_score": 9.9}, "NEUTRAL"),
        (DISTRIBUTION | {"high_52w_krw": 20_619.0}, "CAUTION"),
        (DISTRIBUTION | {"high_52w_krw": 20_618.0}, "DISTRIBUTION_RISK"),
        (DISTRIBUTION | {"rsi14_simple": 70.0}, "CAUTION"),
        (DISTRIBUTION | {"rsi14_simple": 70.01}, "DISTRIBUTION_RISK"),
        (DISTRIBUTION | {"sessions": 19}, "CAUTION"),
        (DISTRIBUTION | {"sessions": 20}, "DISTRIBUTION_RISK"),
        (DISTRIBUTION | {"institution_net_krw": -3e9}, "CAUTION"),
        (DISTRIBUTION | {"foreign_net_krw": -3e9}, "NEUTRAL"),
        ({"foreign_net_krw": -3e9 - 1}, "CAUTION"),
        ({"rsi14_simple": 80.0}, "NEUTRAL"),
        ({"rsi14_simple": 80.01}, "CAUTION"),
        ({}, "NEUTRAL"),
    ],
)
def test_risk_tags(scored: Any, values: dict[str, Any], tag: str) -> None:
    """A condition on an unknown reading does not hold."""
    assert with_risk_tag(scored(**values))["risk_tag"][0] == tag


@pytest.mark.rule("R-ANL-14", "R-ENUM-13", "R-ENUM-14")
def test_distribution_risk_is_vetoed_whatever_the_score(scored: Any) -> None:
    row = judge(scored(**DISTRIBUTION, total_quant_score=95.0), opinion(99))
    assert (row["veto_applied"], row["trade_tier"], row["is_tradable"]) == (True, "BLOCKED", False)


@pytest.mark.rule("R-PHASE-02")
@pytest.mark.parametrize(
    ("close", "ma20", "ma60", "before", "phase"),
    [
        (120, 110.0, 100.0, 90.0, 2),
        (80, 90.0, 100.0, 110.0, 4),
        (105, 90.0, 100.0, 110.0, 3),
        (95, 99.0, 100.0, 90.0, 1),
    ],
)
def test_chart_phases(readings: Any, close: int, ma20: float, ma60: float, before: float, phase: int) -> None:
    row = {"close_krw": close, "ma20": ma20, "ma60": ma60, "ma60_before": before}
    assert with_phase(readings(row))["chart_phase"][0] == phase
    assert with_phase(readings(row | {"sessions": 79}))["chart_phase"][0] is None


@pytest.mark.rule("R-PHASE-02")
def test_stage_four_is_not_handed_to_the_analyst_but_an_unknown_stage_is(scored: Any) -> None:
    """Unknown is kept."""
    falling = {"close_krw": 80, "ma20": 90.0, "ma60": 100.0, "ma60_before": 110.0}
    assert candidates(scored(**falling)).height == 0
    assert candidates(scored(**falling, sessions=70)).height == 1
    assert judge(scored(**falling), opinion(60))["blocked_by"] == "R-PHASE-02: stage 4"


@pytest.mark.rule("R-ANL-05")
def test_the_rules_keep_the_quant_score_without_evidence(scored: Any) -> None:
    """No news, keep; the reason is Korean and says what was known."""
    row = rules_opinions(scored()).row(0, named=True)
    assert (row["score"], row["analyst"], row["grade"]) == (50.0, "rules", "B")
    assert len(row["reason"]) >= 20
    assert "뉴스 근거 없음" in row["reason"]


def test_the_rules_move_with_news_and_flows_inside_their_reach(scored: Any) -> None:
    good = scored(news_sentiment=90.0, headline_count=9, foreign_net_krw=9e12, institution_net_krw=None)
    bad = scored(news_sentiment=10.0, headline_count=9, foreign_net_krw=-9e12, institution_net_krw=-1e9)
    few = scored(news_sentiment=80.0, headline_count=1)
    assert rules_opinions(good)["score"][0] == 65.0
    assert rules_opinions(bad)["score"][0] == 35.0
    assert rules_opinions(few)["score"][0] == 52.0


@pytest.mark.rule("R-QNT-80")
def test_the_same_rows_give_the_same_opinion(readings: Any) -> None:
    """The analyst by rules."""
    rows = readings({"rsi14": 50.0, "return_20_pct": 5.0, "ma5": 1.0, "ma20": 1.0, "roe_pct": 11.0})
    frame = quant_scores(rows, regime=None)
    assert rules_opinions(frame).equals(rules_opinions(frame))


@pytest.mark.rule("R-ANL-04", "R-ANL-09", "R-ENUM-16")
@pytest.mark.parametrize(
    "reply",
    [{"score": 101, "grade": "S", "reason": "가" * 30}, {"score": 50, "grade": "E", "reason": "가" * 30},
     {"score": 50, "grade": "B", "reason": "짧음"}, {"score": 50, "grade": "B", "reason": "가" * 501}, {"grade": "B"}],
)  # fmt: skip
def test_a_models_reply_is_validated_in_code(reply: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalystReply.model_validate(reply)
