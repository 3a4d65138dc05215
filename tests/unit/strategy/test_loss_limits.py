"""Daily and weekly loss limits and reserved risk (R-GRD-08, O5, drill 36)."""

from dataclasses import replace
from datetime import date

import pytest

from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.loss_limits import (
    LossLimitState,
    MarkedHolding,
    PnlReading,
    RiskBook,
    advance,
    iso_week,
    loss_refusal,
    pnl_krw,
)

FRIDAY, MONDAY = date(2025, 6, 27), date(2025, 6, 30)
RISK = RiskSettings()
CALM = PnlReading(day_pnl_krw=0, week_pnl_krw=0, day_equity_krw=100_000_000, week_equity_krw=100_000_000)


def refusal_after(*readings: PnlReading, day: date = FRIDAY) -> str | None:
    state: LossLimitState | None = None
    for reading in readings:
        state = advance(state, reading, day, RISK)
    refusal = loss_refusal(state, readings[-1], day, RISK)
    return None if refusal is None else refusal.detail


@pytest.mark.rule("R-GRD-08")
def test_two_percent_of_the_previous_close_equity_ends_the_days_buys() -> None:
    assert refusal_after(replace(CALM, day_pnl_krw=-1_999_999)) is None
    assert refusal_after(replace(CALM, day_pnl_krw=-2_000_000)) == "daily loss limit reached"


@pytest.mark.rule("R-GRD-08")
def test_five_percent_in_the_week() -> None:
    assert refusal_after(replace(CALM, week_pnl_krw=-4_999_999)) is None
    assert refusal_after(replace(CALM, week_pnl_krw=-5_000_000)) == "weekly loss limit reached"


def test_a_reached_limit_holds_when_prices_come_back() -> None:
    """O5: until the next session."""
    assert refusal_after(replace(CALM, day_pnl_krw=-2_500_000), CALM) == "daily loss limit reached"


def test_the_next_session_opens_the_daily_limit_and_the_next_week_the_weekly_one() -> None:
    """O5: Korean days and ISO weeks."""
    state = advance(None, replace(CALM, day_pnl_krw=-3_000_000, week_pnl_krw=-6_000_000), date(2025, 6, 26), RISK)
    friday = advance(state, CALM, FRIDAY, RISK)
    assert (friday.daily_reached, friday.weekly_reached) == (False, True)
    monday = advance(friday, CALM, MONDAY, RISK)
    assert (monday.daily_reached, monday.weekly_reached) == (False, False)
    assert iso_week(FRIDAY) != iso_week(MONDAY)


@pytest.mark.parametrize("field", ["day_pnl_krw", "week_pnl_krw", "day_equity_krw", "week_equity_krw"])
def test_unknown_counts_as_reached_but_does_not_latch(field: str) -> None:
    """O5, drill 36"""
    unknown = replace(CALM, **{field: None})
    assert "unknown" in str(refusal_after(unknown))
    assert refusal_after(unknown, CALM) is None
    assert loss_refusal(None, CALM, FRIDAY, RISK) is not None


@pytest.mark.rule("R-GRD-08")
@pytest.mark.parametrize("field", ["day_equity_krw", "week_equity_krw"])
def test_an_equity_of_zero_is_no_measure(field: str) -> None:
    broke = replace(CALM, **{field: 0})
    assert "unknown" in str(refusal_after(broke))
    assert RiskBook().reserve("a", 1, broke, RISK) is not None


def test_profit_and_loss_is_unknown_when_a_part_is() -> None:
    holdings = [MarkedHolding(10, 9_000, 10_000.0), MarkedHolding(1, 10_500, 10_000.0)]
    assert pnl_krw(-1_000, holdings) == -10_500
    assert pnl_krw(None, holdings) is None
    assert pnl_krw(0, [MarkedHolding(1, None, 1.0)]) is None
    assert pnl_krw(0, [MarkedHolding(1, 1, None)]) is None


def test_ten_signals_at_once_never_reserve_more_than_the_limit() -> None:
    """Drill 36: reserve before sending."""
    book = RiskBook()
    reading = replace(CALM, day_pnl_krw=-500_000)
    passed = [book.reserve(f"intent-{n}", 400_000, reading, RISK) is None for n in range(10)]
    assert passed == [True] * 3 + [False] * 7
    assert 500_000 + book.reserved_krw <= 2_000_000


@pytest.mark.rule("R-GRD-08")
def test_a_refused_order_releases_its_risk() -> None:
    """O5"""
    book = RiskBook()
    assert book.reserve("a", 2_000_000, CALM, RISK) is None
    refusal = book.reserve("b", 1, CALM, RISK)
    assert refusal is not None
    assert refusal.rule == "R-GRD-08"
    book.release("a")
    assert book.reserve("b", 1, CALM, RISK) is None


def test_a_repeated_intent_reserves_once_and_restarts_restore() -> None:
    book = RiskBook()
    book.restore({"a": 1_500_000})
    assert book.reserve("a", 1_500_000, CALM, RISK) is None
    assert book.reserved_krw == 1_500_000
    assert book.reserve("b", 600_000, CALM, RISK) is not None


def test_the_weekly_limit_bounds_reservations_too() -> None:
    book = RiskBook()
    assert book.reserve("a", 200_000, replace(CALM, week_pnl_krw=-4_900_000), RISK) is not None


def test_unknown_profit_reserves_nothing() -> None:
    assert RiskBook().reserve("a", 1, replace(CALM, day_pnl_krw=None), RISK) is not None
