"""Tick sizes and moves on the tick grid (R-ORD-03, 5.2)."""

from datetime import date

import pytest

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx import ticks

NOW = date(2025, 6, 27)
OLD = date(2022, 6, 30)


@pytest.mark.rule("R-ORD-03")
@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (1, 1),
        (1_999, 1),
        (2_000, 5),
        (4_999, 5),
        (5_000, 10),
        (19_999, 10),
        (20_000, 50),
        (49_999, 50),
        (50_000, 100),
        (199_999, 100),
        (200_000, 500),
        (499_999, 500),
        (500_000, 1_000),
        (5_000_000, 1_000),
    ],
)
def test_current_table(price: int, tick: int) -> None:
    assert ticks.tick_size(price, on=NOW) == tick


@pytest.mark.parametrize(
    ("price", "kospi", "kosdaq"),
    [
        (999, 1, 1),
        (1_000, 5, 5),
        (4_999, 5, 5),
        (5_000, 10, 10),
        (10_000, 50, 50),
        (50_000, 100, 100),
        (100_000, 500, 100),
        (500_000, 1_000, 100),
    ],
)
def test_table_before_the_reform_of_2023(price: int, kospi: int, kosdaq: int) -> None:
    assert ticks.tick_size(price, on=date(2023, 1, 24)) == kospi
    assert ticks.tick_size(price, on=date(2023, 1, 24), market=Market.KOSDAQ) == kosdaq


def test_the_reform_day_itself_has_the_new_table() -> None:
    assert ticks.tick_size(15_000, on=date(2023, 1, 24)) == 50
    assert ticks.tick_size(15_000, on=date(2023, 1, 25)) == 10


def test_funds_have_a_table_of_their_own() -> None:
    assert ticks.tick_size(1_999, on=NOW, kind=AssetKind.ETF) == 1
    assert ticks.tick_size(2_000, on=NOW, kind=AssetKind.ETN) == 5
    assert ticks.tick_size(100_000, on=NOW, kind=AssetKind.ETF) == 5
    assert ticks.tick_size(1_999, on=OLD, kind=AssetKind.ETF) == 5


def test_stepping_down_from_a_boundary_uses_the_lower_band() -> None:
    """5.2: 2,000 steps down to 1,999."""
    assert ticks.step_down(2_000, on=NOW) == 1_999
    assert ticks.step_down(50_000, on=NOW) == 49_950
    assert ticks.step_up(1_999, on=NOW) == 2_000
    assert ticks.step_up(49_950, 2, on=NOW) == 50_100


def test_rounding_to_the_grid() -> None:
    assert ticks.floor_to_tick(50_150 * 1.003, on=NOW) == 50_300
    assert ticks.ceil_to_tick(50_150, on=NOW) == 50_200
    assert ticks.ceil_to_tick(49_975, on=NOW) == 50_000
    assert ticks.nearest_tick(50_150, on=NOW) == 50_100
    assert ticks.nearest_tick(50_151, on=NOW) == 50_200
    assert ticks.nearest_tick(0.4, on=NOW) == 1


def test_a_price_that_is_not_positive_has_no_tick() -> None:
    for price in (0, -1):
        with pytest.raises(ValueError, match="positive"):
            ticks.tick_size(price, on=NOW)
    with pytest.raises(ValueError, match=r"."):
        ticks.step_down(1, on=NOW)
