"""Screening of trade records: nothing impossible, late or repeated becomes a tick, and everything is counted."""

from datetime import datetime

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import Tick
from jennie_infra.kis.codec_ws import TradeRecord
from jennie_live.gateway.quality import TickScreen

OPEN = to_epoch_us(datetime(2025, 6, 27, 9, 0, tzinfo=KST))
S = 1_000_000


def record(
    price: int = 10_000, volume: int = 5, cumulative: int = 100, at: int = 60, base: int = 10_000, phase: str = "0"
) -> TradeRecord:
    tick = Tick("005930", price, volume, cumulative, price, price, OPEN + at * S, 1, phase)
    return TradeRecord(tick, base)


def screened(*records: TradeRecord, settled: int | None = None, late: int = 0) -> tuple[list[bool], TickScreen]:
    screen = TickScreen(late)
    settled_us = None if settled is None else OPEN + settled * S
    return [screen.accept(found, settled_us) is not None for found in records], screen


def test_a_usual_sequence_passes() -> None:
    passed, screen = screened(record(cumulative=100), record(cumulative=105, at=60), record(cumulative=110, at=61))
    assert passed == [True, True, True]
    assert screen.counts == {"published": 3}
    assert screen.gaps == 0


def test_a_repeated_and_an_older_record_are_dropped() -> None:
    passed, screen = screened(
        record(cumulative=100), record(cumulative=100), record(cumulative=95, at=59), record(cumulative=105, at=61)
    )
    assert passed == [True, False, False, True]
    assert screen.counts == {"published": 2, "repeated": 1, "older": 1}


def test_a_hole_in_the_cumulative_volume_is_counted_and_the_tick_still_counts() -> None:
    passed, screen = screened(record(cumulative=100), record(cumulative=200, volume=5, at=61))
    assert passed == [True, True]
    assert screen.gaps == 1


def test_a_price_beyond_the_daily_limit_is_impossible() -> None:
    passed, screen = screened(record(price=13_200), record(price=6_700), record(price=13_000))
    assert passed == [False, False, True]
    assert screen.counts["beyond_limit"] == 2


def test_a_record_with_another_previous_close_is_not_believed_until_three_agree() -> None:
    passed, _ = screened(
        record(cumulative=100),
        record(cumulative=105, base=11_000, price=11_000, at=61),
        record(cumulative=110, at=62),
        *(record(cumulative=115 + 5 * step, base=9_000, price=9_000, at=63 + step) for step in range(3)),
    )
    assert passed == [True, False, True, False, False, True]


def test_one_wrong_cumulative_volume_does_not_silence_the_code() -> None:
    records = [record(cumulative=100), record(cumulative=999_999, at=61)]
    records += [record(cumulative=105 + 5 * step, at=62 + step) for step in range(4)]
    passed, _ = screened(*records)
    assert passed == [True, True, False, False, True, True]


def test_trades_outside_the_session_never_pass() -> None:
    """T6: the after-market is counted and never enters bars."""
    passed, screen = screened(record(at=-3_600), record(at=7 * 3_600), record(phase="D"), record(at=0))
    assert passed == [False, False, False, True]
    assert screen.counts["outside_session"] == 3


def test_a_record_before_the_settled_mark_is_late() -> None:
    passed, screen = screened(record(at=59), record(at=60), settled=60)
    assert passed == [False, True]
    assert screen.counts["late"] == 1
    tolerant, _ = screened(record(at=55), settled=60, late=10 * S)
    assert tolerant == [True]


def test_a_new_day_starts_afresh_when_the_marks_are_on_it() -> None:
    tomorrow = record(cumulative=5)
    tomorrow = TradeRecord(tomorrow.tick._replace(exchange_us=tomorrow.tick.exchange_us + 3 * 86_400 * S), 9_900)
    screen = TickScreen(0)
    assert screen.accept(record(cumulative=1_000_000), OPEN + 50 * S)
    assert screen.accept(tomorrow, OPEN + 60 * S) is None
    assert screen.counts["other_day"] == 1, "drill 18: a damaged date must not make the screen forget the day"
    assert screen.known_volume("005930") == 1_000_000
    assert screen.accept(tomorrow, OPEN + (3 * 86_400 + 50) * S)


def test_the_announcement_of_an_interruption_passes_and_disturbs_no_later_trade() -> None:
    """T6: phase C is why a code is quiet. It repeats the last cumulative volume and is no repeated trade."""
    passed, screen = screened(
        record(cumulative=100),
        *(record(cumulative=100, volume=0, at=61 + 10 * step, phase="C") for step in range(5)),
        record(cumulative=105, at=130),
    )
    assert passed == [True] * 7
    assert screen.gaps == 0
    early, _ = screened(record(cumulative=0, volume=0, at=0, phase="C"), record(cumulative=100, volume=100, at=25))
    assert early == [True, True]


def test_what_a_polled_price_stood_for_is_a_repeat_when_the_stream_brings_it_late() -> None:
    """Drill 16: back from polling, no share is counted twice and none is called missing."""
    screen = TickScreen(0)
    assert screen.accept(record(cumulative=100), None)
    screen.observe_polled(record(cumulative=150, at=70).tick)
    assert screen.known_volume("005930") == 150
    assert screen.last_trade_us("005930") == OPEN + 60 * S, "a polled price is no sign of life of the stream"
    assert screen.accept(record(cumulative=110, at=65), None) is None
    assert screen.accept(record(cumulative=155, at=71), None)
    assert screen.gaps == 0


def test_old_records_never_outvote_newer_ones() -> None:
    old = [record(cumulative=50 + step, at=30 + step) for step in range(6)]
    passed, screen = screened(record(cumulative=100), *old)
    assert passed == [True] + [False] * 6
    assert screen.counts["older"] == 6


def test_a_size_that_contradicts_the_running_total_is_dropped() -> None:
    """Drill 18: one damaged digit must not become shares that were never traded."""
    passed, screen = screened(record(cumulative=100), record(cumulative=110, volume=60, at=61), record(cumulative=115))
    assert passed == [True, False, True]
    assert screen.counts["overlap"] == 1
    assert screen.gaps == 1


def test_a_time_far_ahead_is_dropped_until_others_in_a_row_agree() -> None:
    """Drill 18: a damaged minute must not close bars early; a real jump is believed after three records."""
    passed, screen = screened(record(cumulative=100), record(cumulative=105, at=120), record(cumulative=110, at=61))
    assert passed == [True, False, True]
    assert screen.counts["future"] == 1
    jump = [record(cumulative=105 + 5 * step, at=600 + step) for step in range(4)]
    passed, _ = screened(record(cumulative=100), *jump)
    assert passed == [True, False, False, True, True]


def test_a_first_record_that_contradicts_itself_is_not_believed_before_others_agree() -> None:
    """Drill 18: later ones are measured against it, so it must not be damaged."""
    doubtful = record()._replace(agrees=False)
    later = record(cumulative=110, at=62)._replace(agrees=False)
    passed, screen = screened(doubtful, record(cumulative=105, at=61), later)
    assert passed == [False, True, True]
    assert screen.counts["contradiction"] == 1
    assert screened(doubtful, doubtful, doubtful)[0] == [False, False, True]
