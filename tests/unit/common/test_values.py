"""Effective and published values: when they come into force, and why one is unknown (decision 0001, I4)."""

from datetime import datetime, timedelta

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import IntradayRiskLevel
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark
from jennie_core.strategy.effective import Effective
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.clock import MarketClock
from jennie_live.common.published import Published

START = datetime(2025, 6, 27, 10, 0, tzinfo=KST)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def risk(seconds: int, multiplier: float = 1.0) -> IntradayRisk:
    return IntradayRisk(
        level=IntradayRiskLevel.NORMAL, position_multiplier=multiplier, known_at=at(seconds), expires_at=at(3600)
    )


def settle(clock: MarketClock, seconds: int) -> None:
    clock.observe_mark(ClockMark(int(at(seconds).timestamp()) * 1_000_000, settled=True))


def test_a_value_born_in_a_slice_is_in_force_from_the_end_of_the_next() -> None:
    clock = MarketClock()
    held: Effective[IntradayRisk] = Effective(clock)
    settle(clock, 0)
    settle(clock, 5)
    held.offer(risk(3))
    assert held.value is None
    settle(clock, 10)
    held.offer(risk(3))
    assert held.value == risk(3)


@pytest.mark.parametrize("is_fast", [True, False])
def test_it_is_the_same_whether_the_reader_sees_a_value_early_or_late(is_fast: bool) -> None:
    clock = MarketClock()
    held: Effective[IntradayRisk] = Effective(clock)
    settle(clock, 0)
    settle(clock, 5)
    if is_fast:
        held.offer(risk(5))
    settle(clock, 10)
    held.offer(risk(5))
    assert held.value == risk(5)


def test_a_newer_value_does_not_push_out_one_whose_time_has_come() -> None:
    """A value every slice: the one of slice k counts at the end of k+1, although k+1's own has been read by then."""
    clock = MarketClock()
    held: Effective[IntradayRisk] = Effective(clock)
    settle(clock, 0)
    settle(clock, 5)
    held.offer(risk(5, 0.5))
    settle(clock, 10)
    held.offer(risk(10, 0.1))
    assert held.value == risk(5, 0.5)
    settle(clock, 15)
    held.offer(risk(15, 0.0))
    assert held.value == risk(10, 0.1)


def test_an_older_value_is_never_taken_again() -> None:
    clock = MarketClock()
    held: Effective[IntradayRisk] = Effective(clock)
    for seconds in (0, 5, 10, 15):
        settle(clock, seconds)
    held.offer(risk(9, 0.9))
    held.offer(risk(3, 0.3))
    assert held.value == risk(9, 0.9)


def test_nothing_offered_keeps_what_is_in_force() -> None:
    clock = MarketClock()
    held: Effective[IntradayRisk] = Effective(clock)
    for seconds in (0, 5, 10):
        settle(clock, seconds)
    held.offer(risk(3))
    held.offer(None)
    assert held.value == risk(3)


def test_a_wrong_model_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="risk:intraday"):
        Published(RedisKeys.RISK_INTRADAY, TradingContext)


def test_an_absent_value_says_that_it_is_not_set() -> None:
    held = Published(RedisKeys.RISK_INTRADAY, IntradayRisk)
    assert "not read yet" in held.problem
    assert held.take(None)
    assert held.value is None
    assert held.problem == "risk:intraday is not set"


def test_a_malformed_value_replaces_a_good_one() -> None:
    held = Published(RedisKeys.RISK_INTRADAY, IntradayRisk)
    assert held.take(risk(1).model_dump_json())
    assert not held.take(risk(1).model_dump_json())
    assert held.take("{}")
    assert held.value is None
    assert "malformed" in held.problem


def test_a_lost_store_keeps_the_value_and_its_return_clears_the_problem() -> None:
    held = Published(RedisKeys.RISK_INTRADAY, IntradayRisk)
    raw = risk(1).model_dump_json()
    held.take(raw)
    held.lose("risk:intraday cannot be read: ConnectionError")
    assert held.value == risk(1)
    assert held.problem
    assert not held.take(raw)
    assert held.problem == ""
