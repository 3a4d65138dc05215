"""Every row of the point tables R-QNT-10..72; unknown is null, never neutral (Q1)."""

from typing import Any

import polars as pl
import pytest

from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.points import GROUP_MAXIMA, all_parts


def points(frame: pl.DataFrame, rule: str, regime: MarketRegime | None = None) -> float | None:
    part = next(part for part in all_parts(pl.lit(regime is not None and regime.is_bull)) if part.rule == rule)
    value: float | None = frame.select(part.points.alias("x"))["x"][0]
    return value


TABLE: list[tuple[str, dict[str, Any], float | None]] = [
    ("R-QNT-10", {"rsi14": 40.0}, 5), ("R-QNT-10", {"rsi14": 70.0}, 5), ("R-QNT-10", {"rsi14": 70.1}, 3),
    ("R-QNT-10", {"rsi14": 80.0}, 3), ("R-QNT-10", {"rsi14": 80.1}, 1), ("R-QNT-10", {"rsi14": 30.0}, 3.5),
    ("R-QNT-10", {"rsi14": 29.9}, 4), ("R-QNT-10", {}, None),
    ("R-QNT-11", {"return_120_pct": -20.0}, 0), ("R-QNT-11", {"return_120_pct": 5.0}, 2.5),
    ("R-QNT-11", {"return_120_pct": 99.0}, 5), ("R-QNT-11", {"return_60_pct": 20.0}, 5),
    ("R-QNT-11", {"return_120_pct": 30.0, "return_60_pct": -15.0}, 5), ("R-QNT-11", {}, None),
    ("R-QNT-12", {"return_20_pct": 2.5}, 2.5), ("R-QNT-12", {}, None),
    ("R-QNT-13", {"return_120_pct": 6.0, "return_20_pct": -4.0}, 5),
    ("R-QNT-13", {"return_120_pct": 6.0, "return_20_pct": -1.0}, 2.5),
    ("R-QNT-13", {"return_120_pct": 11.0, "return_20_pct": 4.0}, 3.5),
    ("R-QNT-13", {"return_120_pct": 5.0, "return_20_pct": -4.0}, 2.5),
    ("R-QNT-13", {"return_120_pct": 6.0, "return_20_pct": -3.0}, 2.5),
    ("R-QNT-13", {"return_120_pct": 10.0, "return_20_pct": 4.0}, 0),
    ("R-QNT-13", {"return_120_pct": 11.0, "return_20_pct": 3.0}, 0),
    ("R-QNT-13", {"return_120_pct": 0.0, "return_20_pct": -1.0}, 0),
    ("R-QNT-13", {"return_120_pct": -1.0, "return_20_pct": -4.0}, 0),
    ("R-QNT-13", {"return_20_pct": -4.0}, None),
    ("R-QNT-14", {"eps_revision_pct": 10.0}, 2), ("R-QNT-14", {"eps_revision_pct": 9.9}, 1),
    ("R-QNT-14", {"eps_revision_pct": 5.0}, 1), ("R-QNT-14", {"eps_revision_pct": 4.9}, 0), ("R-QNT-14", {}, None),
    ("R-QNT-20", {"roe_pct": 15.0}, 10), ("R-QNT-20", {"roe_pct": 10.0}, 8), ("R-QNT-20", {"roe_pct": 5.0}, 5),
    ("R-QNT-20", {"roe_pct": 14.9}, 8), ("R-QNT-20", {"roe_pct": 9.9}, 5), ("R-QNT-20", {"roe_pct": 4.9}, 2),
    ("R-QNT-20", {"roe_pct": 0.0}, 2), ("R-QNT-20", {"roe_pct": -0.1}, 0), ("R-QNT-20", {}, None),
    ("R-QNT-20", {"roe_pct": -5.0, "forward_roe_pct": 16.0}, 10),
    ("R-QNT-21", {"pbr": 0.9}, 5), ("R-QNT-21", {"pbr": 1.0}, 3), ("R-QNT-21", {"pbr": 2.0}, 1.5),
    ("R-QNT-21", {"pbr": 4.0}, 1), ("R-QNT-21", {"pbr": -1.0}, 0), ("R-QNT-21", {}, None),
    ("R-QNT-22", {"per": 5.0}, 5), ("R-QNT-22", {"per": 15.0}, 5), ("R-QNT-22", {"per": 3.0}, 3),
    ("R-QNT-22", {"per": 25.0}, 3), ("R-QNT-22", {"per": 2.9}, 1), ("R-QNT-22", {"per": 50.0}, 1),
    ("R-QNT-22", {"per": 50.1}, 0.5), ("R-QNT-22", {"per": -4.0}, 0), ("R-QNT-22", {}, None),
    ("R-QNT-22", {"per": 40.0, "forward_per": 10.0}, 5), ("R-QNT-22", {"per": 10.0, "forward_per": -3.0}, 5),
    ("R-QNT-30", {"per": 7.9}, 10), ("R-QNT-30", {"per": 8.0}, 7), ("R-QNT-30", {"per": 12.0}, 5.5),
    ("R-QNT-30", {"per": 15.0}, 4), ("R-QNT-30", {"per": 20.0}, 2.5), ("R-QNT-30", {"per": 30.0}, 2),
    ("R-QNT-30", {"per": 50.0}, 1.5), ("R-QNT-30", {"per": -1.0}, 0), ("R-QNT-30", {}, None),
    ("R-QNT-31", {"pbr": 0.69}, 5), ("R-QNT-31", {"pbr": 0.7}, 4), ("R-QNT-31", {"pbr": 1.0}, 2.5),
    ("R-QNT-31", {"pbr": 1.5}, 1.5), ("R-QNT-31", {"pbr": 3.0}, 1), ("R-QNT-31", {}, None),
    ("R-QNT-32", {"drawdown_from_high_pct": -30.1}, 1.5), ("R-QNT-32", {"drawdown_from_high_pct": -30.0}, 3.5),
    ("R-QNT-32", {"drawdown_from_high_pct": -15.0}, 4), ("R-QNT-32", {"drawdown_from_high_pct": -5.0}, 5),
    ("R-QNT-32", {}, None),
    ("R-QNT-40", {"ma5": 19_000.0, "ma20": 18_000.0}, 5), ("R-QNT-40", {"ma5": 18_000.0, "ma20": 19_000.0}, 3),
    ("R-QNT-40", {"ma5": 19_000.0, "ma20": 21_000.0}, 1.5), ("R-QNT-40", {"ma5": 21_000.0, "ma20": 22_000.0}, 0),
    ("R-QNT-40", {"ma5": 19_000.0}, None),
    ("R-QNT-41", {"volume_ratio_5_20": 2.1}, 5), ("R-QNT-41", {"volume_ratio_5_20": 2.0}, 4),
    ("R-QNT-41", {"volume_ratio_5_20": 1.5}, 3), ("R-QNT-41", {"volume_ratio_5_20": 1.2}, 2),
    ("R-QNT-41", {"volume_ratio_5_20": 1.0}, 0.5), ("R-QNT-41", {}, None),
    ("R-QNT-50", {"news_sentiment": 20.0}, 0), ("R-QNT-50", {"news_sentiment": 50.0}, 5),
    ("R-QNT-50", {"news_sentiment": 95.0}, 10), ("R-QNT-50", {}, None),
    ("R-QNT-60", {"sector_return_20_pct": 5.0}, 5), ("R-QNT-60", {"sector_return_20_pct": -9.0}, 0),
    ("R-QNT-60", {}, None),
    ("R-QNT-70", {"foreign_net_krw": 0.0}, 3), ("R-QNT-70", {"foreign_net_krw": 5e9}, 6),
    ("R-QNT-70", {"foreign_net_krw": -9e9}, 0), ("R-QNT-70", {}, None),
    ("R-QNT-71", {"institution_net_krw": 0.0}, 4), ("R-QNT-71", {"institution_net_krw": 2.5e9}, 6),
    ("R-QNT-71", {"institution_net_krw": 9e9}, 8), ("R-QNT-71", {}, None),
    ("R-QNT-72", {"foreign_ratio_trend_pp": 1.1}, 6), ("R-QNT-72", {"foreign_ratio_trend_pp": 1.0}, 4.5),
    ("R-QNT-72", {"foreign_ratio_trend_pp": 0.3}, 3), ("R-QNT-72", {"foreign_ratio_trend_pp": 0.0}, 1.5),
    ("R-QNT-72", {"foreign_ratio_trend_pp": -0.5}, 0), ("R-QNT-72", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "known", "expected"), [pytest.param(*row, marks=pytest.mark.rule(row[0])) for row in TABLE]
)
def test_points_table(readings: Any, rule: str, known: dict[str, Any], expected: float | None) -> None:
    assert points(readings(known), rule) == (None if expected is None else pytest.approx(expected))


@pytest.mark.rule("R-QNT-10")
def test_a_hot_rsi_keeps_its_points_in_a_bull_market(readings: Any) -> None:
    frame = readings({"rsi14": 75.0})
    assert points(frame, "R-QNT-10", MarketRegime.BULL) == 5
    assert points(frame, "R-QNT-10", MarketRegime.SIDEWAYS) == 3
    assert points(frame, "R-QNT-10", None) == 3


@pytest.mark.rule("R-QNT-02")
def test_maxima_add_up_to_110() -> None:
    assert sum(GROUP_MAXIMA.values()) == 110
    for group, maximum in GROUP_MAXIMA.items():
        worth = sum(part.maximum for part in all_parts(pl.lit(value=False)) if part.group == group)
        assert worth == (22 if group == "momentum" else maximum)
