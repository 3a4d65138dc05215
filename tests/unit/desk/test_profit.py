"""Profit and loss of a period (O5)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jennie_core.strategy.profit import Flow, period_pnl_krw

DAY = date(2025, 6, 27)


def test_a_carried_gain_does_not_hide_a_loss_of_today() -> None:
    """Bought at 80, closed at 120 yesterday, sold at 110 today: a loss of 10 a share today."""
    assert period_pnl_krw({}, {}, {"A": 120.0}, [Flow("A", DAY, -10, 1_100)]) == -100


@pytest.mark.rule("R-SNAP-03")
def test_shares_bought_today_count_from_what_was_paid() -> None:
    assert period_pnl_krw({"A": 10}, {"A": 105.0}, {}, [Flow("A", DAY, 10, -1_001)]) == 49


def test_unknown_is_not_zero() -> None:
    """I4: a price that matters and is unknown makes the whole figure unknown."""
    assert period_pnl_krw({"A": 10}, {"A": None}, {"A": 100.0}, []) is None
    assert period_pnl_krw({"A": 10}, {"A": 100.0}, {}, []) is None
    assert period_pnl_krw({}, {}, {}, []) == 0


@given(
    start=st.integers(0, 100),
    trades=st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 1_000)), max_size=8),
    close=st.integers(1, 1_000),
    now=st.integers(1, 1_000),
)
def test_profit_equals_the_change_of_the_whole_account(
    start: int, trades: list[tuple[int, int]], close: int, now: int
) -> None:
    held, cash, flows = start, 0, []
    for quantity, price in trades:
        moved = max(quantity, -held)
        held += moved
        cash -= moved * price
        flows.append(Flow("A", DAY, moved, -moved * price))
    expected = (cash + held * now) - start * close
    assert period_pnl_krw({"A": held} if held else {}, {"A": float(now)}, {"A": float(close)}, flows) == expected
