"""The one schedule table (T5): Dagster schedules and the rehearsal conductor both read it."""

from datetime import time
from enum import StrEnum

from jennie_core.domain.base import Message


class LateRule(StrEnum):
    """What a missed job does: data is caught up, a decision past its validity is skipped as too late."""

    CATCH_UP = "catch_up"
    SKIP = "skip"


class ScheduledJob(Message):
    """One job of the data plane at one time of a KRX session day (KST)."""

    job: str
    at: time
    late: LateRule
    validity_minutes: int = 60
    partition_offset: int = 0
    """0: the partition is the session day itself; -1: the session before it."""
    description: str


def _job(job: str, hhmm: str, late: LateRule, description: str, validity: int = 60, offset: int = 0) -> ScheduledJob:
    return ScheduledJob(
        job=job,
        at=time.fromisoformat(hhmm),
        late=late,
        validity_minutes=validity,
        partition_offset=offset,
        description=description,
    )


SCHEDULE: tuple[ScheduledJob, ...] = (
    _job("market_data_job", "06:30", LateRule.CATCH_UP, "prices, flows, fundamentals up to the last close", offset=-1),
    _job("macro_collect_job", "07:20", LateRule.CATCH_UP, "index, VIX and FX snapshot for the council"),
    _job("macro_council_job", "07:30", LateRule.SKIP, "macro council, regime and trading context", 240),
    _job("scout_job", "08:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("scout_job", "09:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("scout_job", "10:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("scout_job", "11:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("macro_collect_job", "11:40", LateRule.CATCH_UP, "index, VIX and FX snapshot for the council"),
    _job("macro_council_job", "11:50", LateRule.SKIP, "macro council, regime and trading context", 220),
    _job("scout_job", "12:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("scout_job", "13:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("scout_job", "14:30", LateRule.SKIP, "scores, sector budget, hot watchlist, permit", 55),
    _job("trading_records_job", "15:40", LateRule.CATCH_UP, "ticks, signals, orders, fills, positions as assets"),
    _job("asset_snapshot_job", "15:45", LateRule.SKIP, "daily asset snapshot", 480),
    _job("close_prices_job", "16:00", LateRule.CATCH_UP, "the day's prices after the close"),
    _job("daily_briefing_job", "17:00", LateRule.SKIP, "daily briefing", 300),
)
"""In order of time. A rehearsal conducts the rows from the first to the last on its market day."""
