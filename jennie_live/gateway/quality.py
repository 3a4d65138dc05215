"""Screening of trade records: late, repeated and impossible ones are dropped and counted before they become ticks."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import ANNOUNCING_PHASES, Tick
from jennie_core.krx.sessions import session_times
from jennie_infra.kis.codec_ws import TradeRecord

DAY_US = 86_400_000_000
KST_OFFSET_US = 9 * 3_600_000_000
AFTER_HOURS = "D"
PUBLISHED = "published"
OPENING_AUCTION_US = 30 * 60_000_000
RELEARN_AFTER = 3
"""So many records in a row that agree among themselves outweigh what was known before."""
LOWEST_RATIO, HIGHEST_RATIO = 0.69, 1.31
"""Daily price limit of 30 % with room for its rounding; a newly listed code (60-400 %) is outside the universe (Q3)."""


@dataclass(slots=True)
class _Known:
    """What the last good records of a code said."""

    base_krw: int
    cumulative: int
    second_us: int
    price_krw: int
    other_base: int = 0
    base_votes: int = 0
    lower_votes: int = 0


class TickScreen:
    """Per-code memory of one market day. `counts` holds every record by outcome: published, or why not."""

    def __init__(self, max_late_us: int) -> None:
        self._max_late_us = max_late_us
        self._known: dict[str, _Known] = {}
        self._day = -1
        self._from_us = 0
        self._until_us = 0
        self.counts: Counter[str] = Counter()
        self.gaps = 0

    def accept(self, record: TradeRecord, settled_us: int | None) -> Tick | None:
        """The tick, or None when it was dropped (and counted)."""
        reason = self._problem(record, settled_us)
        self.counts[reason or PUBLISHED] += 1
        return None if reason else record.tick

    def reject(self, reason: str, count: int = 1) -> None:
        """Count records that never became a tick."""
        self.counts[reason] += count

    def known_volume(self, code: str) -> int | None:
        """The day's shares of a code at its newest record or polled price; None before the first."""
        known = self._known.get(code)
        return None if known is None else known.cumulative

    def last_trade_us(self, code: str) -> int | None:
        """Exchange time of the newest streamed trade of a code today."""
        known = self._known.get(code)
        return None if known is None else known.second_us

    def observe_polled(self, tick: Tick) -> None:
        """A polled price stands for the trades up to it: what the stream brings of them later is a repeat."""
        known = self._known.get(tick.code)
        if known is not None and tick.cumulative_volume > known.cumulative:
            known.cumulative = tick.cumulative_volume

    def _problem(self, record: TradeRecord, settled_us: int | None) -> str:
        tick, base = record
        day = (tick.exchange_us + KST_OFFSET_US) // DAY_US
        if day != self._day:
            self._begin_day(day, tick.exchange_us)
        if tick.session_phase == AFTER_HOURS or not self._from_us <= tick.exchange_us <= self._until_us:
            return "outside_session"
        if not LOWEST_RATIO * base <= tick.price_krw <= HIGHEST_RATIO * base:
            return "beyond_limit"
        if settled_us is not None:
            if tick.exchange_us < settled_us - self._max_late_us:
                return "late"
            if tick.exchange_us > settled_us + DAY_US:
                return "future"
        if tick.session_phase in ANNOUNCING_PHASES:
            return ""  # no trade: it says why a code is quiet (T6) and is measured against no earlier trade
        known = self._known.get(tick.code)
        if known is None:
            self._known[tick.code] = _Known(base, tick.cumulative_volume, tick.exchange_us, tick.price_krw)
            return ""
        return self._compare(known, tick, base)

    def _compare(self, known: _Known, tick: Tick, base: int) -> str:
        if base != known.base_krw:
            known.base_votes = known.base_votes + 1 if base == known.other_base else 1
            known.other_base = base
            if known.base_votes < RELEARN_AFTER:
                return "other_base"
            known.base_krw = base
        cumulative = tick.cumulative_volume
        if cumulative <= known.cumulative:
            if cumulative == known.cumulative and tick.exchange_us == known.second_us:
                return "repeated"
            if tick.exchange_us < known.second_us:
                return "older"
            known.lower_votes += 1
            if known.lower_votes < RELEARN_AFTER:
                return "older"
        elif cumulative - tick.volume > known.cumulative:
            self.gaps += 1
        known.lower_votes = 0
        known.cumulative, known.second_us, known.price_krw = cumulative, tick.exchange_us, tick.price_krw
        return ""

    def _begin_day(self, day: int, exchange_us: int) -> None:
        at = from_epoch_us(exchange_us)
        hours = session_times(date(at.year, at.month, at.day))
        self._day = day
        self._from_us = hours.open_us - OPENING_AUCTION_US
        self._until_us = hours.last_trade_us
        self._known.clear()
