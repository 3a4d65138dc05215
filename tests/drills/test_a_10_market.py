"""Drill 10: the market refuses, or halts a stock. Drill 11: somebody trades by hand."""

import pytest

from jennie_core.domain.enums import SignalType
from jennie_infra.db.repositories.tables import SIGNAL_LOG
from jennie_sim.exchange.orders import Refusal
from jennie_sim.protocol.message import REFUSALS
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.invariants import standing_alerts
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

CODE = CODES[0]
REASONS = (
    Refusal.PRICE_LIMIT,
    Refusal.TICK_SIZE,
    Refusal.HALTED,
    Refusal.ORDER_TYPE,  # a volatility interruption or single-price session that takes no such order
    Refusal.CASH,
    Refusal.BAD_QUANTITY,
    Refusal.NOT_TRADABLE,
)
LOCK_SLICES = 13
"""sell_lock_seconds of market time, and one slice more."""


def _reject(rig: Rig, reason: Refusal, count: int | None = 1, **params: object) -> int:
    body = {"name": "reject", "endpoint": "order-cash", "params": {"reason": reason.value, **params}}
    fault = rig.admin.faults(body if count is None else {**body, "count": count})
    return int(fault["id"])


async def test_10_each_refusal_of_a_buy_is_recorded_once_in_words_and_not_sent_again(rig: Rig) -> None:
    for code, reason in zip(CODES, REASONS, strict=False):
        _reject(rig, reason)
        first = await rig.signal(code)
        await rig.slice()
        (row,) = rig.rows(SIGNAL_LOG, signal_id=first.signal_id)
        assert row["outcome"] == "refused", reason
        assert row["refusal_rule"].startswith("BROKER"), reason
        assert REFUSALS[reason].text.split("(")[-1].rstrip(")") in row["refusal_text"], reason
        assert rig.state(code) == "rejected", reason
        again = await rig.signal(code)
        await rig.slice()
        assert rig.signals(signal_id=again.signal_id) == [("refused", "R-BUY-10")], "it rests; nothing is sent again"
        assert rig.orders(code) == []
    await rig.signal(CODES[len(REASONS)])
    await rig.slices(2)
    assert rig.state(CODES[len(REASONS)]) == "filled", "cash and risk of what was refused are free again"
    await rig.holds()


@pytest.mark.parametrize("reason", REASONS)
async def test_10_a_protective_sell_that_is_refused_waits_with_an_alert_and_is_tried_again(
    rig: Rig, reason: Refusal
) -> None:
    _reject(rig, reason)
    await rig.sell(HELD, HELD_SHARES)
    await rig.slice()
    assert rig.state(HELD) == "rejected"
    assert f"sell-failed-{HELD}" in standing_alerts(await rig.alerts())
    rig.fault_is_over()
    await rig.raise_until_sold(HELD, HELD_SHARES)
    await rig.slice()
    assert [row["state"] for row in rig.intents(stock_code=HELD)] == ["rejected", "filled"], "one refusal, one order"
    assert f"sell-failed-{HELD}" not in standing_alerts(await rig.alerts()), "its end is said"
    await rig.holds()


async def test_10_an_order_that_is_accepted_and_then_rejected_by_notice_ends_as_rejected(rig: Rig) -> None:
    _reject(rig, Refusal.PRICE_LIMIT, late=True)
    await rig.signal(CODE)
    await rig.slices(2)
    assert rig.state(CODE) == "rejected"
    assert CODE not in rig.ours()
    rig.fault_is_over()
    await rig.holds()


async def test_10_a_halt_that_begins_with_our_order_resting_ends_it_without_a_fill(rig: Rig) -> None:
    rig.admin.faults({"name": "partial_fill", "endpoint": CODE, "count": 1, "params": {"ratio": 0.0}})
    await rig.signal(CODE, signal_type=SignalType.MOMENTUM)
    await rig.slice()
    assert rig.state(CODE) == "accepted"
    rig.admin.halt(CODE)
    rig.admin.lift_fill_caps()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "given up", 8)
    assert rig.state(CODE) == "cancelled"
    assert rig.orders(CODE)[0]["filled_quantity"] == 0
    rig.admin.halt(CODE, halted=False)
    rig.fault_is_over()
    await rig.slices(4)
    assert CODE not in rig.theirs()
    await rig.holds()


