"""What recorded ticks have shown so far of each code, and what is known of it beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.market import CONTINUOUS_PHASE, INTERRUPTION_PHASE, DailyBar, Quote, Tick
from jennie_core.krx.limits import PriceLimits, price_limits
from jennie_core.replay.day_ports import Slice
from jennie_core.strategy.fills import Listing


@dataclass(frozen=True, slots=True)
class StockFacts:
    """One code before the day: its closed sessions oldest first, its listing, its status."""

    name: str
    bars: tuple[DailyBar, ...]
    listing: Listing
    status: ListingStatus = ListingStatus.NORMAL

    @property
    def previous_close_krw(self) -> int | None:
        """Close of the newest closed session; None = unknown."""
        return self.bars[-1].close_krw if self.bars and self.bars[-1].close_krw > 0 else None


@dataclass(slots=True)
class _Seen:
    price_krw: int
    open_krw: int
    high_krw: int
    low_krw: int
    volume: int
    in_interruption: bool = False


class TapeBoard:
    """Answers like the broker's quotation calls, from the ticks up to the newest slice; without a tick the last close.

    `index` is unknown in a tick log: the throttle then falls to CAUTION after its quarter of an hour (R-THR-09).
    """

    def __init__(self, day: date, stocks: Mapping[str, StockFacts]) -> None:
        self._day = day
        self._stocks = stocks
        self._seen: dict[str, _Seen] = {}
        self._now_us = 0

    def observe(self, piece: Slice) -> None:
        """Take a slice."""
        self._now_us = piece.end_us
        for item in piece.items:
            if isinstance(item, Tick):
                self._take(item)

    def last_price(self, code: str) -> int | None:
        """Last trade, else the previous close, else None."""
        seen = self._seen.get(code)
        return seen.price_krw if seen is not None else self._close_of(code)

    def limits(self, code: str) -> PriceLimits | None:
        """The day's price limits; None without a previous close."""
        close, stock = self._close_of(code), self._stocks.get(code)
        if close is None or stock is None:
            return None
        return price_limits(close, on=self._day, kind=stock.listing.kind, market=stock.listing.market)

    def name(self, code: str) -> str:
        """The code's name, else the code."""
        stock = self._stocks.get(code)
        return code if stock is None else stock.name

    @property
    def now_us(self) -> int:
        """End of the newest slice."""
        return self._now_us

    # ---- the facts of `MarketFacts` -------------------------------------------------------------

    def quote(self, code: str) -> Quote | None:
        """Price, limits and status now; None when price or limits are unknown."""
        price, limits = self.last_price(code), self.limits(code)
        close, stock = self._close_of(code), self._stocks.get(code)
        if price is None or limits is None or close is None or stock is None:
            return None
        seen = self._seen.get(code)
        return Quote(
            code=code,
            name=stock.name,
            price_krw=price,
            previous_close_krw=close,
            open_krw=0 if seen is None else seen.open_krw,
            high_krw=0 if seen is None else seen.high_krw,
            low_krw=0 if seen is None else seen.low_krw,
            volume=0 if seen is None else seen.volume,
            turnover_krw=0,
            upper_limit_krw=limits.upper_krw,
            lower_limit_krw=limits.lower_krw,
            change_pct=(price - close) * 100 / close,
            status=stock.status,
            market=stock.listing.market,
            asset_kind=stock.listing.kind,
            in_volatility_interruption=seen is not None and seen.in_interruption,
            quoted_at=from_epoch_us(self._now_us),
        )

    def daily_bars(self, code: str, sessions: int, until: date | None = None) -> Sequence[DailyBar] | None:
        """Closed sessions; without `until` the running one counts among them once it has traded."""
        stock = self._stocks.get(code)
        if stock is None:
            return None
        seen = self._seen.get(code)
        running = seen is not None and seen.volume > 0 and (until is None or until >= self._day)
        past = [bar for bar in stock.bars if until is None or bar.trade_date <= until]
        return past[-(sessions - 1) :] if running else past[-sessions:]

    def kospi_change_pct(self) -> float | None:
        """A tick log holds no index."""
        return None

    def listing(self, code: str) -> Listing:
        """Market and kind; unknown pays the highest tax."""
        stock = self._stocks.get(code)
        return Listing() if stock is None else stock.listing

    def _close_of(self, code: str) -> int | None:
        stock = self._stocks.get(code)
        return None if stock is None else stock.previous_close_krw

    def _take(self, tick: Tick) -> None:
        seen = self._seen.get(tick.code)
        if tick.session_phase == INTERRUPTION_PHASE:
            if seen is not None:
                seen.in_interruption = True
            return
        if tick.session_phase != CONTINUOUS_PHASE or tick.price_krw <= 0:
            return
        price = tick.price_krw
        if seen is None:
            self._seen[tick.code] = _Seen(price, price, price, price, tick.cumulative_volume)
            return
        seen.price_krw, seen.in_interruption = price, False
        seen.high_krw, seen.low_krw = max(seen.high_krw, price), min(seen.low_krw, price)
        seen.volume = max(seen.volume, tick.cumulative_volume)
