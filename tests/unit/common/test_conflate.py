"""Under load the newest tick of a code wins, never across a mark (drill 19)."""

from jennie_core.domain.market import ClockMark, Tick
from jennie_live.common.conflate import newest_per_code


def tick(code: str, number: int) -> Tick:
    return Tick(code, 100 + number, 1, number, 0, 0, number, 1)


def test_the_newest_of_each_code_stays_in_its_place() -> None:
    items = [tick("000001", 1), tick("000002", 2), tick("000001", 3), tick("000003", 4), tick("000001", 5)]
    assert newest_per_code(items) == [items[1], items[3], items[4]]


def test_a_mark_keeps_what_came_before_it() -> None:
    mark = ClockMark(2, settled=True)
    items = [tick("000001", 1), mark, tick("000001", 3), ClockMark(4, settled=False)]
    assert newest_per_code(items) == items


def test_an_announcement_does_not_stand_for_the_trade_before_it() -> None:
    """T6: it says why the code is quiet; the trade before it is the newest price there is."""
    items = [tick("000001", 1), tick("000001", 2), tick("000001", 3)._replace(session_phase="C")]
    assert newest_per_code(items) == items[1:]
