"""Switching faults on and off, and what each does to notices and frames."""

import random

import pytest

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.orders import Lifetime, Notice, NoticeKind, Order, OrderKind
from jennie_sim.faults.disturbance import damage, disturbed_notices, garbled, stalled_codes
from jennie_sim.faults.registry import FaultName, FaultRegistry, UnknownFaultError


def notice(number: int, kind: NoticeKind = NoticeKind.FILLED, code: str = "700010") -> Notice:
    order = Order(number, "5012345601", code, OrderSide.BUY, OrderKind.MARKET, Lifetime.DAY, 10, 0, 0)
    return Notice(kind, order, 10, 70_000, number * 1_000, order.account)


def test_every_name_of_the_issue_is_known() -> None:
    names = (
        "drop_request accept_then_drop_reply delay status partial_fill duplicate_notice reorder_notices swallow_notice"
        " stall_ticks revoke_token garble_frame reject clock market_fall"
    )
    assert {name.value for name in FaultName} == set(names.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"name": "earthquake"}, "unknown fault 'earthquake'"), ({"name": "delay", "params": {"speed": 1}}, "'speed'")],
)
def test_what_does_not_exist_is_refused_with_what_does(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(UnknownFaultError, match=says):
        FaultRegistry().switch_on(**arguments)  # type: ignore[arg-type]


def test_a_fault_strikes_its_endpoint_as_often_as_it_was_asked_to() -> None:
    faults = FaultRegistry()
    faults.switch_on("drop_request", "order-cash", count=2, skip=1)
    struck = [faults.strike(FaultName.DROP_REQUEST, "order-cash") is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert faults.strike(FaultName.DROP_REQUEST, "inquire-price") is None


def test_switching_off_one_leaves_the_others() -> None:
    faults = FaultRegistry()
    first, second = faults.switch_on("delay"), faults.switch_on("reject")
    assert faults.switch_off(first.id) == 1
    assert faults.faults == [second]
    assert faults.switch_off() == 1
    assert not faults


def test_one_notice_is_swallowed() -> None:
    faults = FaultRegistry()
    faults.switch_on("swallow_notice", "filled", count=1)
    kept = disturbed_notices(faults, [notice(1, NoticeKind.ACCEPTED), notice(2), notice(3)])
    assert [row.order.number for row in kept] == [1, 3]


def test_notices_are_repeated() -> None:
    faults = FaultRegistry()
    faults.switch_on("duplicate_notice", params={"times": 3})
    assert [row.order.number for row in disturbed_notices(faults, [notice(1), notice(2)])] == [1, 1, 1, 2, 2, 2]


def test_reordering_changes_the_delivery_and_nothing_in_the_notice() -> None:
    faults = FaultRegistry()
    faults.switch_on("reorder_notices", params={"seed": 4})
    sent = [notice(number) for number in range(8)]
    shuffled = disturbed_notices(faults, sent)
    assert [row.order.number for row in shuffled] != list(range(8))
    assert sorted((row.order.number, row.at_ms) for row in shuffled) == [(row.order.number, row.at_ms) for row in sent]
    assert len({row.sent_at_ms for row in shuffled}) == 1


def test_ticks_of_chosen_codes_stall() -> None:
    faults = FaultRegistry()
    faults.switch_on("stall_ticks", params={"codes": ["700010"]})
    assert stalled_codes(faults, ["700010", "700020"]) == {"700010"}


def test_garbling_spares_control_frames_and_is_repeatable() -> None:
    texts = ['{"header":{"tr_id":"PINGPONG"}}', "0|H0STCNT0|001|700010^093015^71500"]
    seen = []
    for _ in range(2):
        faults = FaultRegistry()
        faults.switch_on("garble_frame", "H0STCNT0", params={"seed": 9})
        seen.append(garbled(faults, texts))
    assert seen[0] == seen[1]
    assert seen[0][0] == texts[0]
    assert seen[0][1] != texts[1]


def test_damage_always_changes_something_or_keeps_the_length_by_chance() -> None:
    text = "0|H0STCNT0|001|700010^093015^71500"
    changed = [damage(text, random.Random(seed)) for seed in range(200)]
    assert sum(row != text for row in changed) > 190
