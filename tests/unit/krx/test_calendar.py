"""The session calendar: committed facts, the broker's overlay, ages in sessions (T4, T6, R-CAL-01)."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from jennie_core.domain.market import SessionDay
from jennie_core.krx.calendar import KrxCalendar, UnknownSessionError

ROOT = Path(__file__).resolve().parents[3]
ORACLE = Path("reference/krx_weekday_closures_2000_2026.parquet")


@pytest.fixture(scope="module")
def calendar() -> KrxCalendar:
    return KrxCalendar.shipped()


@pytest.mark.rule("R-CAL-01")
def test_weekends_and_known_holidays_are_closed(calendar: KrxCalendar) -> None:
    assert calendar.is_session(date(2025, 6, 27)) is True
    assert calendar.is_session(date(2025, 6, 28)) is False
    assert calendar.is_session(date(2025, 6, 3)) is False


@pytest.mark.parametrize("day", [date(2026, 6, 3), date(2026, 7, 17)])
def test_corrections_close_days_that_the_library_calls_sessions(calendar: KrxCalendar, day: date) -> None:
    assert calendar.is_session(day) is False


@pytest.mark.rule("R-CAL-01")
def test_beyond_the_horizon_and_unconfirmed_is_unknown(calendar: KrxCalendar) -> None:
    assert calendar.is_session(calendar.known_until + timedelta(days=3)) is None
    assert calendar.is_session(date(2027, 7, 19)) is None
    assert calendar.is_session(date(1999, 12, 1)) is None
    assert calendar.unconfirmed_between(date(2027, 1, 1), date(2027, 12, 31)) == [date(2027, 5, 3), date(2027, 7, 19)]


def test_a_weekend_beyond_the_horizon_is_closed_all_the_same(calendar: KrxCalendar) -> None:
    assert calendar.is_session(date(2031, 1, 4)) is False


def test_a_friday_watchlist_is_one_session_old_on_monday(calendar: KrxCalendar) -> None:
    """T4"""
    assert calendar.session_age(date(2025, 6, 27), date(2025, 6, 30)) == 1
    assert calendar.session_age(date(2025, 6, 27), date(2025, 6, 29)) == 0
    assert calendar.session_age(date(2025, 6, 30), date(2025, 6, 27)) == -1
    assert calendar.session_age(date(2025, 6, 30), date(2025, 6, 30)) == 0


def test_previous_and_next_session_step_over_closures(calendar: KrxCalendar) -> None:
    assert calendar.previous_session(date(2025, 1, 2)) == date(2024, 12, 30)
    assert calendar.next_session(date(2025, 10, 2)) == date(2025, 10, 10)
    assert calendar.previous_session(date(2025, 6, 30), n=5) == date(2025, 6, 23)
    assert calendar.next_session(date(2025, 6, 28), n=2) == date(2025, 7, 1)


def test_steps_across_unknown_days_are_refused(calendar: KrxCalendar) -> None:
    with pytest.raises(UnknownSessionError):
        calendar.next_session(date(2027, 4, 30))
    with pytest.raises(UnknownSessionError):
        calendar.sessions_between(date(2027, 12, 1), date(2028, 1, 10))
    with pytest.raises(UnknownSessionError):
        calendar.previous_session(date(2000, 1, 4))


def test_sessions_between_holds_both_ends(calendar: KrxCalendar) -> None:
    sessions = calendar.sessions_between(date(2025, 6, 2), date(2025, 6, 9))
    assert sessions == [date(2025, 6, 2), date(2025, 6, 4), date(2025, 6, 5), date(2025, 6, 9)]


def test_known_days_ahead_counts_to_the_horizon(calendar: KrxCalendar) -> None:
    assert calendar.known_days_ahead(calendar.known_until) == 0
    assert calendar.known_days_ahead(calendar.known_until - timedelta(days=60)) == 60


@pytest.mark.rule("R-CAL-01")
def test_a_holiday_declared_last_week_closes_the_day(calendar: KrxCalendar) -> None:
    """Drill 21"""
    day = date(2026, 11, 25)
    told = calendar.with_answers([SessionDay(day=day, is_open=False)])
    assert calendar.is_session(day) is True
    assert told.is_session(day) is False
    assert told.next_session(date(2026, 11, 24)) == date(2026, 11, 26)


def test_an_open_answer_fills_an_unknown_day_but_never_a_committed_closure(calendar: KrxCalendar) -> None:
    answers = [
        SessionDay(day=date(2027, 7, 19), is_open=True),
        SessionDay(day=date(2028, 1, 3), is_open=True),
        SessionDay(day=date(2026, 12, 25), is_open=True),
        SessionDay(day=date(2026, 11, 28), is_open=True),
    ]
    told = calendar.with_answers(answers)
    assert told.is_session(date(2027, 7, 19)) is True
    assert told.is_session(date(2028, 1, 3)) is True
    assert told.is_session(date(2026, 12, 25)) is None
    assert told.is_session(date(2026, 11, 28)) is False
    assert calendar.conflicts(answers) == [answers[2], answers[3]]


def test_settlement_is_two_sessions_later(calendar: KrxCalendar) -> None:
    assert calendar.settlement_date(date(2024, 12, 26)) == date(2024, 12, 30)
    assert calendar.settlement_date(date(2024, 12, 27)) == date(2025, 1, 2)
    assert calendar.settlement_date(calendar.known_until) > calendar.known_until


def test_every_weekday_closure_of_the_oracle_is_closed_and_nothing_else(calendar: KrxCalendar) -> None:
    """The closures derived from the index series, where the data folder is present."""
    path = Path(os.environ.get("JENNIE_TEST_DATA", str(ROOT.parent / "shared" / "data"))) / ORACLE
    if not path.exists():
        return
    import polars as pl

    closed = set(pl.read_parquet(path)["date"].to_list())
    last = date(2026, 8, 17)
    days = [date(2000, 1, 4) + timedelta(days=offset) for offset in range((last - date(2000, 1, 4)).days + 1)]
    ours = {day for day in days if day.weekday() < 5 and calendar.is_session(day) is False}
    assert ours == {day for day in closed if day >= days[0]}
