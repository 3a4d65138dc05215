"""One-minute bars in event time (R-BAR-01..04)."""

from datetime import timedelta

import pytest

from jennie_core.domain.market import MinuteBar
from jennie_core.strategy.bars import KEPT_BARS, MINUTE_US, BarBuilder
from tests.unit.strategy.builders import CODE, at, us

OPEN = us("09:00")


def feed(builder: BarBuilder, minute: int, price: int = 10_000, volume: int = 100) -> None:
    builder.add(price, volume, OPEN + minute * MINUTE_US)


@pytest.mark.rule("R-BAR-01")
def test_a_bar_closes_with_the_first_tick_of_a_later_minute() -> None:
    builder = BarBuilder()
    for price, volume, second in ((100, 5, 0), (103, 1, 10), (99, 2, 20), (101, 3, 59)):
        assert builder.add(price, volume, OPEN + second * 1_000_000) is None
    closed = builder.add(102, 7, OPEN + 60 * 1_000_000)
    assert closed is not None
    assert closed[:6] == (OPEN, 100, 103, 99, 101, 11)


@pytest.mark.rule("R-BAR-01")
def test_a_bar_closes_by_timer_without_a_later_tick() -> None:
    """By timer too, without a later tick."""
    builder = BarBuilder()
    feed(builder, 0)
    assert builder.close_until(OPEN + MINUTE_US - 1) is None
    assert builder.close_until(OPEN + MINUTE_US) is not None
    assert builder.close_until(OPEN + 2 * MINUTE_US) is None


def test_the_trade_time_decides_the_bucket_not_the_arrival() -> None:
    builder = BarBuilder()
    builder.add(100, 1, OPEN + 59_000_000)
    builder.close_until(OPEN + 61_000_000)
    assert builder.add(90, 9, OPEN + 59_500_000) is None
    assert builder.late_ticks == 1
    assert builder.bars[-1].low_krw == 100
    assert builder.day_volume == 10


def test_a_late_tick_never_changes_a_closed_bar_while_the_next_one_runs() -> None:
    builder = BarBuilder()
    feed(builder, 0, 100)
    feed(builder, 1, 100)
    builder.add(50, 1, OPEN + 1)
    assert builder.late_ticks == 1
    assert builder.close_until(OPEN + 2 * MINUTE_US) == (OPEN + MINUTE_US, 100, 100, 100, 100, 100, 0, True)


@pytest.mark.rule("R-BAR-01")
def test_minutes_without_trades_make_no_bar_but_a_marked_gap() -> None:
    builder = BarBuilder()
    feed(builder, 0)
    feed(builder, 4)
    builder.close_until(OPEN + 5 * MINUTE_US)
    assert [bar.gap_minutes for bar in builder.bars] == [0, 3]


def test_lost_ticks_mark_the_running_bar_incomplete() -> None:
    builder = BarBuilder()
    feed(builder, 0)
    builder.mark_gap()
    feed(builder, 1)
    feed(builder, 2)
    assert [bar.is_complete for bar in builder.bars] == [False, True]


@pytest.mark.rule("R-BAR-02")
def test_sixty_bars_are_kept() -> None:
    builder = BarBuilder()
    for minute in range(70):
        feed(builder, minute)
    assert len(builder.bars) == KEPT_BARS
    assert builder.bars[0].start_us == OPEN + 9 * MINUTE_US


@pytest.mark.rule("R-BAR-02")
def test_vwap_is_volume_weighted_since_the_open_and_unknown_before_a_trade() -> None:
    builder = BarBuilder()
    assert builder.vwap_krw is None
    builder.add(100, 30, OPEN)
    builder.add(200, 10, OPEN + MINUTE_US)
    assert builder.vwap_krw == pytest.approx(125.0)


@pytest.mark.rule("R-BAR-03")
def test_volume_ratio_compares_the_closed_bar_with_up_to_twenty_before_it() -> None:
    """The running bar's single tick plays no part."""
    builder = BarBuilder()
    for minute in range(25):
        feed(builder, minute, volume=100 if minute >= 4 else 10_000)
    feed(builder, 25, volume=300)
    builder.add(10_000, 1, OPEN + 26 * MINUTE_US)
    assert builder.volume_ratio == pytest.approx(3.0)


@pytest.mark.rule("R-BAR-03")
def test_the_twentieth_bar_before_counts_and_the_one_before_it_does_not() -> None:
    builder = BarBuilder()
    for minute, volume in enumerate([99_000, 2_100, *[100] * 19, 400]):
        feed(builder, minute, volume=volume)
    builder.add(10_000, 1, OPEN + 22 * MINUTE_US)
    assert builder.volume_ratio == pytest.approx(400 / 200)


