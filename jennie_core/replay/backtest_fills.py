"""Whether and at which price an order would have traded inside a daily bar: the conservative side of what a bar tells.

A bar says nothing of the order of its prices, of the queue or of the book. Hence: every trade pays the slippage, a day
takes at most a stated share of the bar's volume, and nobody gets out of a bar that never left its lower limit.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from math import floor

from jennie_core.krx.limits import PriceLimits, price_limits
from jennie_core.krx.ticks import tick_size
from jennie_core.replay.backtest_bars import Bar, Listing
from jennie_core.replay.backtest_terms import BPS, BacktestTerms


class Miss(StrEnum):
    """Why an order did not trade."""

    HALTED = "halted"
    LIMIT_UP = "limit_up"
    LIMIT_DOWN = "limit_down"
    THIN = "thin_volume"
    NOT_REACHED = "limit_not_reached"


def day_limits(base_krw: int, listing: Listing, on: date) -> PriceLimits:
    """The day's price limits from the close before."""
    return price_limits(base_krw, on=on, kind=listing.kind, market=listing.market)


def day_capacity(bar: Bar, terms: BacktestTerms) -> int:
    """Shares that one day's orders of a code may take of its bar."""
    return floor(bar.volume * terms.volume_share_pct / 100)


def buy_fill(
    bar: Bar, limit_krw: int, quantity: int, *, base_krw: int, listing: Listing, on: date, terms: BacktestTerms
) -> int | Miss:
    """Price of a limit buy sent at the open, all or nothing.

    Adjusted prices are off the tick grid, so within one tick of the upper limit counts as the limit. A limit below
    the open rests and trades at its own price when the bar comes down to it.
    """
    if bar.is_halted:
        return Miss.HALTED
    upper = day_limits(base_krw, listing, on).upper_krw
    if bar.open_krw >= upper - tick_size(upper, on=on, kind=listing.kind, market=listing.market):
        return Miss.LIMIT_UP
    if quantity > day_capacity(bar, terms):
        return Miss.THIN
    if bar.low_krw > limit_krw:
        return Miss.NOT_REACHED
    if bar.open_krw > limit_krw:
        return limit_krw
    slipped = -(-bar.open_krw * (BPS + terms.slippage_bps) // BPS)
    return min(limit_krw, listing.ceil(slipped, on))


def sell_block(bar: Bar | None, *, base_krw: int, listing: Listing, on: date) -> Miss | None:
    """Why nothing can be sold in this bar at all: no trade, or a session that never left the lower limit."""
    if bar is None or bar.is_halted:
        return Miss.HALTED
    lower = day_limits(base_krw, listing, on).lower_krw
    if bar.high_krw <= lower + tick_size(lower, on=on, kind=listing.kind, market=listing.market):
        return Miss.LIMIT_DOWN
    return None


def sell_price(trigger_krw: int, *, base_krw: int, listing: Listing, on: date, terms: BacktestTerms) -> int:
    """Price of a market sell raised at `trigger_krw`: a slippage worse, on the grid, not below the lower limit."""
    slipped = listing.floor(trigger_krw * (BPS - terms.slippage_bps) // BPS, on)
    return min(trigger_krw, max(slipped, day_limits(base_krw, listing, on).lower_krw))


def walk(start_krw: int, end_krw: int, listing: Listing, on: date) -> Iterator[int]:
    """Prices from `start_krw` (left out) to `end_krw` (always last), one tick after the other."""
    if end_krw < start_krw:
        price = listing.floor(start_krw - 1, on)
        while price > end_krw:
            yield price
            price = listing.floor(price - 1, on)
    else:
        price = listing.ceil(start_krw + 1, on)
        while price < end_krw:
            yield price
            price = listing.ceil(price + 1, on)
    yield end_krw
