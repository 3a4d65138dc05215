"""Tick sizes (호가단위) by date, market and kind of security, and moves on the tick grid (R-ORD-03, 5.2)."""

from datetime import date
from math import floor

from jennie_core.domain.enums import AssetKind, Market

Table = tuple[tuple[int, int], ...]
"""Rows (price below which the tick holds, tick); the last row has no upper bound."""

UNBOUNDED = 1 << 62
REFORM_DAY = date(2023, 1, 25)
FUND_REFORM_DAY = date(2023, 12, 11)

_CURRENT: Table = (
    (2_000, 1),
    (5_000, 5),
    (20_000, 10),
    (50_000, 50),
    (200_000, 100),
    (500_000, 500),
    (UNBOUNDED, 1_000),
)
_KOSPI_UNTIL_2023: Table = (
    (1_000, 1),
    (5_000, 5),
    (10_000, 10),
    (50_000, 50),
    (100_000, 100),
    (500_000, 500),
    (UNBOUNDED, 1_000),
)
_KOSDAQ_UNTIL_2023: Table = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (UNBOUNDED, 100))
_FUND: Table = ((2_000, 1), (UNBOUNDED, 5))
_FUND_UNTIL_2023: Table = ((UNBOUNDED, 5),)


def tick_table(on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> Table:
    """The table in force on `on`. Before 2023-01-25 KOSDAQ and KONEX had no tick above 100 won."""
    if kind in (AssetKind.ETF, AssetKind.ETN):
        return _FUND if on >= FUND_REFORM_DAY else _FUND_UNTIL_2023
    if on >= REFORM_DAY:
        return _CURRENT
    return _KOSDAQ_UNTIL_2023 if market in (Market.KOSDAQ, Market.KONEX) else _KOSPI_UNTIL_2023


def tick_size(price_krw: float, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> int:
    """Tick of the band that holds `price_krw`, in won. Raises ValueError for a price that is not positive."""
    if not price_krw > 0:
        raise ValueError(f"price must be positive, got {price_krw}")
    for below, tick in tick_table(on, kind, market):
        if price_krw < below:
            return tick
    raise AssertionError("the last row of a tick table has no bound")


def floor_to_tick(
    price_krw: float, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> int:
    """The highest legal price not above `price_krw`. Raises ValueError below one won."""
    whole = floor(price_krw)
    tick = tick_size(whole, on=on, kind=kind, market=market)
    return whole // tick * tick


def ceil_to_tick(
    price_krw: float, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> int:
    """The lowest legal price not below `price_krw`."""
    whole = -floor(-price_krw)
    tick = tick_size(whole, on=on, kind=kind, market=market)
    return -(-whole // tick) * tick


def nearest_tick(
    price_krw: float, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> int:
    """The legal price nearest to `price_krw`; the lower one of two equally near."""
    above = ceil_to_tick(price_krw, on=on, kind=kind, market=market)
    if price_krw < 1:
        return above
    below = floor_to_tick(price_krw, on=on, kind=kind, market=market)
    return below if price_krw - below <= above - price_krw else above


def is_on_tick(price_krw: int, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI) -> bool:
    """Whether an order at this price is legal as to its tick."""
    return price_krw > 0 and price_krw % tick_size(price_krw, on=on, kind=kind, market=market) == 0


def step_up(
    price_krw: int, steps: int = 1, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> int:
    """`steps` legal prices above `price_krw`; from an illegal price the first step is the next legal one."""
    price = price_krw
    for _ in range(steps):
        price = ceil_to_tick(price + 1, on=on, kind=kind, market=market)
    return price


def step_down(
    price_krw: int, steps: int = 1, *, on: date, kind: AssetKind = AssetKind.COMMON, market: Market = Market.KOSPI
) -> int:
    """`steps` legal prices below `price_krw` (2,000 steps down to 1,999). Raises ValueError below one tick."""
    price = price_krw
    for _ in range(steps):
        price = floor_to_tick(price - 1, on=on, kind=kind, market=market)
        if price <= 0:
            raise ValueError(f"no legal price below {price_krw}")
    return price
