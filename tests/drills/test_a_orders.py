"""Drills A: orders and the gateway. Each name begins with the number of its drill."""

import asyncio
import signal

import pytest

from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]


async def test_01_the_reply_of_an_accepted_buy_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.signal(CODE)
    await rig.slice()
    assert rig.state(CODE) != "rejected"
    await rig.slices_until(lambda: rig.state(CODE) == "filled", "the buy is found and filled")
    assert len(rig.intents(stock_code=CODE)) == len(rig.orders(CODE)) == 1
    assert rig.agree().matches, rig.agree().differences


async def test_01_the_reply_of_an_accepted_sell_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: HELD not in rig.theirs() and HELD not in rig.ours(), "sold on both sides")
    assert len(rig.intents(stock_code=HELD)) == len(rig.orders(HELD)) == 1
    assert rig.agree().matches, rig.agree().differences


@pytest.mark.timeout(600)
async def test_03_a_death_at_any_point_around_an_order_neither_doubles_nor_loses_it(rig: Rig) -> None:
    """One buy per point; the executor comes back, reconciles first, and nothing is left open."""
    points = ("before_intent", "after_intent", "after_write", "after_reply", "after_fill")
    for code, point in zip(CODES, points, strict=False):
        await _restart(rig, CRASH_AT=point)
        await rig.signal(code)
        await _dies_and_comes_back(rig, point)
        await _is_settled(rig, code, point)


async def test_03_a_death_around_the_acknowledgement_of_a_signal_loses_no_order(rig: Rig) -> None:
    """The signal waits in the stream while the executor is down, so that it dies with it in hand."""
    for code, point in zip(CODES, ("before_ack", "after_ack"), strict=False):
        rig.kill("buy-executor")
        made = await rig.signal(code)
        rig.start("buy-executor", CRASH_AT=point)
        await _dies_and_comes_back(rig, point)
        await _is_settled(rig, code, point)
        assert len(rig.signals(signal_id=made.signal_id)) == 1, "I3: one recorded outcome"


async def _restart(rig: Rig, **environment: str) -> None:
    rig.kill("buy-executor")
    rig.start("buy-executor", **environment)
    await rig.slices(3)
    await rig.until(lambda: rig.health("buy-executor").get("status") == "healthy", "healthy after a restart")


async def _dies_and_comes_back(rig: Rig, point: str) -> None:
    process = rig.processes["buy-executor"]
    slicing = asyncio.create_task(rig.slices_until(lambda: process.poll() is not None, point))
    assert await rig.died("buy-executor") == 137, point
    rig.start("buy-executor")
    await slicing
    await rig.slices(3)


async def _is_settled(rig: Rig, code: str, point: str) -> None:
    await rig.slices_until(lambda: not rig.unresolved("buy"), f"{point} is settled")
    placed = [row for row in rig.intents(stock_code=code) if row["order_number"] is not None]
    assert len(rig.orders(code)) == len(placed) <= 1, point
    agreement = rig.agree()
    assert agreement.matches, (point, agreement.differences)


async def test_04_the_same_signal_fifty_times_is_one_order(rig: Rig) -> None:
    made = rig.make_signal(CODE)
    for number in range(50):
        copy = made if number < 25 else made.model_copy(update={"signal_id": f"{made.signal_id}-{number}"})
        await StreamWriter(rig.redis, Streams.BUY_SIGNALS).publish(copy, copy.signalled_at)
    slicing = asyncio.create_task(rig.slice())
    await rig.until(lambda: rig.intents(stock_code=CODE), "the first is on its way")
    rig.kill("buy-executor")
    rig.start("buy-executor")
    await slicing
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert len(rig.orders(CODE)) == 1
    assert rig.agree().matches, rig.agree().differences
    late = rig.make_signal(CODE)
    await rig.signal(CODE)
    await rig.slices(2)
    assert len(rig.orders(CODE)) == 1, "the cooldown survives the restart"
    assert ("refused", None) not in rig.signals()
    assert rig.signals(signal_id=late.signal_id)[0][0] == "refused"


