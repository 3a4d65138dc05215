"""Price readings of every session at once equal those of each single day, and know nothing of the days after."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from jennie_core.scoring.factors import price_factors
from jennie_core.scoring.history_prices import price_history
from jennie_core.scoring.knowledge import HistoryInputs

Years = Callable[..., HistoryInputs]


@pytest.mark.parametrize("seed", range(4))
def test_each_session_equals_the_single_day(years: Years, seed: int) -> None:
    """Gaps, halts, late listings and early ends included; only the Wilder average may differ in its last digits."""
    prices = years(seed).prices
    history = price_history(prices.sample(fraction=1.0, shuffle=True, seed=seed))
    days = prices["trade_date"].unique().sort().to_list()
    for day in [*days[:24:4], *days[60:320:19], days[-1]]:
        single = price_factors(prices.filter(pl.col("trade_date") <= day), as_of=day).sort("code")
        found = history.filter(pl.col("trade_date") == day).select(single.columns)
        assert found.drop("rsi14").equals(single.drop("rsi14")), day
        assert found["rsi14"].is_null().equals(single["rsi14"].is_null())
        assert (found["rsi14"] - single["rsi14"]).abs().fill_null(0.0).max() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.rule("R-QNT-03")
def test_a_code_that_no_longer_moves_has_no_rsi(bars: Any) -> None:
    """Neither gain nor loss is unknown, not 100; moves older than the window do not keep it alive."""
    history = price_history(bars([*range(50_000, 50_020), *[50_019] * 290]))
    assert history["rsi14"][100] == 100
    assert history["rsi14_simple"][100] is None
    assert history["rsi14"][-1] is None


def test_no_loss_in_the_window_is_exactly_a_hundred(bars: Any) -> None:
    """Losses before the window leave no trace in it."""
    history = price_history(bars([*range(50_000, 49_900, -3), *range(50_000, 50_280)]))
    assert history["rsi14"][30] == 0
    assert history["rsi14"][100] < 100
    assert history["rsi14"][-1] == 100


def test_two_bars_of_one_session_are_refused(years: Years) -> None:
    prices = years(7, codes=2).prices
    with pytest.raises(ValueError, match="two rows"):
        price_history(pl.concat([prices, prices.head(1)]))


def test_a_history_without_rows_is_empty(years: Years) -> None:
    assert price_history(years(8, codes=1).prices.clear()).height == 0
