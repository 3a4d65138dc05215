"""Market time moves by marks and ticks only, and only forward (T2, decision 0001)."""

import pytest

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import ClockMark
from jennie_infra.clock import MarketClock, MarketTimeUnknownError

SECOND = 1_000_000
T0 = 1_750_982_400_000_000


def settled(seconds: int) -> ClockMark:
    return ClockMark(T0 + seconds * SECOND, settled=True)


def test_before_the_first_mark_market_time_is_unknown() -> None:
    clock = MarketClock()
    assert not clock.is_known
    assert clock.seconds_since_mark() is None
    with pytest.raises(MarketTimeUnknownError):
        clock.now()


def test_it_never_goes_back() -> None:
    clock = MarketClock()
    clock.observe_us(T0 + 5 * SECOND)
    clock.observe_us(T0)
    clock.observe_mark(ClockMark(T0 + 2 * SECOND, settled=False))
    assert clock.now_us() == T0 + 5 * SECOND


def test_a_tick_moves_time_but_is_no_mark() -> None:
    clock = MarketClock()
    clock.observe_us(T0)
    assert clock.is_known
    assert clock.settled_us is None
    assert clock.seconds_since_mark() is None


def test_the_same_settled_mark_again_changes_nothing() -> None:
    clock = MarketClock()
    for mark in (settled(0), settled(5), settled(5), settled(0)):
        clock.observe_mark(mark)
    assert (clock.previous_settled_us, clock.settled_us) == (T0, T0 + 5 * SECOND)


def test_an_unsettled_mark_settles_nothing() -> None:
    clock = MarketClock()
    clock.observe_mark(settled(0))
    clock.observe_mark(ClockMark(T0 + 3 * SECOND, settled=False))
    assert (clock.settled_us, clock.now_us()) == (T0, T0 + 3 * SECOND)


def test_a_value_may_be_used_once_the_previous_settled_mark_is_not_older() -> None:
    """Decision 0001: born in slice k, used from the end of slice k+1."""
    clock = MarketClock()
    born = from_epoch_us(T0 + 3 * SECOND)
    clock.observe_mark(settled(0))
    assert not clock.may_use(born)
    clock.observe_mark(settled(5))
    assert not clock.may_use(born)
    clock.observe_mark(settled(10))
    assert clock.may_use(born)
    assert clock.may_use(from_epoch_us(T0 + 5 * SECOND))
    assert not clock.may_use(from_epoch_us(T0 + 5 * SECOND + 1))
