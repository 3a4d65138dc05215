"""Which kind of order a buy becomes and which price its cash is checked at (R-ORD-02, R-ORD-03)."""

from dataclasses import dataclass
from datetime import date

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import AssetKind, Market, OrderType, SignalType
from jennie_core.krx.costs import MILLION
from jennie_core.krx.ticks import floor_to_tick


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Type and prices of a buy order."""

    order_type: OrderType
    limit_price_krw: int | None
    cash_price_krw: int
    """Won per share the broker sets aside: the limit price, or the upper price limit for a market order."""


def buy_order_terms(
    signal_type: SignalType,
    price_krw: int,
    upper_limit_krw: int | None,
    *,
    premium_ratio: float,
    on: date,
    kind: AssetKind = AssetKind.COMMON,
    market: Market = Market.KOSPI,
) -> OrderTerms | Refusal:
    """Momentum family: limit at price x (1 + premium) floored to the tick, never above the upper limit; others market.

    The broker checks a market buy at the day's upper limit, so without a known limit it cannot be sized.
    """
    if signal_type.is_momentum_family:
        with_premium = price_krw * (MILLION + round(premium_ratio * MILLION)) // MILLION
        limit = floor_to_tick(with_premium, on=on, kind=kind, market=market)
        if upper_limit_krw is not None:
            limit = min(limit, upper_limit_krw)
        return OrderTerms(OrderType.LIMIT, limit, limit)
    if upper_limit_krw is None:
        return Refusal(rule="R-ORD-02", detail="upper price limit unknown: a market buy cannot be checked for cash")
    return OrderTerms(OrderType.MARKET, None, max(upper_limit_krw, price_krw))
