"""Drill 12: the balance cannot be read."""

import pytest

from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]


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
