"""Codes without a registration are asked for by REST within the read budget (R-GW-12, S4)."""

import asyncio
from collections.abc import Callable, Iterable

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import Quote, Tick
from jennie_infra.clock import real_now_us
from jennie_infra.kis.errors import KisError
from jennie_infra.kis.reads import KisReads

CALLER = "polling"
PERIOD_US = 3_000_000
NO_QUOTE_KRW = 0
"""inquire-price has no order book; a level of 0 means "empty", as in the broker's own records."""


class Poller:
    """Asks for the due codes and turns answers into ticks whose volume is what was traded since the last known total:
    that of the previous answer or, for a code that was streamed until now, that of its last trade (`streamed_volume`).
    """

    def __init__(self, reads: KisReads, streamed_volume: Callable[[str], int | None] = lambda code: None) -> None:
        self._reads = reads
        self._streamed_volume = streamed_volume
        self._asked_us: dict[str, int] = {}
        self._volume: dict[str, int] = {}
        self.failures = 0

    async def poll(self, codes: Iterable[str], now_us: int, stamp_us: int) -> list[Tick]:
        """Ticks of the due codes, sorted by code. `stamp_us` is their exchange time: just before the next mark."""
        due = [code for code in codes if now_us - self._asked_us.get(code, now_us - PERIOD_US) >= PERIOD_US]
        if not due:
            return []
        self._asked_us |= dict.fromkeys(due, now_us)
        answers = await asyncio.gather(*(self._ask(code) for code in due))
        ticks = [tick for quote in answers if quote is not None and (tick := self._tick(quote, stamp_us)) is not None]
        return sorted(ticks)

    def forget(self) -> None:
        """Start over, as on a new market day."""
        self._asked_us.clear()
        self._volume.clear()

    async def _ask(self, code: str) -> Quote | None:
        try:
            return await self._reads.quote(code, CALLER)
        except KisError:
            self.failures += 1
            return None

    def _tick(self, quote: Quote, stamp_us: int) -> Tick | None:
        """None before the first trade, or when nothing was traded since the last answer.

        In a volatility interruption nothing is traded either, but that is why the code is quiet (T6).
        """
        totals = (self._volume.get(quote.code), self._streamed_volume(quote.code))
        previous = max((total for total in totals if total is not None), default=None)
        self._volume[quote.code] = quote.volume
        if (quote.volume == 0 or previous == quote.volume) and not quote.in_volatility_interruption:
            return None
        traded = 0 if previous is None or previous > quote.volume else quote.volume - previous
        return Tick(
            code=quote.code,
            price_krw=quote.price_krw,
            volume=traded,
            cumulative_volume=quote.volume,
            ask_krw=NO_QUOTE_KRW,
            bid_krw=NO_QUOTE_KRW,
            exchange_us=min(stamp_us, to_epoch_us(quote.quoted_at)),
            received_us=real_now_us(),
            session_phase="C" if quote.in_volatility_interruption else "0",
            source="poll",
        )
