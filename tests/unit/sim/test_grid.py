"""The vectorised price grid agrees with the rules of jennie_core.krx everywhere."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx import ticks
from jennie_sim.market.grid import PriceGrid

TABLES = [
    (date(2025, 6, 27), AssetKind.COMMON, Market.KOSPI),
    (date(2022, 6, 27), AssetKind.COMMON, Market.KOSPI),
    (date(2022, 6, 27), AssetKind.COMMON, Market.KOSDAQ),
    (date(2025, 6, 27), AssetKind.ETF, Market.KOSPI),
]


@pytest.mark.parametrize(("on", "kind", "market"), TABLES)
@given(price=st.integers(1, 1_200_000))
def test_every_question_has_the_same_answer(on: date, kind: AssetKind, market: Market, price: int) -> None:
    grid = PriceGrid.of(on, kind, market)
    assert grid.tick(price) == ticks.tick_size(price, on=on, kind=kind, market=market)
    assert grid.is_legal(price) == ticks.is_on_tick(price, on=on, kind=kind, market=market)
    nearest = int(grid.nearest(np.array([price]))[0])
    assert nearest == ticks.nearest_tick(price, on=on, kind=kind, market=market)
    assert grid.step_up(nearest) == ticks.step_up(nearest, on=on, kind=kind, market=market)
    if nearest > grid.tick(nearest):
        assert grid.step_down(nearest) == ticks.step_down(nearest, on=on, kind=kind, market=market)


@given(st.integers(1, 600_000), st.integers(0, 90_000))
def test_levels_are_all_legal_prices_of_a_range(low: int, width: int) -> None:
    grid = PriceGrid.of(date(2025, 6, 27))
    levels = grid.levels(low, low + width)
    assert all(grid.is_legal(int(price)) for price in levels[:50])
    for below, above in zip(levels[:50].tolist(), levels[1:51].tolist(), strict=False):
        assert grid.step_up(below) == above
        assert grid.step_down(above) == below
