"""Several accounts with keys of their own, and the broker's limits: refused, worded and recorded."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from jennie_sim.app import Sim
from jennie_sim.market.handmade import ACCOUNT, APP_KEY, APP_SECRET, CODE, HTS_ID, at, handmade_market
from jennie_sim.market.market import Market
from jennie_sim.market.pack import PackAccount
from jennie_sim.settings import SimSettings
from tests.contract.sim.conftest import TRADES, Client

SECOND = PackAccount(
    account_number="60123456-01", hts_id="second", app_key="Q" * 36, app_secret="q" * 180, cash_krw=5_000_000
)
PENSION = SECOND.model_copy(update={"account_number": "60123456-29"})
KEYS = {"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}


def of(account: str) -> dict[str, str]:
    return {"CANO": account[:8], "ACNT_PRDT_CD": account[8:]}


def order(account: str, quantity: int = 1) -> dict[str, str]:
    return of(account) | {"PDNO": CODE, "ORD_DVSN": "01", "ORD_UNPR": "0", "ORD_QTY": str(quantity)}


@pytest.fixture
def settings() -> SimSettings:
    return SimSettings(rest_per_second=0, approvals_per_second=0)


def client_of(sim: Sim, app_key: str, secret: str) -> Client:
    made = Client(sim)
    made.headers = {"appkey": app_key, "appsecret": secret}
    return made


@pytest.fixture
async def pair(settings: SimSettings) -> AsyncIterator[tuple[Client, Client]]:
    pack = handmade_market({CODE: TRADES}).pack
    market = Market(replace(pack, accounts=(*pack.accounts, SECOND, PENSION)))
    market.replace_tape(CODE, handmade_market({CODE: TRADES}).tape(CODE))
    sim = Sim.build(market, settings, "token", at("09:30:20"))
    clients = client_of(sim, APP_KEY, APP_SECRET), client_of(sim, SECOND.app_key, SECOND.app_secret)
    for client in clients:
        keys = {"grant_type": "client_credentials", **client.headers}
        token = (await client.http.post("/oauth2/tokenP", json=keys)).json()
        client.headers |= {"authorization": f"Bearer {token['access_token']}"}
        approval = await client.http.post("/oauth2/Approval", json=keys)
        client.approval_key = approval.json()["approval_key"]
        await client.connect()
    yield clients
    for client in clients:
        await client.close()


async def test_each_appkey_trades_its_own_accounts_only(pair: tuple[Client, Client]) -> None:
    first, second = pair
    assert (await first.call("TTTC0012U", "POST", **order(ACCOUNT))).json()["rt_cd"] == "0"
    assert (await second.call("TTTC0012U", "POST", **order(SECOND.digits, 2))).json()["rt_cd"] == "0"
    foreign = (await second.call("TTTC0012U", "POST", **order(ACCOUNT))).json()
    assert (foreign["rt_cd"], foreign["msg_cd"]) == ("2", "OPSQ2000")
    assert (await second.call("TTTC8434R", **of(ACCOUNT))).json()["msg_cd"] == "OPSQ2000"
    await first.sim.engine.advance(first.sim.broker.now.replace(second=25))
    held = [(await client.call("TTTC8434R", **of(number))).json()["output1"][0]["hldg_qty"]
            for client, number in ((first, ACCOUNT), (second, SECOND.digits))]  # fmt: skip
    assert held == ["1", "2"]


async def test_a_token_is_good_for_its_own_appkey_only(pair: tuple[Client, Client]) -> None:
    first, second = pair
    second.headers["authorization"] = first.headers["authorization"]
    assert (await second.call("FHKST01010100", **PRICE)).json()["msg_cd"] == "EGW00121"


async def test_notices_go_to_their_owner(pair: tuple[Client, Client]) -> None:
    first, second = pair
    assert json.loads(await first.subscribe("H0STCNI0", HTS_ID))["body"]["rt_cd"] == "0"
    assert json.loads(await second.subscribe("H0STCNI0", HTS_ID))["body"]["rt_cd"] == "1"
    assert json.loads(await second.subscribe("H0STCNI0", SECOND.hts_id))["body"]["rt_cd"] == "0"
    await second.call("TTTC0012U", "POST", **order(SECOND.digits))
    await first.sim.engine.advance(first.sim.broker.now.replace(second=25))
    counts = []
    for client in pair:
        texts = [client.received.get_nowait() for _ in range(client.received.qsize())]
        counts.append(sum(text.startswith("1|") for text in texts))
    assert counts == [0, 2]


async def test_a_pension_account_may_look_but_not_order(pair: tuple[Client, Client]) -> None:
    _, second = pair
    assert (await second.call("TTTC8434R", **of(PENSION.digits))).json()["rt_cd"] == "0"
    assert (await second.call("TTTC0012U", "POST", **order(PENSION.digits))).json()["msg_cd"] == "APBK1744"


class TestLimits:
    """Three account calls and one approval key a second; a slice of one second."""

    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(rest_per_second=18, ledger_per_second=3, approvals_per_second=1, slice_seconds=1)

    async def test_the_account_ledger_has_a_limit_of_its_own(self, client: Any) -> None:
        for _ in range(3):
            assert (await client.call("TTTC8434R", **of(ACCOUNT))).status_code == 200
        refused = await client.call("TTTC0012U", "POST", **order(ACCOUNT))
        assert (refused.status_code, refused.json()["msg_cd"]) == (500, "EGW00215")
        assert (await client.call("FHKST01010100", **PRICE)).status_code == 200
        assert [row["kind"] for row in client.sim.broker.violations.rows] == ["ledger_rate"]
        assert not client.sim.broker.exchange.orders
        await client.advance("09:10:01")
        assert (await client.call("TTTC8434R", **of(ACCOUNT))).status_code == 200

    async def test_one_approval_key_a_second(self, client: Any) -> None:
        refused = await client.http.post("/oauth2/Approval", json=KEYS)
        assert (refused.status_code, refused.json()["error_code"]) == (403, "EGW00201")
        assert [row["kind"] for row in client.sim.broker.violations.rows] == ["approval_rate"]
        await client.advance("09:10:01")
        assert "approval_key" in (await client.http.post("/oauth2/Approval", json=KEYS)).json()
