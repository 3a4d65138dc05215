"""What a buy needs to know of a code beyond its signal: quote and closes, fetched off the hot path (R-COR, Q3)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from jennie_core.domain.market import Quote
from jennie_core.strategy.daily_history import SESSIONS, History, history_of
from jennie_core.strategy.fact_reads import QUOTE_LIFE, due_reads
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.desk.ports import BrokerDoor


class MarketFacts:
    """Quotes and daily closes by code, with their age. Absent is unknown; a decision may ask for it at once."""

    def __init__(self, gateway: BrokerDoor) -> None:
        self._gateway = gateway
        self._quotes: dict[str, Quote] = {}
        self._read_at: dict[str, datetime] = {}
        self._history: dict[str, History] = {}
        self._day: date | None = None

    @property
    def history(self) -> Mapping[str, History]:
        """Histories known today."""
        return MappingProxyType(self._history)

    def begin_day(self, day: date) -> None:
        """Forget yesterday's facts."""
        self._day = day
        self._quotes.clear()
        self._read_at.clear()
        self._history.clear()

    def quote(self, code: str, now: datetime) -> Quote | None:
        """Facts of a quote (limits, status) that is not too old; its price is of the past."""
        read_at = self._read_at.get(code)
        return self._quotes[code] if read_at is not None and now - read_at <= QUOTE_LIFE else None

    async def ask_quote(self, code: str, now: datetime) -> Quote | None:
        """The broker's quote now; None when it cannot be read."""
        try:
            quote = await self._gateway.quote(code)
        except GatewayError as error:
            get_logger().warning("quote unknown", code=code, error=str(error))
            return None
        self._quotes[code], self._read_at[code] = quote, now
        return quote

    async def ask_history(self, code: str) -> History | None:
        """Closed sessions of a code; None when they cannot be read."""
        if code in self._history or self._day is None:
            return self._history.get(code)
        try:
            bars = await self._gateway.daily_bars(code, SESSIONS, self._day - timedelta(days=1))
        except GatewayError as error:
            get_logger().warning("daily bars unknown", code=code, error=str(error))
            return None
        self._history[code] = history_of(bars, self._day)
        return self._history[code]

    async def prepare(self, held: Iterable[str], listed: Iterable[str], now: datetime) -> None:
        """Fetch some of what is missing or old: held codes first, then the watchlist by rank."""
        histories, quotes = due_reads([*held, *listed], self._history, self._read_at, now)
        for code in histories:
            await self.ask_history(code)
        for code in quotes:
            await self.ask_quote(code, now)
