"""Positions derived from fills and adjustments (O3)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderSide
from jennie_core.strategy.accounting import AdjustmentKind, Change, Shares, derive, realized_pnl_krw

START = datetime(2025, 6, 27, 9, 0, tzinfo=KST)


def change(index: int, quantity: int, price: float | None, **kind: object) -> Change:
    return Change(quantity, price, START + timedelta(seconds=index), f"c{index}", **kind)  # type: ignore[arg-type]


def test_average_is_weighted_and_survives_a_partial_sale() -> None:
    shares = Shares().bought(10, 100).bought(30, 200)
    assert shares.average_price_krw == 175
    assert shares.sold(15) == Shares(25, 0, 175)


def test_selling_everything_forgets_the_average() -> None:
    assert Shares().bought(10, 100).sold(10) == Shares()


def test_more_than_held_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match="cannot take 11 of 10"):
        Shares().bought(10, 100).sold(11)


def test_a_fill_beyond_the_managed_shares_takes_external_ones() -> None:
    assert Shares(10, 5, 100.0).sold_by_fill(12) == Shares(0, 3, 0.0)


def test_external_shares_keep_out_of_the_average() -> None:
    steps = [
        change(0, 10, 100.0, kind=AdjustmentKind.CARRIED),
        change(1, 90, 500.0, kind=AdjustmentKind.EXTERNAL),
        change(2, 5, 130.0, side=OrderSide.BUY),
    ]
    assert derive(steps) == Shares(15, 90, 110.0)


def test_a_handover_moves_external_shares_to_the_managed_ones() -> None:
    steps = [
        change(0, 10, None, kind=AdjustmentKind.EXTERNAL),
        change(1, 4, 250.0, kind=AdjustmentKind.TRANSFER),
    ]
    assert derive(steps) == Shares(4, 6, 250.0)


def test_a_bonus_issue_leaves_the_cost_and_lowers_the_average() -> None:
    steps = [change(0, 10, 300.0, kind=AdjustmentKind.CARRIED), change(1, 20, None, kind=AdjustmentKind.BONUS)]
    assert derive(steps) == Shares(30, 0, 100.0)


@pytest.mark.rule("R-SELL-12", "R-SNAP-05")
def test_realized_profit_is_net_of_the_sales_costs() -> None:
    assert realized_pnl_krw(10, 110, 100.0, fee_krw=1, tax_krw=2) == 97


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 500), st.integers(100, 900_000)), max_size=40))
def test_cost_and_quantity_agree_with_exact_arithmetic(moves: list[tuple[bool, int, int]]) -> None:
    quantity, cost = 0, 0.0
    shares = Shares()
    for is_buy, count, price in moves:
        if is_buy:
            quantity, cost = quantity + count, cost + count * price
            shares = shares.bought(count, price)
        elif quantity:
            sold = min(count, quantity)
            cost -= cost / quantity * sold
            quantity -= sold
            shares = shares.sold(sold)
    assert shares.quantity == quantity
    assert shares.average_price_krw * shares.quantity == pytest.approx(cost, rel=1e-9, abs=1e-3)
