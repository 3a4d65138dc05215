"""Cash with its age, other desks' changes in their time, and when to reconcile."""

from datetime import timedelta
from pathlib import Path

import pytest

from jennie_core.domain.base import from_epoch_us, to_epoch_us
from jennie_core.domain.enums import Mode
from jennie_core.domain.market import ClockMark
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.strategy.agenda import Agenda
from jennie_core.strategy.book import BALANCE_LIFE_US, Book
from jennie_infra.clock import MarketClock
from jennie_live.desk.crash_points import CrashPoints
from tests.unit.desk.test_unknown import SENT, balance

NOW = to_epoch_us(SENT)
SLICE = 5_000_000
OPEN, CLOSE, FINAL = NOW - 3_600_000_000, NOW + 3_600_000_000, NOW + 7_200_000_000


def position(quantity: int) -> Position:
    return Position(stock_code="005930", stock_name="삼성전자", quantity=quantity, average_price_krw=100)


def event(quantity: int, at_us: int) -> PositionEvent:
    return PositionEvent(reason="fill", writer="other", position=position(quantity), occurred_at=from_epoch_us(at_us))


@pytest.mark.rule("R-GW-06")
def test_cash_is_unknown_without_a_balance_and_when_it_is_old() -> None:
    book = Book(MarketClock())
    assert book.cash(SENT) is None
    book.take_balance(balance(10), NOW, set())
    cash = book.cash(SENT)
    assert cash is not None
    assert (cash.orderable_krw, cash.total_krw) == (1, 100_001)
    assert book.cash(SENT + timedelta(microseconds=BALANCE_LIFE_US + 1)) is None


def test_reserved_cash_is_not_spent_twice_and_comes_back() -> None:
    book = Book(MarketClock())
    book.take_balance(balance(0).model_copy(update={"orderable_cash_krw": 1_000}), NOW, set())
    book.reserve("a", 600)
    book.reserve("b", 100)
    assert book.cash(SENT).orderable_krw == 300  # type: ignore[union-attr]
    book.release("b")
    assert book.cash(SENT).orderable_krw == 400  # type: ignore[union-attr]
    book.take_balance(balance(0).model_copy(update={"orderable_cash_krw": 400}), NOW, {"a"})
    assert book.cash(SENT).orderable_krw == -200  # type: ignore[union-attr]


def test_another_desks_change_waits_for_the_end_of_the_next_slice() -> None:
    """Decision 0001."""
    clock = MarketClock()
    book = Book(clock)
    book.load({"005930": position(10)})
    clock.observe_mark(ClockMark(NOW, settled=True))
    book.offer(event(4, NOW + 1))
    for end in (NOW + SLICE, NOW + 2 * SLICE):
        assert book.positions["005930"].quantity == 10
        clock.observe_mark(ClockMark(end, settled=True))
        changes = book.settle()
    assert [(change.before and change.before.quantity) for change in changes] == [10]
    assert book.positions["005930"].quantity == 4


def test_an_own_newer_change_is_not_undone_by_an_older_one() -> None:
    clock = MarketClock()
    book = Book(clock)
    book.offer(event(4, NOW))
    book.put(position(9), NOW + 1)
    clock.observe_mark(ClockMark(NOW + SLICE, settled=True))
    clock.observe_mark(ClockMark(NOW + 2 * SLICE, settled=True))
    book.settle()
    assert book.positions["005930"].quantity == 9


@pytest.mark.rule("R-REC-06")
@pytest.mark.parametrize(
    ("after_us", "busy", "expected"),
    [
        (29_000_000, True, None),
        (30_000_000, True, "periodic"),
        (299_000_000, False, None),
        (300_000_000, False, "periodic"),
        (3_600_000_000, True, None),
        (3_635_000_000, True, "close"),
        (7_200_000_000, False, "final"),
    ],
)
def test_reconciliations_are_due_in_market_time(after_us: int, busy: bool, expected: str | None) -> None:
    agenda = Agenda()
    assert agenda.due(NOW, open_us=OPEN, close_us=CLOSE, final_us=FINAL, is_busy=busy) == "start"
    agenda.done("start", NOW)
    due = agenda.due(NOW + after_us, open_us=OPEN, close_us=CLOSE, final_us=FINAL, is_busy=busy)
    assert due == expected
    if expected in ("close", "final"):
        agenda.done(expected, NOW + after_us)
        assert agenda.due(NOW + after_us, open_us=OPEN, close_us=CLOSE, final_us=FINAL, is_busy=busy) is None


def test_what_was_wanted_comes_first() -> None:
    agenda = Agenda()
    agenda.done("start", NOW)
    agenda.want("failed-sell")
    assert agenda.due(NOW, open_us=OPEN, close_us=CLOSE, final_us=FINAL, is_busy=False) == "failed-sell"


def test_crash_points_fire_once_and_only_in_a_rehearsal(tmp_path: Path) -> None:
    """Drill 3."""
    armed = CrashPoints(Mode.REHEARSAL, tmp_path, "after_intent")
    assert armed.is_armed("after_intent")
    assert not armed.is_armed("after_reply")
    (tmp_path / "crashed-after_intent").write_text("once")
    assert not armed.is_armed("after_intent")
    assert not CrashPoints(Mode.LIVE, tmp_path, "after_reply").is_armed("after_reply")


def test_what_was_paid_is_a_price_only_until_a_balance_is_read() -> None:
    """I4: a holding that a later balance lacks, sold meanwhile or left out, has no price."""
    book = Book(MarketClock())
    day = SENT.date()
    book.take_balance(balance(0).model_copy(update={"holdings": ()}), NOW, set())
    book.put(position(10).model_copy(update={"bought_on": day}), NOW + 1)
    assert book.price_now("005930", day) == 100
    assert book.price_now("005930", day + timedelta(days=1)) is None, "a carried holding counts at the broker's price"
    book.take_balance(balance(0).model_copy(update={"holdings": ()}), NOW + SLICE, set())
    assert book.price_now("005930", day) is None
    book.take_balance(balance(10), NOW + 2 * SLICE, set())
    assert book.price_now("005930", day) == book.price_of("005930")