async def test_05_of_two_executors_one_trades_and_a_sleeper_sends_nothing(rig: Rig) -> None:
    rig.start("buy-executor", "second", JENNIE_BIND_HOST="127.0.0.2")
    await rig.signal(CODES[0])
    await rig.slices(2)
    assert rig.state(CODES[0]) == "filled"
    holder = rig.processes["buy-executor"]
    holder.send_signal(signal.SIGSTOP)
    await rig.redis.delete(RedisKeys.DESK_LEASE.of(side="buy"))  # its life is over: fifteen seconds of real time
    await rig.slices(3)
    await rig.signal(CODES[1])
    await rig.slices(2)
    await rig.slices_until(lambda: rig.state(CODES[1]) == "filled", "the second trades")
    holder.send_signal(signal.SIGCONT)
    await rig.signal(CODES[2])
    await rig.slices(3)
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    for code in CODES[:3]:
        assert len(rig.orders(code)) == 1
    assert rig.agree().matches, rig.agree().differences


async def test_06_a_partial_fill_whose_rest_is_cancelled_keeps_the_filled_shares(rig: Rig) -> None:
    rig.admin.faults({"name": "partial_fill", "endpoint": CODE, "params": {"ratio": 0.37}})
    await rig.signal(CODE)
    await rig.slices_until(
        lambda: rig.intents(stock_code=CODE) and not rig.unresolved("buy"), "the rest is given up", 60
    )
    order = rig.orders(CODE)[0]
    assert 0 < order["filled_quantity"] < order["quantity"]
    assert rig.ours()[CODE] == (order["filled_quantity"], 0)
    assert rig.agree().matches, rig.agree().differences
    rig.admin.faults({"clear": True})
    await rig.sell(CODE, order["quantity"])
    await rig.slices_until(lambda: CODE not in rig.theirs(), "what is held is sold")
    assert [row["quantity"] for row in rig.orders(CODE) if row["side"] == "sell"] == [order["filled_quantity"]]
    await rig.slice()
    assert rig.agree().matches, rig.agree().differences


async def test_09_a_swallowed_fill_notice_is_found_within_thirty_seconds(rig: Rig) -> None:
    rig.admin.faults({"name": "swallow_notice", "count": 8})
    await rig.signal(CODE)
    await rig.slice()
    await rig.slices_until(lambda: rig.ours().get(CODE, (0, 0))[0] == rig.theirs().get(CODE, -1), "found", 7)
    await rig.slices(2)
    assert len(rig.orders(CODE)) == 1
    assert rig.agree().matches, rig.agree().differences


async def test_11_what_was_traded_by_hand_is_adopted_and_not_sold(rig: Rig) -> None:
    by_hand = HELD_SHARES // 2
    rig.admin.trade_by_hand(HELD, "sell", by_hand)
    rig.admin.trade_by_hand(CODE, "buy", 10)
    await rig.slices_until(lambda: CODE in rig.ours(), "adopted", 14)
    await rig.slices(2)
    assert rig.ours()[CODE] == (0, 10)
    assert sum(rig.ours()[HELD]) == HELD_SHARES - by_hand
    await rig.sell(HELD, HELD_SHARES)
    await rig.sell(CODE, 10)
    await rig.slices(4)
    assert [row["quantity"] for row in rig.orders(HELD) if row["side"] == "sell"][-1] == HELD_SHARES - by_hand
    assert rig.theirs() == {CODE: 10}, "what is not ours is not sold"


@pytest.mark.parametrize("fault", ["drop_request", "status"])
async def test_12_an_unreadable_balance_refuses_buys_and_keeps_positions(rig: Rig, fault: str) -> None:
    rig.admin.faults({"name": fault, "endpoint": "inquire-balance"})
    await rig.slices(40)  # past the age at which a balance counts
    await rig.signal(CODE)
    await rig.slices(2)
    assert rig.orders(CODE) == []
    assert [outcome for outcome, _ in rig.signals(stock_code=CODE)] == ["refused"]
    assert rig.ours()[HELD] == (HELD_SHARES, 0)
    rig.admin.faults({"clear": True})
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: HELD not in rig.theirs(), "exits go on")
    await rig.slices(2)
    assert rig.agree().matches, rig.agree().differences
