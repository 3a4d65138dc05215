"""What the market says about one code in a slice of time: trades, order books, operation events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jennie_sim.market.auction import expected_match
from jennie_sim.market.book import EMPTY_BOOK, Book, book_after
from jennie_sim.market.hours import SECOND_MS, hhmmss
from jennie_sim.market.tape import Col, Tape
from jennie_sim.protocol import frames
from jennie_sim.protocol.book_record import book_record
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.operation_record import (
    BREAKER_BEGINS,
    BREAKER_CLOSES,
    BREAKER_ENDS,
    CLOSED,
    CLOSING_AUCTION,
    OPENED,
    OPENING_AUCTION,
    operation_record,
)
from jennie_sim.protocol.session import BOOK, OPERATION, TRADE
from jennie_sim.protocol.trade_record import TradeRecord

A_TRADE, A_BOOK, AN_OPERATION, A_NOTICE = range(4)
ANNOUNCE_EVERY_MS = 10 * SECOND_MS
"""An interruption is announced at its begin and again, so that who connects later learns of it too."""
BEHIND_TRADES = 1 << 20
"""Number of an announcement within its instant: after every trade."""


class Event(NamedTuple):
    """One thing to send; sorts by exchange time, within an instant trades, books, notices, then key and number.

    `text` is a record for a trade and a whole frame for the others.
    """

    at_ms: int
    kind: int
    key: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A slice: after < exchange time <= until."""

    after_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether an instant belongs to the slice."""
        return self.after_ms < at_ms <= self.until_ms

    def every(self, step_ms: int, since_ms: int = 0) -> range:
        """The instants of the slice that are whole steps from `since_ms`, none before it."""
        first = max(self.after_ms + 1, since_ms)
        return range(first + (since_ms - first) % step_ms, self.until_ms + 1, step_ms)


class MarketEvents:
    """Renders market data; a code's renderer is prepared at its first use."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._market = broker.market
        self._records: dict[str, tuple[Tape, TradeRecord]] = {}
        self._makers: dict[str, Callable[[str, Span], Iterator[Event]]] = {
            TRADE: self._trades,
            BOOK: self._books,
            OPERATION: self._operations,
        }

    def of(self, tr_id: str, code: str, span: Span) -> list[Event]:
        """Everything of one registration; empty for a TR that this exchange is silent on."""
        maker = self._makers.get(tr_id)
        return [] if maker is None else list(maker(code, span))

    def _trades(self, code: str, span: Span) -> Iterator[Event]:
        tape = self._market.tape(code)
        rows = tape.between(span.after_ms, span.until_ms)
        if rows:
            render = self._record_of(code).render
            for number, row in enumerate(rows):
                yield Event(row[Col.AT_MS], A_TRADE, code, number, render(row))
        for interruption in tape.interruptions:
            if interruption.ends_ms <= span.after_ms or interruption.begins_ms >= span.until_ms:
                continue
            for at_ms in span.every(ANNOUNCE_EVERY_MS, interruption.begins_ms + 1):
                if at_ms < interruption.ends_ms:
                    index = tape.index_at(at_ms)
                    last = tape.row(index) if index >= 0 else None
                    text = self._record_of(code).render_interruption(last, at_ms)
                    yield Event(at_ms, A_TRADE, code, BEHIND_TRADES, text)

    def _books(self, code: str, span: Span) -> Iterator[Event]:
        """One order book after each trade, and every ten seconds of a call auction one with the expected match."""
        market, tape = self._market, self._market.tape(code)
        limits, grid = market.limits(code), market.grid(code)
        for number, row in enumerate(tape.between(span.after_ms, span.until_ms)):
            index = tape.index_at(row[Col.AT_MS])
            book = book_after(tape, index, grid, limits.lower_krw, limits.upper_krw)
            yield self._book_event(code, row[Col.AT_MS], number, book, row[Col.VOLUME])
        for at_ms in span.every(ANNOUNCE_EVERY_MS):
            if market.in_auction(code, at_ms) and expected_match(market, code, at_ms) is not None:
                index = tape.index_at(at_ms)
                book = book_after(tape, index, grid, limits.lower_krw, limits.upper_krw) if index >= 0 else EMPTY_BOOK
                volume = tape.row(index)[Col.VOLUME] if index >= 0 else 0
                yield self._book_event(code, at_ms, BEHIND_TRADES, book, volume)

    def _book_event(self, code: str, at_ms: int, number: int, book: Book, volume: int) -> Event:
        expected = expected_match(self._market, code, at_ms)
        base, fields = self._market.listing[code].base_price_krw, self._broker.settings.wire_revision.book_fields
        record = book_record(code, hhmmss(at_ms), book, volume, fields, expected, base)
        return Event(at_ms, A_BOOK, code, number, frames.data_frame(BOOK, record))

    def _operations(self, code: str, span: Span) -> Iterator[Event]:
        """Phases of the session, volatility interruptions and halts of one code."""
        market, hours = self._market, self._market.hours
        facts = {
            (hours.entry_ms, OPENING_AUCTION),
            (hours.open_ms, OPENED),
            (hours.continuous_end_ms, CLOSING_AUCTION),
            (hours.close_ms, CLOSED),
        }
        for row in market.tape(code).interruptions:
            facts |= {(row.begins_ms + 1, OPENED), (row.ends_ms, OPENED)}
        # a halt is called while time stands at the end of the slice before
        facts |= {(at_ms + 1, OPENED) for at_ms, halted_code in market.halt_calls if halted_code == code}
        for breaker in market.breakers(code):
            facts |= {(breaker.begins_ms, BREAKER_CLOSES if breaker.ends_the_day else BREAKER_BEGINS)}
            if breaker.ends_the_day:
                facts = {fact for fact in facts if fact[0] <= breaker.begins_ms}
            else:
                facts |= {(breaker.resumes_ms, BREAKER_ENDS)}
        for number, (at_ms, phase) in enumerate(sorted(facts)):
            if span.holds(at_ms):
                record = operation_record(market, code, at_ms, phase)
                yield Event(at_ms, AN_OPERATION, code, number, frames.data_frame(OPERATION, record))

    def _record_of(self, code: str) -> TradeRecord:
        market, tape = self._market, self._market.tape(code)
        known = self._records.get(code)
        if known is not None and known[0] is tape:
            return known[1]
        listed, limits, history = market.listing[code], market.limits(code), market.history(code)
        record = TradeRecord(
            tape,
            day=market.day,
            hours=market.hours,
            base_krw=listed.base_price_krw,
            upper_krw=limits.upper_krw,
            lower_krw=limits.lower_krw,
            previous_volume=int(history["volume"][-1] or 0) if history.height else 0,
            listed_shares=listed.listed_shares,
            fields=self._broker.settings.wire_revision.trade_fields,
        )
        self._records[code] = (tape, record)
        return record
