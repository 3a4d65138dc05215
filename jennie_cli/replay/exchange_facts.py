"""What the rehearsal exchange would answer to quotation calls, asked inside the process."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import polars as pl

from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.market import DailyBar, Quote
from jennie_core.strategy.fills import Listing
from jennie_sim.market.hours import to_instant
from jennie_sim.market.market import Market
from jennie_sim.market.snapshot import take_snapshot

KOSPI = "KOSPI"


class ExchangeFacts:
    """Quotes, charts and the index at the exchange's present instant."""

    def __init__(self, market: Market, now_ms: Callable[[], int]) -> None:
        self._market = market
        self._day = market.day
        self._now_ms = now_ms

    @property
    def codes(self) -> list[str]:
        """Every listed code."""
        return list(self._market.listing)

    @property
    def _now(self) -> datetime:
        return to_instant(self._day, self._now_ms())

    def quote(self, code: str) -> Quote | None:
        """The quotation call's figures."""
        if code not in self._market.listing:
            return None
        seen = take_snapshot(self._market, code, self._now_ms())
        return Quote(
            code=code,
            name=seen.listed.name,
            price_krw=seen.price,
            previous_close_krw=seen.listed.base_price_krw,
            open_krw=seen.open,
            high_krw=seen.high,
            low_krw=seen.low,
            volume=seen.volume,
            turnover_krw=seen.turnover,
            upper_limit_krw=seen.upper,
            lower_limit_krw=seen.lower,
            change_pct=round(seen.change_pct, 2),
            status=ListingStatus.HALTED if seen.halted else seen.listed.status,
            market=seen.listed.market,
            asset_kind=seen.listed.kind,
            in_volatility_interruption=seen.interruption is not None,
            quoted_at=self._now,
        )

    def daily_bars(self, code: str, sessions: int, until: date | None = None) -> Sequence[DailyBar] | None:
        """Daily chart; without `until` the running session is its last bar once it has traded."""
        if code not in self._market.listing:
            return None
        columns = ("date", "open", "high", "low", "close", "volume")
        past = self._market.history(code).select(columns)
        if until is not None:
            past = past.filter(pl.col("date") <= until)
        bars = [_bar(code, *row) for row in past.tail(sessions).iter_rows()]
        seen = take_snapshot(self._market, code, self._now_ms())
        if seen.volume and (until is None or until >= self._day):
            bars.append(_bar(code, self._day, seen.open, seen.high, seen.low, seen.price, seen.volume))
        return bars[-sessions:]

    def kospi_change_pct(self) -> float | None:
        """Change of the index with the two decimals that the broker shows."""
        index = self._market.index(KOSPI)
        return None if index is None else float(f"{index.at(self._now_ms()).change_pct:.2f}")

    def listing(self, code: str) -> Listing:
        """Market and kind from the pack."""
        found = self._market.listing.get(code)
        return Listing() if found is None else Listing(found.market, found.kind)


def _bar(code: str, day: date, opened: float, high: float, low: float, close: float, volume: int) -> DailyBar:
    return DailyBar(
        code=code,
        trade_date=day,
        open_krw=int(opened),
        high_krw=int(high),
        low_krw=int(low),
        close_krw=int(close),
        volume=int(volume),
    )
