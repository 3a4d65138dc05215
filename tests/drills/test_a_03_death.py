"""Drill 3: the executor dies between any two steps around an order."""

import asyncio

import pytest

from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

AROUND_THE_ORDER = ("before_intent", "after_intent", "after_write", "after_reply", "after_fill")
AROUND_THE_ACKNOWLEDGEMENT = ("before_ack", "after_outcome", "after_ack")


@pytest.mark.parametrize("point", AROUND_THE_ORDER)
async def test_03_a_buy_executor_that_dies_around_an_order_neither_doubles_nor_loses_it(rig: Rig, point: str) -> None:
    code = CODES[0]
    await _arm(rig, "buy-executor", point)
    await rig.signal(code)
    await _dies_and_comes_back(rig, "buy-executor", point)
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    placed = [row for row in rig.intents(stock_code=code) if row["order_number"] is not None]
    assert len(rig.orders(code)) == len(placed) <= 1
    assert len(placed) == (0 if point == "after_intent" else 1), "what was not sent may be sent once more, never twice"
    await rig.holds()
    await _reconciles_twice(rig, "buy-executor")


@pytest.mark.parametrize("point", AROUND_THE_ORDER)
async def test_03_a_sell_executor_that_dies_around_an_order_sells_once(rig: Rig, point: str) -> None:
    await _arm(rig, "sell-executor", point)
    await rig.sell(HELD, HELD_SHARES)
    await _dies_and_comes_back(rig, "sell-executor", point)
    await rig.slices_until(lambda: not rig.unresolved("sell"), "settled")
    await rig.raise_until_sold(HELD, HELD_SHARES)  # where nothing had left, the rule still holds
    assert len(rig.orders(HELD)) == 1
    await rig.holds()


@pytest.mark.parametrize("point", AROUND_THE_ACKNOWLEDGEMENT)
async def test_03_a_death_around_the_acknowledgement_of_a_signal_loses_no_order(rig: Rig, point: str) -> None:
    """The signal waits in the stream while the executor is down, so that it dies with it in hand."""
    rig.kill("buy-executor")
    made = await rig.signal(CODES[0])
    rig.start("buy-executor", CRASH_AT=point)
    await _dies_and_comes_back(rig, "buy-executor", point)
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert len(rig.orders(CODES[0])) == 1
    assert rig.signals(signal_id=made.signal_id) == [("ordered", None)], "I3: one recorded outcome"
    assert rig.refusals() == [], "an entry that comes again is no second signal"
    await rig.holds()


async def test_03_until_the_start_is_reconciled_no_signal_is_taken(rig: Rig) -> None:
    """The broker's order list does not answer: the executor says reconciling, and takes nothing."""
    await rig.signal(CODES[0])
    await rig.slice()
    rig.kill("buy-executor")
    rig.admin.faults({"name": "status", "endpoint": "inquire-balance"})
    rig.start("buy-executor")
    late = await rig.signal(CODES[1])
    await rig.until(lambda: rig.admin.hits("status") >= 2, "it asks, and asks again")
    assert rig.health("buy-executor").get("status") == "reconciling"
    assert rig.signals(signal_id=late.signal_id) == []
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    await rig.is_healthy("buy-executor")
    await rig.slices_until(lambda: rig.orders(CODES[1]), "then it goes on")
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    await rig.holds()


async def _arm(rig: Rig, name: str, point: str) -> None:
    rig.kill(name)
    rig.start(name, CRASH_AT=point)
    await rig.slices(2)
    await rig.is_healthy(name)


async def _dies_and_comes_back(rig: Rig, name: str, point: str) -> None:
    process = rig.processes[name]
    slicing = asyncio.create_task(rig.slices_until(lambda: process.poll() is not None, point))
    assert await rig.died(name) == 137, point
    rig.start(name)
    rig.fault_is_over()
    await slicing
    await rig.slices(2)


async def _reconciles_twice(rig: Rig, name: str) -> None:
    """A second start finds nothing to do."""
    before = (rig.intents(), rig.ours(), rig.theirs())
    rig.kill(name)
    rig.start(name)
    await rig.slices(2)
    await rig.is_healthy(name)
    assert (rig.intents(), rig.ours(), rig.theirs()) == before
