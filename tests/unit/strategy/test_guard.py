"""The portfolio guard (R-GRD-01..07)."""

from dataclasses import replace
from typing import Any

import pytest

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.guard import GuardInput, cash_floor_pct, check_guard
from jennie_core.strategy.sizing import HeldPosition

RISK = RiskSettings()
GIVEN = GuardInput("005930", "금융", 10_000_000, 100_000_000, (), MarketRegime.SIDEWAYS, None)


def held(code: str, value: int, sector: str | None = "금융") -> HeldPosition:
    return HeldPosition(code, 1, value, sector, None)


def rule(settings: RiskSettings = RISK, **changes: Any) -> str | None:
    refusal = check_guard(replace(GIVEN, **changes), settings).refusal
    return None if refusal is None else refusal.rule


def test_an_ordinary_buy_passes() -> None:
    assert rule() is None


@pytest.mark.rule("R-GRD-01")
def test_sector_stock_count() -> None:
    """The dynamic cap where there is a budget, else 3."""
    three = tuple(held(f"00000{n}", 1_000_000) for n in range(3))
    assert rule(positions=three) == "R-GRD-01"
    assert rule(positions=three[:2]) is None
    assert rule(positions=three, sector_cap=5) is None
    assert rule(positions=three[:2], sector_cap=2) == "R-GRD-01"
    assert rule(sector_cap=0) == "R-GRD-01"


@pytest.mark.rule("R-GRD-02")
def test_sector_value_includes_this_buy() -> None:
    two = (held("000001", 20_000_000),)
    assert rule(positions=two, cash_krw=80_000_000) is None
    assert rule(positions=two, cash_krw=80_000_000, amount_krw=10_000_001) == "R-GRD-02"
    strong = {"positions": (held("000001", 40_000_000),), "cash_krw": 60_000_000, "regime": MarketRegime.STRONG_BULL}
    assert rule(**strong) is None
    assert rule(**strong, amount_krw=10_000_001) == "R-GRD-02"


@pytest.mark.rule("R-GRD-03")
def test_stock_value() -> None:
    assert rule(amount_krw=15_000_000) is None
    assert rule(amount_krw=15_000_001) == "R-GRD-03"
    assert rule(amount_krw=25_000_000, regime=MarketRegime.STRONG_BULL) is None
    assert rule(amount_krw=25_000_001, regime=MarketRegime.STRONG_BULL) == "R-GRD-03"


@pytest.mark.rule("R-GRD-04")
@pytest.mark.parametrize(("regime", "floor"), list(zip(MarketRegime, [5.0, 10.0, 15.0, 25.0, 25.0], strict=True)))
def test_cash_floor_by_regime(regime: MarketRegime, floor: float) -> None:
    assert cash_floor_pct(regime, RISK) == floor
    cash = 10_000_000 + int(1_000_000 * floor)
    others = (held("000001", 100_000_000 - cash, "화학"),)
    assert rule(regime=regime, cash_krw=cash, positions=others) is None
    assert rule(regime=regime, cash_krw=cash - 1, positions=others) == "R-GRD-04"


@pytest.mark.rule("R-GRD-05")
def test_a_switched_off_guard_passes_and_says_what_it_saw() -> None:
    verdict = check_guard(replace(GIVEN, amount_krw=90_000_000), RiskSettings(guard_enabled=False))
    assert not verdict.blocks
    assert verdict.refusal is not None
    assert check_guard(replace(GIVEN, amount_krw=90_000_000), RISK).blocks


@pytest.mark.rule("R-GRD-06")
def test_no_equity_and_unknown_values_fail() -> None:
    assert rule(cash_krw=0) == "R-GRD-06"
    assert rule(positions=(HeldPosition("000001", 1, None, "금융", None),)) == "R-SIZE-01"


@pytest.mark.rule("R-GRD-07")
def test_held_positions_without_a_sector_count_in_no_sector() -> None:
    unknown = tuple(held(f"00000{n}", 1_000_000, None) for n in range(5))
    assert rule(positions=unknown, sector_group="기타") is None
