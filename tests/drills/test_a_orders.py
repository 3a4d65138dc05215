"""Drills A: orders and the gateway. Each name begins with the number of its drill."""

import pytest

from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

CODE = CODES[0]


async def test_01_the_reply_of_an_accepted_buy_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.signal(CODE)
    await rig.slice()
    assert [row["state"] for row in rig.intents(stock_code=CODE)] != ["rejected"]
    await rig.slices_until(lambda: rig.intents(stock_code=CODE)[0]["state"] == "filled", "the buy is found and filled")
    assert len(rig.intents(stock_code=CODE)) == len(rig.orders(CODE)) == 1
    assert rig.agree().matches, rig.agree().differences


async def test_01_the_reply_of_an_accepted_sell_is_lost(rig: Rig) -> None:
    rig.admin.faults({"name": "accept_then_drop_reply", "endpoint": "order-cash", "count": 1})
    await rig.sell(HELD, HELD_SHARES)
    await rig.slices_until(lambda: HELD not in rig.theirs() and HELD not in rig.ours(), "sold on both sides")
    assert len(rig.intents(stock_code=HELD)) == len(rig.orders(HELD)) == 1
    assert rig.agree().matches, rig.agree().differences
