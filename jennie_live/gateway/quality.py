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
AHEAD_US = 30_000_000
"""A trade so far ahead of the newest trade and mark is a damaged time, unless others in a row agree with it."""
LOWEST_RATIO, HIGHEST_RATIO = 0.69, 1.31
"""Daily price limit of 30 % with room for its rounding; a newly listed code (60-400 %) is outside the universe (Q3)."""


@dataclass(slots=True)
class _Known:
    """What the last good records of a code said."""

    base_krw: int
    cumulative: int
    second_us: int
    other_base: int = 0
    base_votes: int = 0
    lower_votes: int = 0
    lower_total: int = 0


class TickScreen:
    """Per-code memory of one market day. `counts` holds every record by outcome: published, or why not."""

    def __init__(self, max_late_us: int) -> None:
        self._max_late_us = max_late_us
        self._known: dict[str, _Known] = {}
        self._day = -1
        self._from_us = 0
        self._until_us = 0
        self._newest_us = 0
        self._day_votes = 0
        self._ahead_votes = 0
        self._doubts: Counter[str] = Counter()
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
        tick, base, agrees = record
        day = (tick.exchange_us + KST_OFFSET_US) // DAY_US
        if day != self._day and not self._begins_day(day, tick.exchange_us, settled_us):
            return "other_day"
        if tick.session_phase == AFTER_HOURS or not self._from_us <= tick.exchange_us <= self._until_us:
            return "outside_session"
        if not LOWEST_RATIO * base <= tick.price_krw <= HIGHEST_RATIO * base:
            return "beyond_limit"
        if settled_us is not None and tick.exchange_us < settled_us - self._max_late_us:
            return "late"
        if self._is_ahead(tick.exchange_us, settled_us):
            return "future"
        if tick.session_phase in ANNOUNCING_PHASES:
            return ""  # no trade: it says why a code is quiet (T6) and is measured against no earlier trade
        known = self._known.get(tick.code)
        if known is None:
            self._doubts[tick.code] += not agrees
            if not agrees and self._doubts[tick.code] < RELEARN_AFTER:
                return "contradiction"  # the first record of a code has nothing but itself to be measured against
            self._known[tick.code] = _Known(base, tick.cumulative_volume, tick.exchange_us)
            return ""
        return self._compare(known, tick, base)

    def _is_ahead(self, exchange_us: int, settled_us: int | None) -> bool:
        newest_us = max(self._newest_us, settled_us or 0)
        if newest_us and exchange_us > newest_us + AHEAD_US:
            self._ahead_votes += 1
            if self._ahead_votes < RELEARN_AFTER:
                return True
        self._ahead_votes = 0
        self._newest_us = max(self._newest_us, exchange_us)
        return False

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
            known.lower_votes = known.lower_votes + 1 if cumulative - tick.volume >= known.lower_total else 1
            known.lower_total = cumulative
            if known.lower_votes < RELEARN_AFTER:
                return "older"
            self.gaps += 1
        elif cumulative - tick.volume < known.cumulative:
            return "overlap"
        elif cumulative - tick.volume > known.cumulative:
            self.gaps += 1
        known.lower_votes = known.lower_total = 0
        known.cumulative, known.second_us = cumulative, tick.exchange_us
        return ""

    def _begins_day(self, day: int, exchange_us: int, settled_us: int | None) -> bool:
        """A new day is believed when the marks are on it too, or when nothing but records in a row can tell."""
        if settled_us is not None and (settled_us + KST_OFFSET_US) // DAY_US != day:
            return False
        if settled_us is None and self._day != -1:
            self._day_votes += 1
            if self._day_votes < RELEARN_AFTER:
                return False
        self._begin_day(day, exchange_us)
        return True

    def _begin_day(self, day: int, exchange_us: int) -> None:
        at = from_epoch_us(exchange_us)
        hours = session_times(date(at.year, at.month, at.day))
        self._day = day
        self._from_us = hours.open_us - OPENING_AUCTION_US
        self._until_us = hours.last_trade_us
        self._newest_us = self._ahead_votes = self._day_votes = 0
        self._known.clear()
        self._doubts.clear()
