"""Drill 6: a part fills, the rest is cancelled, expires or fills later. Drill 7: a cancel races a fill."""

import asyncio
from datetime import datetime, timedelta
from datetime import time as time_of_day

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import SignalType
from jennie_infra.db.repositories.tables import FILL
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import SLICE, Rig
from tests.integration.desk_rig import DAY

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]
LIMIT = {"signal_type": SignalType.MOMENTUM}


def _fills_only(rig: Rig, code: str, ratio: float) -> None:
    rig.admin.faults({"name": "partial_fill", "endpoint": code, "count": 1, "params": {"ratio": ratio}})


async def _partly_bought(rig: Rig, **changes: object) -> dict[str, int]:
    """An order of which 37 % have filled and the rest works; returns the exchange's row."""
    _fills_only(rig, CODE, 0.37)
    await rig.signal(CODE, **changes)
    await rig.slice()
    await rig.slices_until(lambda: rig.orders(CODE)[0]["filled_quantity"] > 0, "a part fills")
    return rig.orders(CODE)[0]


async def _sells_what_is_there(rig: Rig, filled: int) -> None:
    """Stops and later sells use the filled shares, whatever quantity is asked for."""
    await rig.slices(2)  # another desk's fill is in force a slice later (decision 0001)
    await rig.raise_until_sold(CODE, 1_000)
    assert [row["quantity"] for row in rig.orders(CODE) if row["side"] == "sell"] == [filled]
    costs = [(row["fee_krw"], row["tax_krw"]) for row in rig.rows(FILL, stock_code=CODE)]
    assert all(fee >= 0 and tax >= 0 for fee, tax in costs)
    await rig.holds()


@pytest.mark.rule("R-ORD-05", "R-ORD-10")
@pytest.mark.parametrize("order", ["market", "limit"])
async def test_06_the_rest_is_cancelled_by_us(rig: Rig, order: str) -> None:
    """Holdings are the filled shares at their true average; fees and tax come from fills."""
    bought = await _partly_bought(rig, **(LIMIT if order == "limit" else {}))
    await rig.slices_until(lambda: rig.state(CODE) == "cancelled", "the rest is given up", 10)
    assert rig.ours()[CODE] == (bought["filled_quantity"], 0)
    assert rig.orders(CODE)[0]["remaining_quantity"] == 0
    await _sells_what_is_there(rig, bought["filled_quantity"])


async def test_06_the_rest_is_cancelled_by_somebody_else(rig: Rig) -> None:
    bought = await _partly_bought(rig)
    rig.admin.cancel_by_hand(bought["order_number"])
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "cancelled", "noticed", 6)
    assert len(rig.orders(CODE, "cancel")) == 1, "the one by hand: we cancel nothing that is gone"
    await _sells_what_is_there(rig, bought["filled_quantity"])


@pytest.mark.rule("R-ORD-05", "R-ORD-06")
async def test_06_the_rest_fills_later_than_our_patience(rig: Rig) -> None:
    """Our cancel gets lost on its way, meanwhile everything fills: the late shares are ours."""
    bought = await _partly_bought(rig, **LIMIT)
    rig.admin.faults({"name": "drop_request", "endpoint": "order-rvsecncl", "count": 1})
    await rig.slices_until(lambda: rig.admin.hits("drop_request") == 1, "the cancel is lost", 6)
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) in ("filled", "cancelled"), "it ends", 10)
    row = rig.orders(CODE)[0]
    assert row["filled_quantity"] >= bought["filled_quantity"]
    assert row["remaining_quantity"] == 0
    await _sells_what_is_there(rig, row["filled_quantity"])


async def test_06_a_half_filled_sell_never_sells_the_full_amount_again(rig: Rig) -> None:
    _fills_only(rig, HELD, 0.37)
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: rig.intents(stock_code=HELD) and not rig.unresolved("sell"), "given up", 12)
    sold = rig.orders(HELD)[0]["filled_quantity"]
    assert 0 < sold < HELD_SHARES
    assert rig.ours()[HELD] == (HELD_SHARES - sold, 0)
    rig.fault_is_over()
    await rig.raise_until_sold(HELD, HELD_SHARES)
    assert [row["quantity"] for row in rig.orders(HELD)] == [HELD_SHARES, HELD_SHARES - sold]
    await rig.holds()


