"""Drill 12: the balance cannot be read, or what is read is not the account."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from jennie_infra.db.repositories.tables import PORTFOLIO
from jennie_infra.gateway_client import GatewayError
from jennie_infra.kis.credentials import REHEARSAL_ACCOUNT, REHEARSAL_APP_KEY, REHEARSAL_APP_SECRET
from jennie_infra.kis.token_file import FILE_NAME
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.invariants import standing_alerts
from tests.drills.rig import Rig
from tests.drills.services import service

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

BOUGHT, BURST = CODES[0], CODES[1:7]
HALF = HELD_SHARES // 2
UNTIL_UNKNOWN = (timedelta(seconds=95), timedelta(seconds=95))
"""Slices after which a balance counts no more: three minutes of market time."""
UNRECONCILED = {
    "empty list that adds up": {HELD, BOUGHT},
    "figures from before": {BOUGHT},
}
"""Codes on which a readable balance differs from the books; the other faults leave nothing to compare."""
BALANCE_ALERTS = {"balance-unknown", "balance-doubtful"}
Body = dict[str, Any]


def raw_balance(rig: Rig) -> Body:
    """The exchange's own reply to inquire-balance."""
    token = json.loads((rig.settings.secrets_dir / FILE_NAME).read_text())["access_token"]
    reply = httpx.get(
        f"http://127.0.0.1:{rig.settings.port('sim')}/uapi/domestic-stock/v1/trading/inquire-balance",
        params={"CANO": REHEARSAL_ACCOUNT[:8], "ACNT_PRDT_CD": REHEARSAL_ACCOUNT[8:], "INQR_DVSN": "02"},
        headers={
            "Authorization": f"Bearer {token}",
            "appkey": REHEARSAL_APP_KEY,
            "appsecret": REHEARSAL_APP_SECRET,
            "tr_id": "TTTC8434R",
        },
        timeout=10,
    )
    body: Body = reply.json()
    assert body["rt_cd"] == "0", body
    return body


async def is_read(rig: Rig) -> bool:
    """Whether the gateway reads the balance again."""
    async with service(rig, "drill") as client:
        try:
            return bool(await client.balance())
        except GatewayError:
            return False


def saying(change: Callable[[Body, Body], Body]) -> Callable[[Body, Body], Body]:
    """A fault that answers with a body made of today's and the one from before the purchase."""
    return lambda today, before: {"name": "status", "params": {"status": 200, "body": change(today, before)}}


def without_rows(today: Body, _before: Body) -> Body:
    return today | {"output1": []}


def without_rows_and_sums(today: Body, _before: Body) -> Body:
    summary = today["output2"][0]
    cash = summary["prvs_rcdl_excc_amt"]
    sums = {name: "0" for name in summary if name.endswith("_smtl_amt")}
    return today | {"output1": [], "output2": [summary | sums | {"tot_evlu_amt": cash, "scts_evlu_amt": "0"}]}


def without_cash(today: Body, _before: Body) -> Body:
    zeros = dict.fromkeys(("dnca_tot_amt", "nxdy_excc_amt", "prvs_rcdl_excc_amt"), "0")
    return today | {"output2": [today["output2"][0] | zeros]}


FAULTS: dict[str, Callable[[Body, Body], Body]] = {
    "timeout": lambda _today, _before: {"name": "drop_request", "params": {"how": "hang"}},
    "error": lambda _today, _before: {"name": "status"},
    "empty list": saying(without_rows),
    "empty list that adds up": saying(without_rows_and_sums),
    "figures from before": saying(lambda _today, before: before),
    "zero cash": saying(without_cash),
}


@pytest.mark.rule("R-BUY-05")
@pytest.mark.parametrize("fault", FAULTS)
async def test_12_what_is_not_the_balance_refuses_buys_and_keeps_every_position(rig: Rig, fault: str) -> None:
    before = raw_balance(rig)
    await rig.signal(BOUGHT)
    await rig.slices_until(lambda: BOUGHT in rig.theirs() and not rig.unresolved("buy"), "a purchase of today")
    await rig.slices(2)
    held = rig.ours()
    assert held == {HELD: (HELD_SHARES, 0), BOUGHT: (rig.theirs()[BOUGHT], 0)}
    rig.admin.faults({"endpoint": "inquire-balance"} | FAULTS[fault](raw_balance(rig), before))
    for passed in UNTIL_UNKNOWN:
        await rig.slice(passed=passed)
    for code in BURST:
        await rig.signal(code)
    await rig.slices(2)
    assert all(rig.orders(code) == [] for code in BURST)
    assert {rig.signals(stock_code=code)[0] for code in BURST} == {("refused", "R-BUY-05")}, "balance unknown"
    assert rig.ours() == held, "no reading dropped or added a share"
    apart = {row["stock_code"] for row in rig.rows(PORTFOLIO) if not row["reconciled"]}
    assert apart == UNRECONCILED.get(fault, set()), "I2: shown as unreconciled"
    assert standing_alerts(await rig.alerts()) & BALANCE_ALERTS, "I5: the operator knows"
    more = [await rig.signal(code) for code in sorted(apart)]
    await rig.slice()
    assert all(rig.signals(signal_id=each.signal_id) == [("refused", "R-REC-01")] for each in more), "I2: not bought"
    await rig.sell(HELD, HALF)
    await rig.slices_until(lambda: rig.theirs().get(HELD) == HELD_SHARES - HALF, "stops go on (I6)")
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    await rig.until_async(lambda: is_read(rig), "the endpoint's pause is over, which is one of real time")
    await rig.slices_until(lambda: not rig.unresolved("sell"), "settled")
    await rig.holds()
    await rig.slice(passed=timedelta(minutes=1))
    await rig.signal(CODES[7])
    await rig.slices_until(lambda: len(rig.orders(CODES[7])) == 1, "buys go on")
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    assert all(row["reconciled"] for row in rig.rows(PORTFOLIO))
    assert not standing_alerts(await rig.alerts()) & BALANCE_ALERTS, "I5: and its end"
    await rig.holds()
