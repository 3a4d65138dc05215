"""Every share is booked once, whether a notice or an inquiry tells of it (drills 6, 8, 9)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import AssetKind, Market, OrderSide, OrderState
from jennie_core.strategy.fills import DOUBT_US, Inquiry, Listing, costs, from_inquiry, listing_of
from tests.unit.desk.test_unknown import SENT, intent, row

RATIO = 0.00015
OURS = replace(intent(quantity=1_000), order_number="7", state=OrderState.ACCEPTED)


@given(st.integers(1, 1_000), st.integers(100, 900_000), st.integers(0, 999_999))
def test_an_inquiry_fill_has_the_exact_remaining_amount(quantity: int, price: int, odd: int) -> None:
    amount = quantity * price + odd % quantity
    found = from_inquiry(OURS, row(filled_quantity=quantity, filled_amount_krw=amount), SENT, RATIO)
    assert sum(fill.quantity for fill in found) == quantity
    assert sum(fill.amount_krw for fill in found) == amount


def test_only_what_is_missing_is_booked() -> None:
    half = replace(OURS, filled_quantity=40, filled_amount_krw=400_000)
    found = from_inquiry(half, row(filled_quantity=100, filled_amount_krw=1_060_000), SENT, RATIO)
    assert [(fill.quantity, fill.price_krw, fill.source) for fill in found] == [(60, 11_000, "inquiry")]
    assert from_inquiry(half, row(filled_quantity=40, filled_amount_krw=400_000), SENT, RATIO) == []


def test_the_same_inquiry_gives_the_same_fill_ids() -> None:
    seen = row(filled_quantity=7, filled_amount_krw=70_003)
    first, again = (from_inquiry(OURS, seen, SENT + timedelta(seconds=s), RATIO) for s in (0, 30))
    assert [fill.fill_id for fill in first] == [fill.fill_id for fill in again]


@pytest.mark.rule("R-ORD-11")
def test_an_absent_amount_keeps_the_requested_price() -> None:
    found = from_inquiry(OURS, row(filled_quantity=3, filled_amount_krw=0), SENT, RATIO)
    assert found[0].price_krw == OURS.reference_price_krw


def test_a_late_notice_of_a_covered_execution_adds_nothing() -> None:
    at = to_epoch_us(SENT)
    assert Inquiry(at).may_cover(at - 1)
    assert not Inquiry(at).may_cover(at)
    assert Inquiry(at, untold=1).may_cover(at + DOUBT_US)
    assert not Inquiry(at, untold=1).may_cover(at + DOUBT_US + 1)


def test_while_a_notice_is_set_aside_every_one_near_the_inquiry_waits_for_the_next_reading() -> None:
    """Drill 8: the one that was set aside may have been the new execution, this one the old."""
    at = to_epoch_us(SENT)
    doubtful = Inquiry(at, untold=1).set_aside(1)
    assert doubtful.may_cover(at)
    settled = doubtful.followed_by(at, 1)
    assert settled.untold == 1
    assert settled.may_cover(at)
    assert not settled.set_aside(1).followed_by(at, 0).may_cover(at)


def test_costs_are_truncated_and_only_sales_are_taxed() -> None:
    """5.5, 5.6: 0.15 % on sales settled in 2025."""
    assert costs(OrderSide.BUY, 1_000_001, SENT.date(), RATIO) == (150, 0)
    assert costs(OrderSide.SELL, 1_000_001, SENT.date(), RATIO) == (150, 1_500)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(100, 90_000)), min_size=1, max_size=8), st.data())
def test_what_an_order_costs_does_not_depend_on_how_its_fills_were_told(
    executions: list[tuple[int, int]], data: st.DataObject
) -> None:
    """I2: after a lost reply an inquiry tells of several executions at once; costs agree to the won all the same."""
    sale = replace(OURS, side=OrderSide.SELL)
    one_by_one, told = [0, 0], 0
    for quantity, price in executions:
        fee, tax = costs(OrderSide.SELL, quantity * price, SENT.date(), RATIO, told)
        one_by_one, told = [one_by_one[0] + fee, one_by_one[1] + tax], told + quantity * price
    shares = sum(quantity for quantity, _ in executions)
    early = data.draw(st.integers(0, len(executions) - 1))
    part = executions[:early]
    seen = replace(sale, filled_quantity=sum(q for q, _ in part), filled_amount_krw=sum(q * price for q, price in part))
    fee, tax = costs(OrderSide.SELL, seen.filled_amount_krw, SENT.date(), RATIO)
    rest = from_inquiry(seen, row(filled_quantity=shares, filled_amount_krw=told), SENT, RATIO)
    assert [fee + sum(fill.fee_krw for fill in rest), tax + sum(fill.tax_krw for fill in rest)] == one_by_one


@pytest.mark.parametrize(
    ("sold_on", "market", "kind", "tax_krw"),
    [
        (date(2025, 6, 27), Market.KOSPI, AssetKind.COMMON, 1_500),
        (date(2025, 6, 27), Market.KOSDAQ, AssetKind.COMMON, 1_500),
        (date(2025, 6, 27), Market.KONEX, AssetKind.COMMON, 1_000),
        (date(2025, 6, 27), Market.KOSPI, AssetKind.ETF, 0),
        (date(2025, 6, 27), Market.UNKNOWN, AssetKind.COMMON, 1_500),
        (date(2024, 12, 27), Market.KOSDAQ, AssetKind.COMMON, 1_500),
        (date(2024, 12, 26), Market.KOSDAQ, AssetKind.COMMON, 1_800),
        (date(2020, 3, 19), Market.KONEX, AssetKind.COMMON, 1_000),
        (date(2020, 3, 19), Market.KOSDAQ, AssetKind.COMMON, 2_500),
    ],
)
def test_a_sale_pays_the_tax_of_its_market_and_settlement_date(
    sold_on: date, market: Market, kind: AssetKind, tax_krw: int
) -> None:
    """5.5: the listing is kept with the intent, so that a restart changes no rate."""
    context = Listing(market, kind).as_context()
    sale = replace(OURS, side=OrderSide.SELL, market_day=sold_on, context=context)
    found = from_inquiry(sale, row(filled_quantity=100, filled_amount_krw=1_000_000), SENT, RATIO)
    assert sum(fill.tax_krw for fill in found) == tax_krw
    assert listing_of(sale) == Listing(market, kind)
