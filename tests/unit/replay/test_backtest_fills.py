"""The fill model at its boundaries: what a daily bar lets trade, and at which price."""

from datetime import date

import pytest

from jennie_core.replay.backtest_bars import Bar
from jennie_core.replay.backtest_fills import Miss, buy_fill, sell_block, sell_price, walk
from jennie_core.replay.backtest_terms import BacktestTerms

from .market import LISTING, TERMS

DAY = date(2024, 3, 4)
BASE = 20_000  # limits: 26,000 up, 14,000 down; tick 50


def bar(opening: int, high: int, low: int, close: int, volume: int = 100_000) -> Bar:
    return Bar(opening, high, low, close, volume, is_halted=False)


def bought(given: Bar, limit: int, quantity: int = 10, terms: BacktestTerms = TERMS) -> int | Miss:
    return buy_fill(given, limit, quantity, base_krw=BASE, listing=LISTING, on=DAY, terms=terms)


def test_a_buy_pays_the_open_and_the_slippage_up_to_its_tick() -> None:
    """20,000 + 10 bp = 20,020, the next legal price is 20,050."""
    assert bought(bar(20_000, 20_500, 19_900, 20_100), limit=20_100) == 20_050


def test_a_buy_never_pays_more_than_its_limit() -> None:
    assert bought(bar(20_000, 20_500, 19_900, 20_100), limit=20_000) == 20_000


@pytest.mark.parametrize(("low", "expected"), [(20_050, 20_050), (20_100, Miss.NOT_REACHED)])
def test_a_limit_under_the_open_trades_at_its_price_when_the_bar_comes_down_to_it(
    low: int, expected: int | Miss
) -> None:
    assert bought(bar(20_150, 20_500, low, 20_300), limit=20_050) == expected


@pytest.mark.parametrize(("opening", "is_stuck"), [(26_000, True), (25_950, True), (25_850, False)])
def test_nothing_is_bought_when_the_open_is_at_the_upper_limit_or_a_tick_below(opening: int, is_stuck: bool) -> None:
    outcome = bought(bar(opening, 26_000, 20_000, 26_000), limit=26_000)
    assert (outcome is Miss.LIMIT_UP) == is_stuck


def test_a_halted_stock_is_not_bought() -> None:
    assert bought(Bar(BASE, BASE, BASE, BASE, 0, is_halted=True), limit=BASE) is Miss.HALTED


@pytest.mark.parametrize(("quantity", "is_thin"), [(1_000, False), (1_001, True)])
def test_a_day_takes_one_percent_of_the_volume_and_not_one_share_more(quantity: int, is_thin: bool) -> None:
    outcome = bought(bar(20_000, 20_100, 19_900, 20_000, volume=100_000), limit=20_100, quantity=quantity)
    assert (outcome is Miss.THIN) == is_thin


def test_a_sell_gets_a_slippage_less_down_to_its_tick_and_never_under_the_lower_limit() -> None:
    price = {"base_krw": BASE, "listing": LISTING, "on": DAY, "terms": TERMS}
    assert sell_price(20_000, **price) == 19_980
    assert sell_price(14_000, **price) == 14_000


@pytest.mark.parametrize(
    ("given", "block"),
    [
        (bar(14_000, 14_000, 14_000, 14_000), Miss.LIMIT_DOWN),
        (bar(14_000, 14_010, 14_000, 14_000), Miss.LIMIT_DOWN),
        (bar(14_000, 14_500, 14_000, 14_000), None),
        (Bar(BASE, BASE, BASE, BASE, 0, is_halted=True), Miss.HALTED),
        (None, Miss.HALTED),
    ],
)
def test_nobody_sells_into_a_bar_that_never_left_its_lower_limit(given: Bar | None, block: Miss | None) -> None:
    assert sell_block(given, base_krw=BASE, listing=LISTING, on=DAY) is block


def test_a_walk_visits_every_tick_and_always_ends_at_its_end() -> None:
    assert list(walk(20_100, 19_990, LISTING, DAY)) == [20_050, 20_000, 19_990]
    assert list(walk(19_990, 20_060, LISTING, DAY)) == [20_000, 20_050, 20_060]
    assert list(walk(20_000, 20_000, LISTING, DAY)) == [20_000]
