"""Hours of a session and the windows built on them (T6, R-CAL-02..04, drill 21)."""

from datetime import date, datetime, time

import pytest

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.krx.sessions import SessionPhase, SessionTimes, session_times


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=KST)


USUAL = date(2025, 6, 27)
EXAM = date(2025, 11, 13)
FIRST = date(2025, 1, 2)


def test_usual_hours() -> None:
    times = session_times(USUAL)
    assert (times.open_at, times.close_at) == (at(USUAL, "09:00"), at(USUAL, "15:30"))
    assert times.opening_auction_at == at(USUAL, "08:30")
    assert times.closing_auction_at == at(USUAL, "15:20")


def test_exam_day_shifts_every_hour() -> None:
    times = session_times(EXAM)
    assert (times.opening_auction_at, times.open_at) == (at(EXAM, "09:30"), at(EXAM, "10:00"))
    assert (times.closing_auction_at, times.close_at) == (at(EXAM, "16:20"), at(EXAM, "16:30"))


def test_the_postponed_exam_of_2017_kept_the_announced_hours_twice() -> None:
    assert session_times(date(2017, 11, 16)).open_at.hour == 10
    assert session_times(date(2017, 11, 23)).close_at == at(date(2017, 11, 23), "16:30")


@pytest.mark.parametrize("day", [FIRST, date(2024, 1, 2), date(2022, 1, 3), date(2026, 1, 2), date(2027, 1, 4)])
def test_first_session_of_the_year_opens_late_and_closes_as_usual(day: date) -> None:
    times = session_times(day)
    assert (times.open_at, times.close_at) == (at(day, "10:00"), at(day, "15:30"))


def test_the_second_session_of_the_year_has_usual_hours() -> None:
    assert session_times(date(2025, 1, 3)).open_at.hour == 9


def test_the_session_was_half_an_hour_shorter_before_august_2016() -> None:
    assert session_times(date(2016, 7, 29)).close_at == at(date(2016, 7, 29), "15:00")
    assert session_times(date(2016, 8, 1)).close_at == at(date(2016, 8, 1), "15:30")


@pytest.mark.parametrize(
    ("clock", "phase"),
    [
        ("08:29:59", SessionPhase.BEFORE),
        ("08:30", SessionPhase.OPENING_AUCTION),
        ("08:59:59", SessionPhase.OPENING_AUCTION),
        ("09:00", SessionPhase.CONTINUOUS),
        ("15:19:59", SessionPhase.CONTINUOUS),
        ("15:20", SessionPhase.CLOSING_AUCTION),
        ("15:30", SessionPhase.AFTER),
    ],
)
def test_each_phase_begins_at_its_first_moment(clock: str, phase: SessionPhase) -> None:
    assert session_times(USUAL).phase_at(at(USUAL, clock)) is phase


@pytest.mark.rule("R-CAL-02")
def test_entries_end_at_1520_and_exits_at_1530() -> None:
    times = session_times(USUAL)
    assert not times.allows_entries_at(at(USUAL, "08:59:59"))
    assert times.allows_entries_at(at(USUAL, "15:19:59"))
    assert not times.allows_entries_at(at(USUAL, "15:20"))
    assert times.allows_exits_at(at(USUAL, "15:29:59"))
    assert not times.allows_exits_at(at(USUAL, "15:30"))


@pytest.mark.rule("R-CAL-03")
def test_streaming_hours() -> None:
    times = session_times(USUAL)
    assert (times.streaming_from, times.streaming_until) == (at(USUAL, "08:50"), at(USUAL, "15:35"))


def test_windows_are_offsets_from_open_and_close() -> None:
    times = session_times(EXAM)
    assert from_epoch_us(times.after_open_us(15)) == at(EXAM, "10:15")
    assert from_epoch_us(times.before_close_us(90)) == at(EXAM, "15:00")


def test_the_after_market_ends_at_2000_since_september_2026() -> None:
    assert session_times(date(2026, 9, 11)).after_market_end_at.hour == 18
    assert session_times(date(2026, 9, 14)).after_market_end_at.hour == 20


def test_an_announced_early_end_moves_the_closing_windows() -> None:
    """Drill 21: hours that the exchange announces are given by hand."""
    early = SessionTimes(USUAL, at(USUAL, "09:00"), at(USUAL, "12:00"), at(USUAL, "18:00"))
    assert early.closing_auction_at == at(USUAL, "11:50")
    assert not early.allows_entries_at(at(USUAL, "11:50"))