@pytest.mark.rule("R-BAR-03")
def test_volume_ratio_is_unknown_for_the_first_bar() -> None:
    builder = BarBuilder()
    feed(builder, 0)
    builder.close_until(OPEN + MINUTE_US)
    assert builder.volume_ratio is None


def minute_bar(minute: int, close: int = 100, volume: int = 10) -> MinuteBar:
    return MinuteBar(
        code=CODE,
        started_at=at("09:00") + timedelta(minutes=minute),
        open_krw=close,
        high_krw=close,
        low_krw=close,
        close_krw=close,
        volume=volume,
    )


@pytest.mark.rule("R-BAR-04")
def test_warm_start_gives_the_same_bars_as_the_ticks_did() -> None:
    live, warm = BarBuilder(), BarBuilder()
    for minute in (0, 1, 3):
        live.add(100 + minute, 10, OPEN + minute * MINUTE_US)
    live.close_until(OPEN + 4 * MINUTE_US)
    warm.warm_start([minute_bar(minute, 100 + minute) for minute in (0, 1, 3)])
    assert list(warm.bars) == list(live.bars)
    assert warm.vwap_krw == pytest.approx(live.vwap_krw)
    assert warm.add(1, 1, OPEN + 3 * MINUTE_US + 5) is None
    assert warm.late_ticks == 1


def test_warm_start_refuses_bars_out_of_order_and_a_used_builder() -> None:
    with pytest.raises(ValueError, match="ascend"):
        BarBuilder().warm_start([minute_bar(1), minute_bar(0)])
    used = BarBuilder()
    feed(used, 0)
    with pytest.raises(ValueError, match="empty"):
        used.warm_start([minute_bar(1)])


def total(builder: BarBuilder, second: int, volume: int, cumulative: int) -> None:
    builder.add(10_000, volume, OPEN + second * 1_000_000, cumulative)


def test_a_hole_in_the_running_total_marks_both_bars_it_touches() -> None:
    """Drill 17: the gap's ticks are missing in the bar before it and in the bar after it, and nowhere else."""
    builder = BarBuilder()
    total(builder, 0, 10, 10)
    total(builder, 60, 10, 20)
    total(builder, 185, 10, 90)
    total(builder, 190, 10, 100)
    total(builder, 240, 10, 110)
    builder.close_until(OPEN + 5 * MINUTE_US)
    assert [bar.is_complete for bar in builder.bars] == [True, False, False, True]


def test_a_bar_that_had_closed_before_the_hole_was_seen_is_marked_too() -> None:
    builder = BarBuilder()
    total(builder, 0, 10, 10)
    builder.close_until(OPEN + MINUTE_US)
    total(builder, 70, 10, 50)
    builder.close_until(OPEN + 2 * MINUTE_US)
    assert [bar.is_complete for bar in builder.bars] == [False, False]


def test_a_hole_within_a_minute_marks_that_minute() -> None:
    builder = BarBuilder()
    total(builder, 0, 10, 10)
    total(builder, 5, 10, 40)
    builder.close_until(OPEN + MINUTE_US)
    assert [bar.is_complete for bar in builder.bars] == [False]


def test_a_code_first_seen_in_mid_session_has_an_incomplete_first_bar() -> None:
    builder = BarBuilder()
    total(builder, 30, 10, 5_000)
    total(builder, 60, 10, 5_010)
    builder.close_until(OPEN + 2 * MINUTE_US)
    assert [bar.is_complete for bar in builder.bars] == [False, True]


@pytest.mark.rule("R-BAR-03")
def test_an_incomplete_bar_counts_in_no_volume_reading() -> None:
    """I4: its volume is unknown, not small."""
    builder = BarBuilder()
    for minute in range(4):
        total(builder, minute * 60, 100, (minute + 1) * 100)
    total(builder, 4 * 60, 100, 900)
    builder.close_until(OPEN + 5 * MINUTE_US)
    assert builder.volume_ratio is None
    total(builder, 5 * 60, 100, 1_000)
    total(builder, 6 * 60, 300, 1_300)
    builder.close_until(OPEN + 7 * MINUTE_US)
    assert [bar.is_complete for bar in builder.bars] == [True, True, True, False, False, True, True]
    assert builder.volume_ratio == pytest.approx(3.0)
