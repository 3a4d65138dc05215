"""Drill 26: the ledger is away when something must be sold (decision 0009)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import make_url

from jennie_live.desk.outbox import Outbox
from jennie_live.desk.wiring import OUTBOX_FILE
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.invariants import standing_alerts
from tests.drills.rig import Rig

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]


@contextmanager
def ledger_locked(rig: Rig) -> Iterator[None]:
    """Another process holds the ledger's lock: nobody can write."""
    connection = sqlite3.connect(
        make_url(rig.settings.effective_ledger_url).database or "", isolation_level=None, timeout=60
    )
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.mark.parametrize("then", ["goes on", "dies"])
async def test_26_an_exit_leaves_from_the_local_file_and_is_booked_once(rig: Rig, then: str) -> None:
    """Sold while the ledger is locked; a death before it is back changes nothing. A buy of that time is never sent."""
    with ledger_locked(rig):
        await rig.sell(HELD, HELD_SHARES)
        await rig.signal(CODES[0])
        await rig.until(lambda: rig.orders(HELD), "the exit is at the exchange")
        await rig.until_async(lambda: _says(rig, "ledger-unreachable"), "the buy is refused")
        assert [intent.stock_code for intent in await Outbox(rig.settings.state_dir / OUTBOX_FILE).waiting()] == [HELD]
        await rig.until_async(lambda: _says(rig, "selling-without-ledger"), "the operator knows")
        if then == "dies":
            rig.kill("sell-executor")
    rig.fault_is_over()
    if then == "dies":
        rig.start("sell-executor")
    await rig.slices(2)
    await rig.slices_until(lambda: HELD not in rig.ours() and not rig.unresolved("sell"), "booked")
    assert rig.state(HELD) == "filled"
    assert len(rig.orders(HELD)) == 1
    assert await Outbox(rig.settings.state_dir / OUTBOX_FILE).waiting() == []
    assert rig.signals(stock_code=CODES[0]) == [("refused", "LEDGER")]
    assert rig.orders(CODES[0]) == []
    await rig.holds()


async def _says(rig: Rig, alert_id: str) -> bool:
    return alert_id in standing_alerts(await rig.alerts())