async def test_06_the_rest_expires_at_the_close(rig: Rig) -> None:
    """Nobody sends a notice for it; the order list tells."""
    await rig.slice(passed=_until(rig, "15:19:40"))
    _fills_only(rig, HELD, 0.37)
    await rig.sell(HELD, HELD_SHARES)
    await rig.slice()
    await rig.slices_until(lambda: rig.orders(HELD)[0]["filled_quantity"] > 0, "a part fills", 2)
    await rig.slice(passed=_until(rig, "15:30:31"))
    rig.fault_is_over()
    await rig.slices_until(lambda: not rig.unresolved("sell"), "over", 12)
    row = rig.orders(HELD)[0]
    assert (row["status"], rig.state(HELD)) == ("expired", "cancelled")
    assert rig.ours()[HELD] == (HELD_SHARES - row["filled_quantity"], 0)
    await rig.holds()


def _until(rig: Rig, clock: str) -> timedelta:
    return datetime.combine(DAY, time_of_day.fromisoformat(clock), KST) - rig.now


# ---- drill 7 --------------------------------------------------------------------------------------


async def test_07_the_fill_happens_while_the_cancel_is_in_flight(rig: Rig) -> None:
    """The exchange is slow to take the cancel and trades meanwhile: the cancel fails, the fill is found by asking."""
    _fills_only(rig, CODE, 0.0)
    await rig.signal(CODE, **LIMIT)
    rig.admin.faults({"name": "swallow_notice", "endpoint": CODE})
    rig.admin.faults({"name": "delay", "endpoint": "order-rvsecncl", "count": 1, "params": {"ms": 3_000}})
    slicing = asyncio.create_task(rig.slices_until(lambda: rig.admin.hits("delay") == 1, "a cancel is in flight", 8))
    await rig.until(lambda: rig.admin.hits("delay") == 1, "a cancel is in flight")
    rig.admin.lift_fill_caps()
    rig.admin.advance(rig.now + SLICE)
    assert rig.orders(CODE)[0]["filled_quantity"] > 0, "traded before the cancel arrived"
    rig.fault_is_over()
    await slicing
    await rig.slices_until(lambda: rig.state(CODE) in ("filled", "cancelled"), "read back", 4)
    row = rig.orders(CODE)[0]
    assert (rig.state(CODE), rig.ours()[CODE]) == ("filled", (row["quantity"], 0))
    assert rig.orders(CODE, "cancel") == [], "the cancel was refused, and that proved nothing by itself"
    await rig.holds()


@pytest.mark.parametrize("ratio", [0.0, 0.37, 1.0])
async def test_07_what_a_cancel_answers_proves_nothing(rig: Rig, ratio: float) -> None:
    """No notice comes: nothing, a part or all is filled when the cancel arrives, and the answer is the same or lost."""
    _fills_only(rig, CODE, ratio)
    rig.admin.faults({"name": "swallow_notice", "endpoint": CODE})
    await rig.signal(CODE, **LIMIT)
    await rig.slice()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "read back", 8)
    rig.fault_is_over()
    row = rig.orders(CODE)[0]
    assert row["filled_quantity"] == int(row["quantity"] * ratio)
    assert rig.ours().get(CODE, (0, 0)) == (row["filled_quantity"], 0)
    assert rig.state(CODE) == ("filled" if ratio == 1.0 else "cancelled")
    await rig.holds()


@pytest.mark.parametrize("fault", ["accept_then_drop_reply", "drop_request"])
async def test_07_cancel_and_replace_never_leave_two_live_orders(rig: Rig, fault: str) -> None:
    """While the fate of the first order is open, every new signal of the stock is refused (O1)."""
    _fills_only(rig, CODE, 0.0)
    await rig.signal(CODE, **LIMIT)
    rig.admin.faults({"name": fault, "endpoint": "order-rvsecncl", "count": 2})
    for _ in range(12):
        await rig.signal(CODE, **LIMIT)
        await rig.slice()
        live = [row for row in rig.orders(CODE) if row["remaining_quantity"] > 0]
        assert len(live) <= 1
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert all(row["remaining_quantity"] == 0 for row in rig.orders(CODE))
    await rig.holds()
