"""Drill 1: the reply is lost after the broker took the call, for a buy, a sell, a cancel and an amendment."""

import pytest

from jennie_core.domain.decisions import Accepted, Unknown
from jennie_core.domain.enums import SignalType
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.gateway_line import amendment, line_to
from tests.drills.rig import BASE_KRW, Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]
LIMIT = {"signal_type": SignalType.MOMENTUM}
"""R-ORD-02: the momentum family orders with a limit."""
RESTS = {"name": "partial_fill", "endpoint": CODE, "count": 1, "params": {"ratio": 0.0}}
"""Nobody trades with the order of this code, so it rests until it is changed or cancelled."""


async def _is_told(rig: Rig, intent_id: str) -> None:
    """I5: the operator hears that the fate is unknown, once, and hears the end of it."""
    said = [alert.cleared for alert in await rig.alerts() if alert.alert_id == f"unknown-{intent_id}"]
    assert said == [False, True]


async def test_01_the_reply_of_an_accepted_buy_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.signal(CODE)
    await rig.until(lambda: rig.intents(stock_code=CODE), "the intent")
    await rig.until(lambda: rig.state(CODE) == "unknown", "not failed, not accepted: unknown")
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "filled", "the buy is found and filled")
    await rig.holds()
    assert len(rig.intents(stock_code=CODE)) == len(rig.orders(CODE)) == 1
    await _is_told(rig, rig.intents(stock_code=CODE)[0]["intent_id"])


async def test_01_the_reply_of_an_accepted_sell_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.sell(HELD, HELD_SHARES)
    await rig.until(lambda: rig.intents(stock_code=HELD), "the intent")
    await rig.until(lambda: rig.state(HELD) == "unknown", "not failed, not accepted: unknown")
    rig.fault_is_over()
    await rig.slices_until(lambda: HELD not in rig.theirs() and HELD not in rig.ours(), "sold on both sides")
    await rig.holds()
    assert len(rig.intents(stock_code=HELD)) == len(rig.orders(HELD)) == 1
    await _is_told(rig, rig.intents(stock_code=HELD)[0]["intent_id"])


async def test_01_a_buy_that_never_arrived_is_given_up_only_after_three_inquiries(rig: Rig) -> None:
    """The other half of unknown: dropped before the broker saw it. Never sent again, and its cash is free again."""
    rig.admin.faults({"name": "drop_request", "endpoint": "order-cash", "count": 1})
    await rig.signal(CODE)
    await rig.slices(10)
    assert rig.state(CODE) == "unknown", "less than 60 s"
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "not_placed", "given up", 8)
    assert rig.orders(CODE) == []
    await rig.holds()


@pytest.mark.rule("R-ORD-04", "R-ORD-05")
@pytest.mark.parametrize("fault", ["accept_then_drop_reply", "drop_request"])
async def test_01_and_07_the_reply_of_a_cancel_is_lost(rig: Rig, fault: str) -> None:
    """The resting limit order is cancelled after 10 s, and the state is read back."""
    rig.admin.faults({"name": fault, "endpoint": "order-rvsecncl", "count": 1})
    rig.admin.faults(RESTS)
    await rig.signal(CODE, **LIMIT)
    await rig.slices_until(lambda: rig.admin.hits(fault) == 1, "the cancel is on its way")
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "cancelled", "read back", 4)
    assert len(rig.orders(CODE, "cancel")) == 1, "one cancel at the broker, whether or not its reply came"
    assert rig.orders(CODE)[0]["remaining_quantity"] == 0
    assert CODE not in rig.theirs()
    await rig.holds()


@pytest.mark.parametrize("told", ["notices come", "notices are lost"])
async def test_01_the_reply_of_an_amendment_is_lost(rig: Rig, told: str) -> None:
    """The broker gives the order a new number that nobody has heard of: it still is the same intent, filled once."""
    rig.admin.faults(RESTS)
    await rig.signal(CODE, **LIMIT)
    await rig.slice()
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-rvsecncl", "count": 1})
    if told == "notices are lost":
        rig.admin.faults({"name": "swallow_notice", "endpoint": CODE})
    request = amendment(rig, CODE, BASE_KRW + 100)
    async with line_to(rig) as gateway:
        first = await gateway.revise(request)
        assert isinstance(first.outcome, Unknown), "not failed: unknown"
        again = await gateway.revise(request)
        assert again.repeated, "never sent again"
        assert isinstance(again.outcome, Unknown)
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "filled", "found by asking, and filled", 12)
    assert len(rig.orders(CODE)) == len(rig.orders(CODE, "revise")) == 1
    await rig.holds()


async def test_01_an_amended_order_is_cancelled_under_its_new_number(rig: Rig) -> None:
    """What the amendment left working is found and given up as well: no remainder is forgotten."""
    rig.admin.faults(RESTS)
    await rig.signal(CODE, **LIMIT)
    await rig.slice()
    async with line_to(rig) as gateway:
        reply = await gateway.revise(amendment(rig, CODE, BASE_KRW - 2_000))
    assert isinstance(reply.outcome, Accepted)
    await rig.slices_until(lambda: rig.state(CODE) == "cancelled", "given up", 8)
    assert [row["remaining_quantity"] for row in rig.orders(CODE, "revise")] == [0]
    await rig.holds()
