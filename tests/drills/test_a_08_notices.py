"""Drill 8: notices out of order, repeated, or old. Drill 9: a notice that never comes."""

import pytest

from jennie_infra.db.repositories.tables import FILL
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import EXECUTORS, Rig

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

CODE = CODES[0]


async def test_08_shuffled_repeated_and_replayed_notices_leave_the_same_position(rig: Rig) -> None:
    """Each notice three times and shuffled over its slice; a hundred old ones again after a reconnect and a restart.

    The property over every permutation is tests/integration/test_desk_interleavings.py.
    """
    rig.admin.faults({"name": "duplicate_notice", "params": {"times": 3}})
    rig.admin.faults({"name": "reorder_notices", "params": {"seed": rig.seed}})
    for code in CODES[:4]:
        if rig.random.random() < 0.5:
            ratio = rig.random.choice([0.2, 0.37, 0.8])
            rig.admin.faults({"name": "partial_fill", "endpoint": code, "count": 1, "params": {"ratio": ratio}})
        await rig.signal(code)
    await rig.sell(HELD, HELD_SHARES // 3)
    await rig.slices_until(lambda: rig.intents() and not rig.unresolved("buy") and not rig.unresolved("sell"), "over")
    before = rig.ours(), sorted((row["fill_id"], row["quantity"]) for row in rig.rows(FILL))
    await rig.replay_notices(100)
    await rig.slices(2)
    for name in EXECUTORS:
        rig.kill(name)
        rig.start(name)
    await rig.replay_notices(100)
    rig.fault_is_over()
    await rig.slices(2)
    for name in EXECUTORS:
        await rig.is_healthy(name)
    assert (rig.ours(), sorted((row["fill_id"], row["quantity"]) for row in rig.rows(FILL))) == before
    assert not rig.unresolved("buy"), "a terminal order is never reopened by an older notice"
    await rig.holds()


@pytest.mark.safety
@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_09_a_swallowed_fill_notice_is_found_within_thirty_seconds(rig: Rig, side: str) -> None:
    """The stream is healthy: another order's notices come."""
    code = CODE if side == "buy" else HELD
    rig.admin.faults({"name": "swallow_notice", "endpoint": code})
    await (rig.signal(code) if side == "buy" else rig.sell(code, HELD_SHARES))
    await rig.signal(CODES[1])
    await rig.slice()
    rig.fault_is_over()
    await rig.slices_until(
        lambda: sum(rig.ours().get(code, (0, 0))) == rig.theirs().get(code, 0) and not rig.unresolved(side), "found", 6
    )
    assert len(rig.orders(code)) == 1
    assert CODES[1] in rig.ours()
    await rig.holds()


@pytest.mark.rule("R-SELL-04", "R-SELL-05")
@pytest.mark.safety
async def test_09_a_position_that_is_flat_already_is_refused_once_and_then_reconciled(rig: Rig) -> None:
    """Sold by hand and nobody told us, the exit is raised again and again: at most one rejection."""
    rig.admin.faults({"name": "swallow_notice"})
    rig.admin.trade_by_hand(HELD, "sell", HELD_SHARES)
    for _ in range(20):
        await rig.sell(HELD, HELD_SHARES)
        await rig.slice()
    rig.fault_is_over()
    assert [row["state"] for row in rig.intents(stock_code=HELD)] == ["rejected"]
    assert HELD not in rig.ours()
    rules = [rule for _, rule in rig.signals(stock_code=HELD)]
    assert rules.count("BROKER-SHARES") == 1
    assert set(rules) <= {"BROKER-SHARES", "R-SELL-04", "R-SELL-05"}
    await rig.holds()
