"""Partitions are the KRX sessions, and the window of a market day ends before it (Q2)."""

from datetime import date

from jennie_assets.inputs import Knowledge
from jennie_assets.partitions import CALENDAR, SESSIONS


def test_partition_keys_are_the_sessions_of_the_calendar() -> None:
    keys = SESSIONS.get_partition_keys(current_time=None)
    inside = [key for key in keys if "2018-01-01" <= key <= "2025-12-31"]
    sessions = CALENDAR.sessions_between(date(2018, 1, 1), date(2025, 12, 31))
    assert inside == [day.isoformat() for day in sessions]


def test_corrected_holidays_are_no_partitions() -> None:
    assert not SESSIONS.has_partition_key("2026-06-03")
    assert not SESSIONS.has_partition_key("2026-07-17")


def test_a_market_day_knows_nothing_of_itself() -> None:
    known = Knowledge(date(2025, 6, 30))
    assert known.last_session == date(2025, 6, 27)
    assert known.known_by == date(2025, 6, 29)
    assert known.first_price < known.last_session
