"""A held stock of which nothing was heard is asked for before its price counts as stale (R-EXIT-20, T6)."""

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import CONTINUOUS_PHASE, INTERRUPTION_PHASE, Quote, Tick
from jennie_core.domain.trading_settings import SellSettings
from jennie_core.krx.sessions import SessionTimes

QUOTE_LEAD_SECONDS = 15
"""A quote is asked this long before a price would count as stale."""


def quiet_limit_us(settings: SellSettings) -> int:
    """Silence after which a held code is asked for."""
    return max(1, settings.stale_price_seconds - QUOTE_LEAD_SECONDS) * 1_000_000


def in_continuous_trading(times: SessionTimes, market_us: int) -> bool:
    """Whether silence means anything at this instant."""
    return times.open_us <= market_us < to_epoch_us(times.closing_auction_at)


def quoted_tick(quote: Quote, market_us: int, received_us: int) -> Tick:
    """A quote as a trade of no shares at the time of the mark; in a volatility interruption as its announcement."""
    return Tick(
        code=quote.code,
        price_krw=quote.price_krw,
        volume=0,
        cumulative_volume=quote.volume,
        ask_krw=0,
        bid_krw=0,
        exchange_us=market_us,
        received_us=received_us,
        session_phase=INTERRUPTION_PHASE if quote.in_volatility_interruption else CONTINUOUS_PHASE,
        source="poll",
    )
