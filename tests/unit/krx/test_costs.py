"""Sell tax by settlement date and market, commission, truncation to whole won (5.5, 5.6, R-SNAP-05)."""

from datetime import date

import pytest

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.costs import commission_krw, sell_cost_krw, sell_tax_krw


@pytest.mark.parametrize(
    ("trade_date", "ppm"),
    [
        (date(2020, 3, 19), 2_500),
        (date(2020, 12, 28), 2_500),
        (date(2020, 12, 29), 2_300),
        (date(2022, 6, 30), 2_300),
        (date(2023, 6, 30), 2_000),
        (date(2024, 8, 5), 1_800),
        (date(2024, 12, 26), 1_800),
        (date(2024, 12, 27), 1_500),
        (date(2025, 12, 26), 1_500),
        (date(2025, 12, 29), 2_000),
    ],
)
def test_the_settlement_date_decides_the_rate(trade_date: date, ppm: int) -> None:
    assert sell_tax_krw(1_000_000, Market.KOSPI, trade_date) == ppm


def test_markets_and_funds_differ() -> None:
    day = date(2025, 6, 27)
    assert sell_tax_krw(1_000_000, Market.KOSDAQ, day) == 1_500
    assert sell_tax_krw(1_000_000, Market.KONEX, day) == 1_000
    assert sell_tax_krw(1_000_000, Market.UNKNOWN, day) == 1_500
    assert sell_tax_krw(1_000_000, Market.KOSPI, day, AssetKind.ETF) == 0


def test_tax_and_commission_are_truncated_to_whole_won() -> None:
    assert sell_tax_krw(666_600, Market.KOSPI, date(2025, 6, 27)) == 999
    assert commission_krw(9_999, 0.00015) == 1
    assert commission_krw(6_666, 0.00015) == 0
    assert commission_krw(100_000_000_000, 0.00015) == 15_000_000


@pytest.mark.rule("R-SNAP-05")
def test_a_sell_costs_commission_and_tax() -> None:
    assert sell_cost_krw(1_000_000, 0.00015, Market.KOSPI, date(2025, 6, 27)) == 150 + 1_500
