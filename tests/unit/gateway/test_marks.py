"""Clock marks (decision 0001): order, seconds passed, settling."""

from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.market import ClockMark
from jennie_core.strategy.slice_marks import MOST_UNSETTLED, SliceMarks
from jennie_live.gateway.marks import WallMarks

S = 1_000_000


def test_seconds_passed_become_unsettled_marks_before_the_record() -> None:
    marks = SliceMarks()
    assert marks.before_record(10 * S) == [ClockMark(10 * S, settled=False)]
    assert marks.before_record(10 * S + 5) == []
    assert marks.before_record(13 * S) == [ClockMark(second * S, settled=False) for second in (11, 12, 13)]


def test_the_heartbeat_settles_the_slice_once_and_again_when_it_is_repeated() -> None:
    marks = SliceMarks()
    marks.before_record(12 * S)
    assert marks.is_news(15 * S)
    assert marks.settle(15 * S) == ClockMark(15 * S, settled=True)
    assert not marks.is_news(15 * S)
    assert marks.settle(15 * S) == ClockMark(15 * S, settled=True)
    assert marks.settle(14 * S) is None
    assert marks.before_record(15 * S) == []


def test_a_long_silence_is_not_filled_second_by_second() -> None:
    marks = SliceMarks()
    marks.settle(0)
    assert len(marks.before_record(3_600 * S)) == MOST_UNSETTLED


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=500)), max_size=60))
def test_marks_never_go_back(steps: list[tuple[bool, int]]) -> None:
    marks = SliceMarks()
    newest = -1
    now = 0
    for settles, ahead in steps:
        now += ahead
        found = [marks.settle(now * S)] if settles else marks.before_record(now * S)
        for mark in found:
            if mark is not None:
                assert mark.market_us >= newest
                newest = mark.market_us


def test_a_stepped_back_wall_clock_emits_nothing_until_it_has_caught_up() -> None:
    """Drill 20."""
    emitted: list[ClockMark] = []
    wall = WallMarks(emitted.append)
    for second in (10, 11, 4, 5, 11, 12):
        wall.settle(second * S)
    assert [mark.market_us // S for mark in emitted] == [10, 11, 12]
    assert all(mark.settled for mark in emitted)
