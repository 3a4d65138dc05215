"""Totals by Q1: what is unknown lowers coverage and never poses as neutral."""

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from jennie_core.scoring.quant import SCORER_VERSION, quant_scores

KNOWN = {
    "rsi14": 55.0, "return_20_pct": 15.0, "return_60_pct": 20.0, "return_120_pct": 30.0, "roe_pct": 20.0, "pbr": 0.5,
    "per": 7.0, "drawdown_from_high_pct": -1.0, "ma5": 19_000.0, "ma20": 18_000.0, "volume_ratio_5_20": 3.0,
    "news_sentiment": 80.0, "sector_return_20_pct": 15.0, "foreign_net_krw": 9e9, "institution_net_krw": 9e9,
    "foreign_ratio_trend_pp": 2.0, "eps_revision_pct": 12.0,
}  # fmt: skip


def row(frame: pl.DataFrame) -> dict[str, Any]:
    return quant_scores(frame, regime=None).row(0, named=True)


@pytest.mark.rule("R-QNT-02")
def test_everything_known_has_full_coverage_and_momentum_is_capped(readings: Any) -> None:
    """Momentum's parts add up to 22 and count 20."""
    scored = row(readings(KNOWN))
    assert scored["coverage_ratio"] == 1.0
    assert scored["unknown_parts"] == []
    assert (scored["momentum_score"], scored["momentum_max"]) == (20, 20)
    assert scored["total_quant_score"] == 100.0


def test_total_is_points_over_the_maximum_of_the_known_parts(readings: Any) -> None:
    """Q1: 100 x points / known maximum; coverage = known maximum / 110."""
    scored = row(readings({"ma5": 19_000.0, "ma20": 18_000.0, "volume_ratio_5_20": 1.3}))
    assert scored["technical_score"] == 8
    assert scored["technical_max"] == 10
    assert scored["total_quant_score"] == 80.0
    assert scored["coverage_ratio"] == pytest.approx(10 / 110, abs=1e-4)
    assert scored["quality_score"] is None
    assert "R-QNT-20" in scored["unknown_parts"]


@pytest.mark.rule("R-QNT-01")
def test_nothing_known_is_no_score_rather_than_a_neutral_one(readings: Any) -> None:
    """Q1: no neutral vector stands in for what is unknown."""
    scored = row(readings({}))
    assert scored["total_quant_score"] is None
    assert scored["coverage_ratio"] == 0


def test_an_unknown_part_does_not_change_the_share_of_the_known_ones(readings: Any) -> None:
    """A half known sub-score keeps its own maximum."""
    scored = row(readings({"roe_pct": 20.0}))
    assert (scored["quality_score"], scored["quality_max"], scored["total_quant_score"]) == (10, 10, 100)


@pytest.mark.rule("R-QNT-01")
def test_under_twenty_closes_the_row_is_invalid_with_its_reason(readings: Any) -> None:
    scored = row(readings(KNOWN | {"sessions": 19}))
    assert not scored["is_valid"]
    assert scored["invalid_reason"] == "R-QNT-01: 19 daily prices, 20 needed"


@pytest.mark.rule("R-QNT-80")
def test_scores_do_not_depend_on_row_order(readings: Any) -> None:
    """Same inputs, same scores."""
    frame = readings(*({**KNOWN, "code": f"{i:05}0", "rsi14": 20.0 + i} for i in range(50)))
    forward = quant_scores(frame, regime=None)
    backward = quant_scores(frame.reverse(), regime=None).sort("code")
    assert_frame_equal(forward, backward)
    assert forward["scorer_version"].unique().to_list() == [SCORER_VERSION]


@pytest.mark.rule("R-ENUM-15")
def test_total_stays_within_bounds_and_within_its_sub_scores(readings: Any) -> None:
    """In the form of Q1."""
    scored = quant_scores(readings(KNOWN, {"roe_pct": -3.0, "code": "000020"}), regime=None)
    subs = ("momentum", "quality", "value", "technical", "news", "supply_demand", "sector_momentum")
    points = pl.sum_horizontal(f"{name}_score" for name in subs)
    known = pl.sum_horizontal(f"{name}_max" for name in subs)
    difference = scored.select(((100 * points / known).clip(0, 100) - pl.col("total_quant_score")).abs().max()).item()
    assert difference <= 0.051
