"""Which reads rest (drill 15, R-GW-02)."""

import pytest

from jennie_infra.kis.breaker import FAILURES_TO_OPEN, LONGEST_PAUSE_SECONDS
from jennie_infra.kis.circuits import Circuits
from jennie_infra.kis.errors import BreakerOpenError
from jennie_infra.kis.tr_ids import Function


class Time:
    now = 0.0


def made() -> tuple[Circuits, Time]:
    at = Time()
    return Circuits(lambda: at.now), at


def fail(circuits: Circuits, function: Function, times: int = FAILURES_TO_OPEN, *, unreached: bool = False) -> None:
    for _ in range(times):
        circuits.failed(function, unreached=unreached)


def test_a_slow_endpoint_rests_alone_however_often_it_fails() -> None:
    circuits, _ = made()
    fail(circuits, Function.QUOTE, 200)
    fail(circuits, Function.BALANCE, FAILURES_TO_OPEN // 2 - 1)
    with pytest.raises(BreakerOpenError, match="reads of quote rest"):
        circuits.check(Function.QUOTE)
    circuits.check(Function.BALANCE)
    assert circuits.host.state == "closed"
    assert circuits.resting == ("quote",)


def test_failures_of_several_endpoints_without_an_answer_are_the_hosts() -> None:
    circuits, _ = made()
    fail(circuits, Function.QUOTE, 10)
    fail(circuits, Function.BALANCE, 9)
    assert circuits.host.state == "closed"
    circuits.failed(Function.SELL)
    assert circuits.host.state == "open"
    with pytest.raises(BreakerOpenError, match="reads of the broker rest"):
        circuits.check(Function.OPEN_ORDERS)


def test_refused_connections_are_the_hosts_whatever_was_asked() -> None:
    circuits, _ = made()
    fail(circuits, Function.QUOTE, unreached=True)
    assert circuits.host.state == "open"


def test_an_answer_of_any_endpoint_begins_the_count_anew() -> None:
    circuits, _ = made()
    for _ in range(5):
        fail(circuits, Function.QUOTE, 9, unreached=True)
        fail(circuits, Function.BALANCE, 9)
        circuits.succeeded(Function.ORDERS_OF_DAY)
    assert circuits.host.state == "closed"


def test_after_an_outage_one_probe_goes_and_its_answer_lets_everything_pass() -> None:
    circuits, at = made()
    fail(circuits, Function.QUOTE, unreached=True)
    fail(circuits, Function.BALANCE, unreached=True)
    at.now = 1.0
    circuits.check(Function.OPEN_ORDERS)
    with pytest.raises(BreakerOpenError):
        circuits.check(Function.INDEX)
    circuits.succeeded(Function.OPEN_ORDERS)
    assert circuits.resting == ()
    for function in (Function.QUOTE, Function.BALANCE, Function.INDEX):
        circuits.check(function)


def test_a_read_that_its_own_endpoint_holds_back_does_not_use_up_the_hosts_probe() -> None:
    circuits, at = made()
    fail(circuits, Function.QUOTE, 200)
    fail(circuits, Function.BALANCE, 10)
    assert circuits.host.state == "open"
    at.now = 1.0
    circuits.check(Function.OPEN_ORDERS)
    circuits.failed(Function.OPEN_ORDERS)
    at.now = 2.9
    with pytest.raises(BreakerOpenError):
        circuits.check(Function.QUOTE)
    assert circuits.host.state == "open"
    at.now = 3.0
    circuits.check(Function.OPEN_ORDERS)


def test_an_accepted_order_ends_the_rest() -> None:
    """Orders pass while reads rest, so an order's answer is as good as a probe's."""
    circuits, _ = made()
    fail(circuits, Function.QUOTE, unreached=True)
    circuits.succeeded(Function.SELL)
    circuits.check(Function.QUOTE)


def test_pauses_double_up_to_a_minute() -> None:
    circuits, at = made()
    fail(circuits, Function.QUOTE)
    pauses = []
    for _ in range(8):
        began = at.now
        while True:
            at.now += 0.5
            try:
                circuits.check(Function.QUOTE)
            except BreakerOpenError:
                continue
            break
        pauses.append(at.now - began)
        circuits.failed(Function.QUOTE)
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_orders_without_an_answer_count_and_never_rest() -> None:
    circuits, _ = made()
    fail(circuits, Function.SELL, 200)
    assert circuits.resting == ()
    fail(circuits, Function.BALANCE, 10)
    assert circuits.host.state == "open", "buys that would end in silence are not sent"


def test_a_probe_that_the_resting_host_turns_away_may_be_sent_again() -> None:
    """An endpoint whose pause is over is not left probing for ever because the host rests at that moment."""
    circuits, at = made()
    fail(circuits, Function.QUOTE)
    at.now += 3_600
    for _ in range(FAILURES_TO_OPEN):
        circuits.host.failed()
    with pytest.raises(BreakerOpenError):
        circuits.check(Function.QUOTE)
    circuits.host.succeeded()
    circuits.check(Function.QUOTE)
