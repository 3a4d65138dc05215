"""The newest pushed order book of each code, and why others were dropped."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import NamedTuple

from jennie_core.domain.market import OrderBook
from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.kis.codec_ws import BookRecord, Books

FRESH = timedelta(seconds=10)
"""An older book is asked for anew: a quiet code's book may still stand, or its registration may be lost."""
AHEAD = timedelta(seconds=30)
"""A book so far ahead of market time has a damaged time; in a rehearsal time stands one slice behind its records."""
KEPT = "book_kept"


class _Kept(NamedTuple):
    record: BookRecord
    quoted_at: datetime


class BookShelf:
    """Keeps one book per code. `counts` holds every record by outcome: kept, or why not; `now` is market time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._books: dict[str, _Kept] = {}
        self.counts: Counter[str] = Counter()

    def put(self, books: Books, expected: Callable[[str], bool]) -> None:
        """Take the records of a frame; `expected` says whether books of a code may come."""
        for reason, count in books.impossible.items():
            self.counts["book_" + reason] += count
        try:
            now = self._now()
        except MarketTimeUnknownError:
            self.counts["book_time_unknown"] += len(books.records)
            return
        for record in books.records:
            self.counts[self._outcome(record, now, expected)] += 1

    def newest(self, code: str) -> OrderBook | None:
        """The book of a code with its age; None when there is none or it is older than ten seconds."""
        kept = self._books.get(code)
        if kept is None or (age := self._now() - kept.quoted_at) > FRESH:
            return None
        return OrderBook(
            code=code,
            asks=kept.record.asks,
            bids=kept.record.bids,
            quoted_at=kept.quoted_at,
            source="push",
            age_seconds=max(0.0, age.total_seconds()),
        )

    def dropped(self) -> dict[str, int]:
        """Records that were not kept, by reason."""
        return {reason: count for reason, count in self.counts.items() if reason != KEPT}

    def _outcome(self, record: BookRecord, now: datetime, expected: Callable[[str], bool]) -> str:
        if not expected(record.code):
            return "book_unsubscribed"
        quoted_at = datetime.combine(now.date(), time(), now.tzinfo) + timedelta(seconds=record.second_of_day)
        if quoted_at > now + AHEAD:
            return "book_future"
        known = self._books.get(record.code)
        if known is not None and known.quoted_at.date() == now.date() and quoted_at < known.quoted_at:
            return "book_older"
        self._books[record.code] = _Kept(record, quoted_at)
        return KEPT
