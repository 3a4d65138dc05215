"""When a buy must rest on the broker's quote of this moment (R-BUY-11, R-BUY-14, R-BUY-17)."""

from datetime import datetime

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.market import Quote
from jennie_core.domain.signals import BuySignal

FRESH_SECONDS = 2.0
"""A trade younger than this is the broker's price of now, and proof that the code trades."""


def needs_quote(signal: BuySignal, known: Quote | None, market_time: datetime) -> bool:
    """Whether signal and `known` quote are not enough: no young trade behind the signal, or reason to doubt the quote.

    An owner's order has no trade behind it; an interruption or a status that forbids buying may be over by now.
    """
    if known is None or signal.source == "manual":
        return True
    if known.in_volatility_interruption or known.status is not ListingStatus.NORMAL:
        return True
    age_us = to_epoch_us(market_time) - min(signal.tick_exchange_us, to_epoch_us(signal.signalled_at))
    return age_us > FRESH_SECONDS * 1_000_000
