"""Drills D and H: the store restarts or forgets, the stop flag is lost, the operator stops everything at once."""

import asyncio
import shutil

import pytest

from jennie_cli.stops import say_to
from jennie_core.domain.control import ControlVerb
from jennie_infra.bus.keys import RedisKeys
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import EXECUTORS, Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]


async def _comes_back(rig: Rig) -> None:
    await rig.until_async(rig.redis_answers, "redis is back")
    await rig.publish_conditions()  # the data plane and the monitor write theirs again
    for name in ("kis-gateway", *EXECUTORS):
        await rig.until(lambda name=name: bool(rig.health(name).get("dependencies", {})), f"{name} answers")
    await rig.slices(4)
    for name in EXECUTORS:
        await rig.until(lambda name=name: rig.health(name).get("status") == "healthy", f"{name} healthy again")


@pytest.mark.rule("R-RDS-01", "R-RDS-04", "R-RDS-05")
@pytest.mark.parametrize("forgets", [False, True], ids=["keeps", "forgets"])
async def test_22_after_a_restart_of_the_store_trading_goes_on_and_nothing_old_is_executed(
    rig: Rig, forgets: bool
) -> None:
    await rig.signal(CODES[0])
    await rig.slices(2)
    assert rig.state(CODES[0]) == "filled"
    rig.kill("redis")
    if forgets:
        shutil.rmtree(rig.home / "appendonlydir")
        rig.forget_watermarks()
    rig.start_redis()
    rig.fault_is_over()
    await _comes_back(rig)
    await rig.signal(CODES[1])
    await rig.slices(3)
    assert rig.state(CODES[1]) == "filled"
    assert len(rig.orders(CODES[0])) == len(rig.orders(CODES[1])) == 1
    await rig.holds()


async def test_25_a_halt_whose_flags_are_lost_still_stands(rig: Rig) -> None:
    say_to(rig.settings, ControlVerb.HALT, "drill")
    flags = (RedisKeys.EMERGENCY_PAUSE, RedisKeys.EMERGENCY_STOP, RedisKeys.STOP_STATE)
    await rig.redis.delete(*(key.value for key in flags))
    await rig.signal(CODES[0])
    await rig.slices(2)
    assert rig.orders(CODES[0]) == []
    assert rig.signals(stock_code=CODES[0])[0][0] == "refused"
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: HELD not in rig.theirs(), "exits go on (I6)")
    await rig.holds()


def _buys(rig: Rig) -> list[str]:
    """New buy orders of the exchange's ledger; the cancels that a halt sends are rows of their own."""
    rows = rig.admin.ledger()["orders"]
    return [row["order_number"] for row in rows if row["side"] == "buy" and row["action"] == "new"]


@pytest.mark.rule("R-BUY-02", "R-TG-14")
async def test_35_after_a_halt_no_buy_reaches_the_exchange_and_it_survives_every_restart(rig: Rig) -> None:
    for code in CODES[:4]:
        await rig.signal(code)
    slicing = asyncio.create_task(rig.slice())
    await rig.until(lambda: rig.intents(side="buy"), "orders in flight")
    say_to(rig.settings, ControlVerb.HALT, "drill")
    for name in EXECUTORS:
        await rig.until(lambda name=name: rig.health(name).get("detail", {}).get("halted"), f"{name} knows")
    await slicing
    bought = _buys(rig)
    for name in EXECUTORS:
        rig.kill(name)
        rig.start(name)
    await rig.slices(3)
    for code in CODES[4:8]:
        await rig.signal(code)
    await rig.slices(2)
    assert _buys(rig) == bought
    assert all(rig.health(name)["detail"]["halted"] for name in EXECUTORS)
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: HELD not in rig.theirs(), "exits go on (I6)")
    say_to(rig.settings, ControlVerb.RESUME, "drill")
    await rig.until(lambda: not rig.health("buy-executor")["detail"]["halted"], "resumed")
    await rig.slices(2)
    await rig.signal(CODES[8])
    await rig.slices_until(lambda: bool(rig.orders(CODES[8])), "buys again")
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    await rig.holds()
