"""Drill 4: the same signal fifty times. Drill 5: two executors on one account."""

import asyncio
import signal as signals
from datetime import timedelta

import pytest

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Refused
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter
from jennie_infra.db.repositories.tables import SIGNAL_LOG
from tests.drills.exchange import CODES
from tests.drills.gateway_line import line_to, market_buy
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]
EQUAL = 50
BURST = 100
LEASE_SECONDS = 4.0
"""Long enough that its holder keeps it on a busy machine, where a renewal may come a second late."""


@pytest.mark.rule("R-MSG-06")
@pytest.mark.parametrize("moment", ["at any moment", "after_intent", "after_reply", "after_outcome"])
async def test_04_fifty_equal_signals_are_one_order_and_forty_nine_refusals(rig: Rig, moment: str) -> None:
    """Half of them before the death and half after it; the stream hands out again what was in hand.

    49, not 50: what counts is the message, not how often it is delivered. Where the death left an intent that was never
    sent, its signal still has its one outcome, and nothing is sent in its place.
    """
    if moment != "at any moment":
        rig.kill("buy-executor")
        rig.start("buy-executor", CRASH_AT=moment)
        await rig.slices(2)
        await rig.is_healthy("buy-executor")
    process = rig.processes["buy-executor"]
    made = rig.make_signal(CODE)
    rig.published.append(made.signal_id)
    for _ in range(EQUAL // 2):
        await StreamWriter(rig.redis, Streams.BUY_SIGNALS).publish(made, made.signalled_at)
    slicing = asyncio.create_task(rig.slice())
    if moment == "at any moment":
        await rig.until(lambda: rig.intents(stock_code=CODE), "the first is on its way")
        if rig.random.random() < 0.5:
            await rig.until(lambda: rig.orders(CODE), "it is there")
        rig.kill("buy-executor")
    else:
        await rig.until(lambda: process.poll() is not None, "it dies")
        assert await rig.died("buy-executor") == 137
    for _ in range(EQUAL - EQUAL // 2):
        await StreamWriter(rig.redis, Streams.BUY_SIGNALS).publish(made, made.signalled_at)
    rig.start("buy-executor")
    rig.fault_is_over()
    await slicing
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert len(rig.orders(CODE)) == (0 if rig.state(CODE) == "not_placed" else 1)
    assert moment == "at any moment" or (rig.state(CODE) == "not_placed") == (moment == "after_intent")
    assert rig.signals(signal_id=made.signal_id) == [("ordered", None)]
    assert rig.refusals() == ["R-MSG-06"] * (EQUAL - 1)
    await rig.holds()


@pytest.mark.rule("R-BUY-10")
async def test_04_a_scanner_that_fires_on_every_tick_makes_one_order_and_the_rest_survives_a_restart(rig: Rig) -> None:
    """Fifty signals of one stock with ids of their own: one order; after a restart the stock still rests."""
    at = rig.now + timedelta(seconds=1)
    for number in range(EQUAL):
        when = at + timedelta(milliseconds=10 * number)
        changes = {"signal_id": f"tick-{number}", "signalled_at": when, "tick_exchange_us": to_epoch_us(when)}
        await rig.publish(rig.make_signal(CODE).model_copy(update=changes))
    slicing = asyncio.create_task(rig.slice())
    await rig.until(lambda: rig.orders(CODE), "the first is there")
    rig.kill("buy-executor")
    rig.start("buy-executor")
    rig.fault_is_over()
    await slicing
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    outcomes = sorted(outcome for outcome, _ in rig.signals(stock_code=CODE))
    assert outcomes == ["ordered"] + ["refused"] * (EQUAL - 1)
    assert len(rig.orders(CODE)) == 1
    late = await rig.signal(CODE)
    await rig.slices(2)
    assert len(rig.orders(CODE)) == 1, "held, and resting"
    assert rig.signals(signal_id=late.signal_id)[0][0] == "refused"
    await rig.holds()


async def test_05_of_two_executors_one_trades_the_other_says_who_holds_the_desk(rig: Rig) -> None:
    """A second one started by hand, 100 signals: every order once, all by one sender."""
    holder = rig.processes["buy-executor"]
    rig.start("buy-executor", "second", JENNIE_BIND_HOST="127.0.0.2")
    await rig.until(lambda: "is held by another process" in rig.log("second"), "the loser waits")
    assert f":{holder.pid}" in rig.log("second"), "and says who holds it"
    for number in range(BURST):
        await rig.signal(CODES[number % len(CODES)], signal_id=f"burst-{number}")
    await rig.slice()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert len(rig.rows(SIGNAL_LOG)) == BURST
    for code in CODES:
        assert len(rig.orders(code)) <= 1
    assert {row["lease"] for row in rig.intents(side="buy")} == {1}
    await rig.holds()


async def test_05_a_sleeper_that_wakes_up_sends_nothing_and_takes_nobodys_lock(rig: Rig) -> None:
    """Stopped for longer than the lock's life, then continued."""
    rig.kill("buy-executor")
    rig.start("buy-executor", DESK_LEASE_SECONDS=str(LEASE_SECONDS))
    await rig.slices(2)
    await rig.is_healthy("buy-executor")
    rig.start("buy-executor", "second", JENNIE_BIND_HOST="127.0.0.2")
    await rig.until(lambda: "is held by another process" in rig.log("second"), "the second waits")
    old = rig.health("buy-executor")["detail"]["lease"]
    sleeper, key = rig.processes["buy-executor"], RedisKeys.DESK_LEASE.of(side="buy")
    asleep = await rig.redis.get(key)
    sleeper.send_signal(signals.SIGSTOP)
    await rig.until_async(lambda: _has_changed(rig, key, asleep), "the lock expires, the second takes the desk")
    mine = await rig.redis.get(key)
    await rig.slices(2)
    await rig.signal(CODES[0])
    await rig.slices(2)
    sleeper.send_signal(signals.SIGCONT)
    rig.fault_is_over()
    for code in CODES[1:4]:
        await rig.signal(code)
        await rig.slice()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    await rig.until(lambda: rig.health("buy-executor").get("status") == "unhealthy" or _waits(rig), "it knows")
    assert await rig.redis.get(key) == mine, "a lock is only released by its owner"
    assert all(row["lease"] > old for row in rig.intents(side="buy")), "nothing was sent under the sleeper's number"
    for code in CODES[:4]:
        taken_by_the_sleeper = rig.signals(stock_code=code) == [("refused", "O2-LEASE")]
        assert len(rig.orders(code)) == (0 if taken_by_the_sleeper else 1)
    await rig.holds()


async def _has_changed(rig: Rig, key: str, before: bytes | None) -> bool:
    return await rig.redis.get(key) not in (None, before)


def _waits(rig: Rig) -> bool:
    detail = rig.health("buy-executor").get("detail", {})
    return bool(detail.get("waits_for"))


async def test_05_an_order_under_an_old_lease_is_refused_by_the_gateway(rig: Rig) -> None:
    """The sleeper wakes up with an order half way out: the gateway knows a newer number and sends nothing."""
    await rig.signal(CODES[0])
    await rig.slices(2)
    rig.kill("buy-executor")
    rig.start("buy-executor")
    await rig.slices(2)
    await rig.is_healthy("buy-executor")
    await rig.signal(CODES[1])
    await rig.slices(2)
    assert sorted(row["lease"] for row in rig.intents(side="buy")) == [1, 2]
    async with line_to(rig) as gateway:
        reply = await gateway.place(market_buy("late-sleeper", CODES[2], lease=1))
    assert isinstance(reply.outcome, Refused)
    assert reply.outcome.rule == "O2-LEASE"
    assert rig.orders(CODES[2]) == []
    await rig.holds()
