"""Quotes and closed sessions that a buy desk has read so far, with their age (R-COR, Q3)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from jennie_core.domain.market import Quote
from jennie_core.replay.day_ports import MarketFacts
from jennie_core.strategy.daily_history import SESSIONS, History, history_of
from jennie_core.strategy.fact_reads import QUOTE_LIFE, due_reads


class KnownFacts:
    """Reads a few facts at each settled mark, as the live desk does within its budget."""

    def __init__(self, market: MarketFacts, day: date) -> None:
        self._market = market
        self._day = day
        self._quotes: dict[str, Quote] = {}
        self._read_at: dict[str, datetime] = {}
        self.history: dict[str, History] = {}

    def quote(self, code: str, now: datetime) -> Quote | None:
        """A quote that is not too old."""
        read_at = self._read_at.get(code)
        return self._quotes[code] if read_at is not None and now - read_at <= QUOTE_LIFE else None

    def ask_quote(self, code: str, now: datetime) -> Quote | None:
        """The quote of this moment; None when it is unknown."""
        quote = self._market.quote(code)
        if quote is not None:
            self._quotes[code], self._read_at[code] = quote, now
        return quote

    def ask_history(self, code: str) -> None:
        """Closed sessions of a code unless they are known."""
        if code in self.history:
            return
        bars = self._market.daily_bars(code, SESSIONS, self._day - timedelta(days=1))
        if bars is not None:
            self.history[code] = history_of(bars, self._day)

    def prepare(self, codes: Iterable[str], now: datetime) -> None:
        """Some of what is missing or old; held codes come first."""
        histories, quotes = due_reads(codes, self.history, self._read_at, now)
        for code in histories:
            self.ask_history(code)
        for code in quotes:
            self.ask_quote(code, now)
