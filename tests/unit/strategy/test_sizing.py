"""Position sizing (R-SIZE-01..10, R-IND-05)."""

from dataclasses import replace
from typing import Any

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import RiskTag, TradeTier
from jennie_core.strategy.sizing import (
    HeldPosition,
    SizingInput,
    SizingResult,
    equity_krw,
    portfolio_heat_pct,
    size_position,
)

GIVEN = SizingInput(
    cash_krw=100_000_000,
    positions=(),
    price_krw=10_000,
    cash_price_krw=13_000,
    atr_krw=300.0,
    sector_group="금융",
    llm_score=75.0,
    hybrid_score=85.0,
    trade_tier=TradeTier.TIER1,
    risk_tag=RiskTag.NEUTRAL,
    stale_sessions=0,
    position_multiplier=1.0,
    commission_ratio=0.00015,
)


def held(code: str = "000660", quantity: int = 100, price: int | None = 10_000, **changes: Any) -> HeldPosition:
    return replace(HeldPosition(code, quantity, price, "반도체/IT", 200.0), **changes)


def size(**changes: Any) -> SizingResult:
    result = size_position(replace(GIVEN, **changes))
    assert isinstance(result, SizingResult), result
    return result


def refused(**changes: Any) -> str:
    result = size_position(replace(GIVEN, **changes))
    assert isinstance(result, Refusal), result
    return result.rule


@pytest.mark.rule("R-SIZE-01")
def test_equity_is_cash_and_positions() -> None:
    assert equity_krw(1_000, [held(quantity=2, price=500)]) == 2_000
    assert refused(cash_krw=0) == "R-SIZE-01"
    assert refused(positions=(held(price=None),)) == "R-SIZE-01"


@pytest.mark.rule("R-SIZE-03")
def test_the_target_risks_one_percent_over_twice_the_atr() -> None:
    """1 % of 100 m over 2 x 500 won."""
    assert size(atr_krw=500.0).quantity == 1_000
    assert size(atr_krw=500.0).risk_per_share_krw == 1_000.0
    assert size(atr_krw=500.0).risk_krw == 1_000_000


@pytest.mark.rule("R-SIZE-02")
def test_a_held_sector_takes_seventy_percent_of_the_risk() -> None:
    sector = (held(quantity=1, price=10_000, sector_group="금융"),)
    assert size(atr_krw=500.0, cash_krw=99_990_000, positions=sector).quantity == 700


@pytest.mark.rule("R-SIZE-04")
def test_the_weight_cap_depends_on_the_raw_analyst_score() -> None:
    assert size(atr_krw=100.0).quantity == 1_200
    assert size(atr_krw=100.0, llm_score=80.0).quantity == 1_800
    assert size(atr_krw=100.0, llm_score=79.99).quantity == 1_200
    assert size(atr_krw=100.0, llm_score=None).quantity == 1_200


@pytest.mark.rule("R-SIZE-05")
def test_ten_percent_of_the_equity_stays_in_cash() -> None:
    rich = (held(quantity=8_500, price=10_000, atr_krw=100.0),)
    assert size(cash_krw=15_000_000, positions=rich, atr_krw=500.0, price_krw=10_000).quantity <= 500
    assert refused(cash_krw=10_000_000, positions=(held(quantity=9_000),)) == "R-SIZE-05"


@pytest.mark.rule("R-ORD-02")
def test_cash_must_cover_the_upper_limit_of_a_market_buy() -> None:
    """Protocol sheet 0.8: the broker checks a market buy at the upper limit, with commission."""
    quantity = size(cash_krw=10_000_000, price_krw=1_000_000, cash_price_krw=1_300_000, atr_krw=10_000.0).quantity
    assert quantity == 1
    tight = {"cash_krw": 1_300_000, "price_krw": 1_000_000, "cash_price_krw": 1_300_000, "atr_krw": 10_000.0}
    assert refused(**tight) == "R-SIZE-05"


@pytest.mark.rule("R-SIZE-07")
def test_a_position_that_cash_would_cut_below_half_is_skipped() -> None:
    poor = (held(quantity=8_700, price=10_000, atr_krw=100.0),)
    assert refused(cash_krw=13_000_000, positions=poor, atr_krw=500.0) == "R-SIZE-07"


@pytest.mark.rule("R-SIZE-08")
def test_heat_counts_the_risk_of_open_positions() -> None:
    """The first term is built from positions, not 0."""
    hot = (held(quantity=6_000, price=10_000, atr_krw=400.0),)
    assert portfolio_heat_pct(hot, 100_000_000) == pytest.approx(4.8)
    assert refused(cash_krw=40_000_000, positions=hot, atr_krw=500.0) == "R-SIZE-08"
    assert size(cash_krw=40_000_000, positions=(held(quantity=6_000, atr_krw=300.0),), atr_krw=500.0).quantity == 1_000


