"""The tick grid and the price limits over all prices (R-ORD-03, 5.2, 5.3)."""

from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.limits import price_limits
from jennie_core.krx.ticks import (
    ceil_to_tick,
    floor_to_tick,
    is_on_tick,
    nearest_tick,
    step_down,
    step_up,
    tick_size,
    tick_table,
)

PRICES = st.integers(min_value=1, max_value=5_000_000)
DAYS = st.sampled_from([date(2016, 1, 4), date(2023, 1, 24), date(2023, 1, 25), date(2025, 6, 27)])
KINDS = st.sampled_from([AssetKind.COMMON, AssetKind.ETF])
MARKETS = st.sampled_from([Market.KOSPI, Market.KOSDAQ])


@given(price=PRICES, on=DAYS, kind=KINDS, market=MARKETS)
def test_floor_and_ceil_enclose_every_price_by_one_step(price: int, on: date, kind: AssetKind, market: Market) -> None:
    below_one_tick = price < tick_size(price, on=on, kind=kind, market=market)
    above = ceil_to_tick(price, on=on, kind=kind, market=market)
    assert is_on_tick(above, on=on, kind=kind, market=market)
    if below_one_tick:
        return
    below = floor_to_tick(price, on=on, kind=kind, market=market)
    assert is_on_tick(below, on=on, kind=kind, market=market)
    assert below <= price <= above
    assert nearest_tick(price, on=on, kind=kind, market=market) in (below, above)
    if below == price:
        assert above == price
    else:
        assert step_up(below, on=on, kind=kind, market=market) == above


@given(price=PRICES, on=DAYS, market=MARKETS, steps=st.integers(1, 20))
def test_stepping_up_and_down_again_returns(price: int, on: date, market: Market, steps: int) -> None:
    start = ceil_to_tick(price, on=on, market=market)
    assert step_down(step_up(start, steps, on=on, market=market), steps, on=on, market=market) == start


@given(on=DAYS, kind=KINDS, market=MARKETS)
def test_every_boundary_is_legal_in_the_band_above_and_the_band_below(
    on: date, kind: AssetKind, market: Market
) -> None:
    table = tick_table(on, kind, market)
    for (boundary, lower_tick), (_, upper_tick) in pairwise(table):
        assert boundary % lower_tick == 0
        assert boundary % upper_tick == 0
        assert tick_size(boundary - 1, on=on, kind=kind, market=market) == lower_tick
        assert tick_size(boundary, on=on, kind=kind, market=market) == upper_tick


@given(price=PRICES, on=DAYS, market=MARKETS)
def test_limits_are_legal_enclose_the_base_and_never_exceed_thirty_percent(
    price: int, on: date, market: Market
) -> None:
    base = ceil_to_tick(price, on=on, market=market)
    limits = price_limits(base, on=on, market=market)
    assert limits.lower_krw <= base <= limits.upper_krw
    assert is_on_tick(limits.lower_krw, on=on, market=market)
    assert is_on_tick(limits.upper_krw, on=on, market=market)
    assert limits.upper_krw * 10 <= base * 13
    assert limits.lower_krw * 10 >= base * 7
    if limits.upper_krw + 1 <= base * 13 // 10 and on >= date(2023, 1, 25):
        assert step_up(limits.upper_krw, on=on, market=market) * 10 > base * 13
