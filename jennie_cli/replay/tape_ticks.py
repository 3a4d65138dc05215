"""The exchange's tapes as the gateway would publish them: trades and announcements in order, the rest polled."""

from collections.abc import Iterator, Sequence

from jennie_cli.replay.exchange_facts import ExchangeFacts
from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import CONTINUOUS_PHASE, INTERRUPTION_PHASE, Tick
from jennie_sim.market.hours import SECOND_MS, to_instant
from jennie_sim.market.market import Market
from jennie_sim.market.tape import Col
from jennie_sim.protocol.market_events import A_NOTICE, A_TRADE, ANNOUNCE_EVERY_MS, BEHIND_TRADES, Span


class TapeTicks:
    """Ticks of one day's market; trade times have whole seconds, as the broker's records do."""

    def __init__(self, market: Market, facts: ExchangeFacts) -> None:
        self._market = market
        self._facts = facts
        self._midnight_us = to_epoch_us(to_instant(market.day, 0))
        self._volumes: dict[str, int] = {}
        """Shares of the day by code, at its newest tick."""

    def in_order(
        self, span: Span, codes: Sequence[str], notices_ms: Sequence[int]
    ) -> Iterator[tuple[int, Tick | None]]:
        """(second in microseconds, trade or announcement) of a slice; None stands for a notice: it moves time too."""
        events: list[tuple[int, int, str, int, Tick | None]] = [
            (at_ms, A_NOTICE, "", number, None) for number, at_ms in enumerate(notices_ms)
        ]
        for code in codes:
            if code not in self._market.listing:
                continue
            tape = self._market.tape(code)
            rows = tape.between(span.after_ms, span.until_ms)
            events.extend(
                (row[Col.AT_MS], A_TRADE, code, number, self._tick(code, row)) for number, row in enumerate(rows)
            )
            for interruption in tape.interruptions:
                if interruption.ends_ms <= span.after_ms or interruption.begins_ms >= span.until_ms:
                    continue
                events.extend(
                    (at_ms, A_TRADE, code, BEHIND_TRADES, self._announcement(code, at_ms))
                    for at_ms in span.every(ANNOUNCE_EVERY_MS, interruption.begins_ms + 1)
                    if at_ms < interruption.ends_ms
                )
        events.sort(key=lambda event: event[:4])
        for at_ms, _, _, _, tick in events:
            if tick is not None:
                self._volumes[tick.code] = tick.cumulative_volume
            yield self._second_us(at_ms), tick

    def _tick(self, code: str, row: list[int]) -> Tick:
        at_us = self._second_us(row[Col.AT_MS])
        volume, ask, bid = row[Col.VOLUME], row[Col.ASK], row[Col.BID]
        return Tick(code, row[Col.PRICE], row[Col.SIZE], volume, ask, bid, at_us, at_us, CONTINUOUS_PHASE)

    def _announcement(self, code: str, at_ms: int) -> Tick:
        tape = self._market.tape(code)
        index = tape.index_at(at_ms)
        row = tape.row(index) if index >= 0 else [0] * len(Col)
        price = row[Col.PRICE] or self._market.listing[code].base_price_krw
        at_us = self._second_us(at_ms)
        return Tick(code, price, 0, row[Col.VOLUME], row[Col.ASK], row[Col.BID], at_us, at_us, INTERRUPTION_PHASE)

    def polled(self, codes: Sequence[str], end_us: int) -> Iterator[Tick]:
        """Codes beyond the registrations, by quote just before the slice end, as the gateway's poller makes them."""
        stamp = end_us - 1
        for code in sorted(codes):
            quote = self._facts.quote(code)
            if quote is None:
                continue
            before = self._volumes.get(code)
            self._volumes[code] = quote.volume
            if (quote.volume == 0 or before == quote.volume) and not quote.in_volatility_interruption:
                continue
            traded = 0 if before is None else max(0, quote.volume - before)
            phase = INTERRUPTION_PHASE if quote.in_volatility_interruption else CONTINUOUS_PHASE
            yield Tick(code, quote.price_krw, traded, quote.volume, 0, 0, stamp, stamp, phase, "poll")

    def _second_us(self, at_ms: int) -> int:
        return self._midnight_us + at_ms // SECOND_MS * 1_000_000
