"""Daily price limits (상한가, 하한가) from the reference price (5.3)."""

from datetime import date
from typing import NamedTuple

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.ticks import ceil_to_tick, floor_to_tick, tick_size

THIRTY_PERCENT_FROM = date(2015, 6, 15)


class PriceLimits(NamedTuple):
    """Lowest and highest price at which an order is accepted."""

    lower_krw: int
    upper_krw: int

    def holds(self, price_krw: int) -> bool:
        """Whether a price lies inside the limits."""
        return self.lower_krw <= price_krw <= self.upper_krw


def price_limits(
    base_krw: int, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> PriceLimits:
    """Limits for a reference price (previous close, adjusted on ex-rights days).

    Upper: base + 30 % rounded down to the tick of the resulting price. Lower: base minus (30 % of base rounded down to
    the tick of the *base* price). Before 2015-06-15 the width was 15 %. First days, liquidation trading: not covered.
    """
    width_pct = 30 if on >= THIRTY_PERCENT_FROM else 15
    upper = floor_to_tick(base_krw * (100 + width_pct) // 100, on=on, kind=kind, market=market)
    base_tick = tick_size(base_krw, on=on, kind=kind, market=market)
    lower = base_krw - base_krw * width_pct // 100 // base_tick * base_tick
    return PriceLimits(ceil_to_tick(max(lower, 1), on=on, kind=kind, market=market), upper)


def upper_limit(base_krw: int, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> int:
    """상한가: the price at which a market buy is checked against cash."""
    return price_limits(base_krw, on=on, kind=kind, market=market).upper_krw


def lower_limit(base_krw: int, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> int:
    """하한가."""
    return price_limits(base_krw, on=on, kind=kind, market=market).lower_krw
