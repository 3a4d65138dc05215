"""Which facts of the broker a buy desk fetches at a settled mark: some of what is missing or old (R-COR, Q3)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

QUOTE_LIFE = timedelta(minutes=10)
READS_PER_MARK = 6
"""Reads that one settled mark may cost, so that a new watchlist never starves other readers of the broker's budget."""


def due_reads(
    codes: Iterable[str], histories: Collection[str], quoted_at: Mapping[str, datetime], now: datetime
) -> tuple[list[str], list[str]]:
    """(codes whose closed sessions are missing, codes whose quote is missing or ageing), together READS_PER_MARK.

    `codes` in order of claim: held ones first, then the watchlist by rank; a code named twice counts once.
    """
    wanted = list(dict.fromkeys(codes))
    missing = [code for code in wanted if code not in histories][:READS_PER_MARK]
    ageing = [code for code in wanted if _is_ageing(quoted_at.get(code), now)]
    return missing, ageing[: READS_PER_MARK - len(missing)]


def _is_ageing(read_at: datetime | None, now: datetime) -> bool:
    return read_at is None or now - read_at > QUOTE_LIFE * 0.7