async def test_10_an_exit_waits_for_the_end_of_a_halt_and_then_sells(rig: Rig) -> None:
    """One order into the halt, then it asks whether it is over before it sends another (I6: and says so)."""
    rig.admin.halt(HELD)
    for _ in range(4 * LOCK_SLICES):
        await rig.sell(HELD, HELD_SHARES)
        await rig.slice()
    assert len(rig.intents(stock_code=HELD)) == 1, "one refusal, not one a minute"
    assert {rule for _, rule in rig.signals(stock_code=HELD)} == {"BROKER-HALTED", "R-SELL-05", "HALTED"}
    assert f"sell-failed-{HELD}" in standing_alerts(await rig.alerts())
    rig.admin.halt(HELD, halted=False, auction_seconds=10)
    rig.fault_is_over()
    await rig.raise_until_sold(HELD, HELD_SHARES)
    await rig.slice()
    assert [row["state"] for row in rig.intents(stock_code=HELD)] == ["rejected", "filled"]
    assert f"sell-failed-{HELD}" not in standing_alerts(await rig.alerts())
    await rig.holds()


# ---- drill 11 -------------------------------------------------------------------------------------


@pytest.mark.safety
@pytest.mark.parametrize("told", ["notices come", "nobody tells"])
async def test_11_what_was_traded_by_hand_is_adopted_as_external_and_not_sold(rig: Rig, told: str) -> None:
    """Half of a held stock sold, a stock bought that we never saw; both within one period of reconciliation (5 min)."""
    by_hand = HELD_SHARES // 2
    if told == "nobody tells":
        rig.admin.faults({"name": "swallow_notice"})
    rig.admin.trade_by_hand(HELD, "sell", by_hand)
    rig.admin.trade_by_hand(CODE, "buy", 10)
    await rig.slices_until(
        lambda: rig.ours().get(CODE) == (0, 10) and rig.ours().get(HELD) == (HELD_SHARES - by_hand, 0), "adopted", 62
    )
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    assert {f"reconcile-{HELD}", f"reconcile-{CODE}"} <= {alert.alert_id for alert in await rig.alerts()}
    await rig.sell(CODE, 10)
    await rig.raise_until_sold(HELD, HELD_SHARES)
    assert [row["quantity"] for row in rig.orders(HELD) if int(row["order_number"]) not in rig.admin.by_hand] == [
        HELD_SHARES - by_hand
    ], "never more than is held"
    assert rig.signals(stock_code=CODE) == [("refused", "R-SELL-04")]
    assert rig.theirs() == {CODE: 10}, "what is not ours is not sold"
    await rig.holds()


@pytest.mark.safety
async def test_11_shares_bought_by_hand_on_top_of_ours_stay_the_owners(rig: Rig) -> None:
    rig.admin.trade_by_hand(HELD, "buy", 7)
    await rig.slices_until(lambda: rig.ours().get(HELD) == (HELD_SHARES, 7), "adopted", 14)
    await rig.sell(HELD, HELD_SHARES + 7)
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.theirs().get(HELD) == 7, "ours are sold")
    await rig.slices(2)
    assert rig.ours()[HELD] == (0, 7)
    await rig.holds()


@pytest.mark.safety
async def test_11_our_order_cancelled_by_hand_ends_as_cancelled(rig: Rig) -> None:
    rig.admin.faults({"name": "partial_fill", "endpoint": CODE, "count": 1, "params": {"ratio": 0.0}})
    rig.admin.faults({"name": "swallow_notice", "endpoint": "cancelled"})
    await rig.signal(CODE)
    await rig.slice()
    rig.admin.cancel_by_hand(rig.orders(CODE)[0]["order_number"])
    rig.fault_is_over()
    await rig.slices_until(lambda: rig.state(CODE) == "cancelled", "found by asking", 6)
    await rig.holds()