@pytest.mark.rule("R-SIZE-08")
def test_heat_of_five_percent_itself_is_allowed() -> None:
    warm = (held(quantity=5_000, price=10_000, atr_krw=400.0),)
    assert portfolio_heat_pct(warm, 100_000_000) == 4.0
    assert size(cash_krw=50_000_000, positions=warm, atr_krw=500.0).quantity == 1_000


@pytest.mark.rule("R-SIZE-07")
@pytest.mark.parametrize(("cash", "expected"), [(14_990_000, "R-SIZE-07"), (15_000_000, 500)])
def test_half_of_the_target_is_enough(cash: int, expected: str | int) -> None:
    others = (held(quantity=1, price=100_000_000 - cash, atr_krw=1.0),)
    found = size_position(replace(GIVEN, cash_krw=cash, positions=others, atr_krw=500.0, cash_price_krw=10_000))
    assert (found.rule if isinstance(found, Refusal) else found.quantity) == expected


@pytest.mark.rule("R-BUY-11")
def test_without_a_price_there_is_no_size() -> None:
    assert refused(price_krw=0) == "R-BUY-11"


@pytest.mark.rule("R-SIZE-09", "R-SIZE-10")
@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"hybrid_score": 85.0}, 1.0),
        ({"hybrid_score": 80.0}, 0.9),
        ({"hybrid_score": 75.0}, 0.8),
        ({"hybrid_score": 70.0}, 0.7),
        ({"hybrid_score": 69.9}, 0.6),
        ({"hybrid_score": None}, 0.6),
        ({"trade_tier": TradeTier.TIER2}, 0.5),
        ({"risk_tag": RiskTag.BULLISH}, 1.0),
        ({"risk_tag": RiskTag.CAUTION}, 0.7),
        ({"hybrid_score": 75.0, "risk_tag": RiskTag.CAUTION}, 0.56),
        ({"stale_sessions": 1}, 1.0),
        ({"stale_sessions": 2}, 0.5),
        ({"stale_sessions": 3}, 0.3),
        ({"stale_sessions": None}, 0.3),
        ({"position_multiplier": 0.8}, 0.8),
        ({"trade_tier": TradeTier.TIER2, "risk_tag": RiskTag.CAUTION, "position_multiplier": 0.5}, 0.175),
    ],
)
def test_multipliers(changes: dict[str, Any], factor: float) -> None:
    assert size(atr_krw=500.0, **changes).quantity == int(1_000 * factor + 1e-9)


@pytest.mark.rule("R-SIZE-10")
def test_a_multiplier_above_one_grows_the_size() -> None:
    assert size(atr_krw=500.0, position_multiplier=1.1).quantity == 1_100


@pytest.mark.rule("R-SIZE-04", "R-SIZE-08", "R-SIZE-10")
def test_growth_stops_at_the_caps() -> None:
    """12 % of 100 m at 10,000 won; 5 % of heat, of which 4 are taken."""
    assert size(atr_krw=100.0, position_multiplier=1.3).quantity == 1_200
    warm = (held(quantity=5_000, price=10_000, atr_krw=400.0),)
    assert size(cash_krw=50_000_000, positions=warm, atr_krw=500.0, position_multiplier=1.1).quantity == 1_000


@pytest.mark.rule("R-SIZE-10", "R-THR-07")
@pytest.mark.parametrize(
    "changes",
    [
        {"trade_tier": TradeTier.BLOCKED},
        {"risk_tag": RiskTag.DISTRIBUTION_RISK},
        {"position_multiplier": 0.0},
    ],
)
def test_a_zero_multiplier_refuses(changes: dict[str, Any]) -> None:
    assert refused(**changes) == "R-SIZE-10"


@pytest.mark.rule("R-SIZE-06")
def test_more_than_ten_thousand_shares_are_never_bought() -> None:
    assert size(cash_krw=10_000_000_000, price_krw=1_000, cash_price_krw=1_300, atr_krw=20.0).quantity == 10_000


@pytest.mark.rule("R-SIZE-04")
def test_one_share_above_the_weight_limit_refuses() -> None:
    assert refused(cash_krw=5_000_000, price_krw=1_000_000, cash_price_krw=1_300_000, atr_krw=10_000.0) == "R-SIZE-04"


@pytest.mark.rule("R-BUY-12")
def test_an_unknown_atr_counts_as_two_percent() -> None:
    assert size(atr_krw=None).risk_per_share_krw == 400.0


@pytest.mark.rule("R-SIZE-10")
def test_the_result_explains_itself() -> None:
    result = size(atr_krw=500.0, position_multiplier=0.8)
    assert (result.target_quantity, result.quantity) == (1_000, 800)
    assert result.target_weight_pct == pytest.approx(10.0)
    assert result.actual_weight_pct == pytest.approx(8.0)
    assert result.multipliers == {"tier": 1.0, "risk_tag": 1.0, "stale": 1.0, "macro": 0.8}
    assert "macro 0.8" in result.reasoning
