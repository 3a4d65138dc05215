"""Daily price limits (5.3)."""

from datetime import date

import pytest

from jennie_core.krx.limits import PriceLimits, lower_limit, price_limits, upper_limit

NOW = date(2025, 6, 27)


@pytest.mark.parametrize(
    ("base", "lower", "upper"),
    [
        (239_000, 167_500, 310_500),
        (10_000, 7_000, 13_000),
        (60_700, 42_500, 78_900),
        (19_990, 14_000, 25_950),
        (500_000, 350_000, 650_000),
        (1_000, 700, 1_300),
    ],
)
def test_upper_rounds_to_the_resulting_tick_and_lower_width_to_the_tick_of_the_base(
    base: int, lower: int, upper: int
) -> None:
    assert price_limits(base, on=NOW) == PriceLimits(lower, upper)
    assert (lower_limit(base, on=NOW), upper_limit(base, on=NOW)) == (lower, upper)


def test_the_width_was_15_percent_before_june_2015() -> None:
    assert price_limits(10_000, on=date(2015, 6, 12)) == PriceLimits(8_500, 11_500)


def test_holds_includes_both_limits() -> None:
    limits = price_limits(10_000, on=NOW)
    assert limits.holds(7_000)
    assert limits.holds(13_000)
    assert not limits.holds(13_010)


def test_one_won_keeps_a_positive_lower_limit() -> None:
    assert price_limits(1, on=NOW) == PriceLimits(1, 1)
