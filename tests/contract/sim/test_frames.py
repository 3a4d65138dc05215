"""The exchange's WebSocket texts are the hand-typed ones, character by character."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jennie_sim.market.handmade import ACCOUNT, CODE, HTS_ID
from jennie_sim.settings import SimSettings, WireRevision

Contract = Callable[[str], Any]
REVISIONS = {46: WireRevision.R46_59_26, 47: WireRevision.R47_63_26}
ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE}


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> SimSettings:
    revision, bundle = getattr(request, "param", (WireRevision.R47_63_26, 1))
    return SimSettings(wire_revision=revision, records_per_frame=bundle)


async def buy(client: Any, quantity: int, price: int = 0) -> None:
    reply = await client.call(
        "TTTC0012U", "POST", **ORDER, ORD_DVSN="00" if price else "01", ORD_QTY=str(quantity), ORD_UNPR=str(price)
    )
    assert reply.json()["rt_cd"] == "0", reply.text


@pytest.mark.parametrize(
    ("settings", "name"),
    [((WireRevision.R47_63_26, 1), "ws/trade_47.json"), ((WireRevision.R46_59_26, 1), "ws/trade_46.json")],
    indirect=["settings"],
)
async def test_trade(client: Any, contract: Contract, name: str) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    texts = await client.advance("09:30:20")
    assert texts[1] == contract(name)["frame"]
    assert texts[-1] == contract("ws/heartbeat.json")["frame"]
    assert len(contract(name)["frame"].split("|")[3].split("^")) == contract(name)["fields"]


@pytest.mark.parametrize("settings", [(WireRevision.R47_63_26, 10)], indirect=True)
async def test_bundled_trades(client: Any, contract: Contract) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    texts = await client.advance("09:30:20")
    assert texts == [contract("ws/trade_47_two_records.json")["frame"], contract("ws/heartbeat.json")["frame"]]


@pytest.mark.parametrize(
    ("settings", "name"),
    [((WireRevision.R47_63_26, 1), "ws/book_63.json"), ((WireRevision.R46_59_26, 1), "ws/book_59.json")],
    indirect=["settings"],
)
async def test_order_book(client: Any, contract: Contract, name: str) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    await client.subscribe("H0STASP0", CODE)
    texts = await client.advance("09:30:20")
    assert contract(name)["frame"] in texts
    assert len(contract(name)["frame"].split("|")[3].split("^")) == contract(name)["fields"]


async def test_an_order_book_without_its_trades(client: Any, contract: Contract) -> None:
    await client.connect()
    await client.subscribe("H0STASP0", CODE)
    assert (await client.advance("09:30:20"))[-2] == contract("ws/book_63.json")["frame"]


@pytest.mark.parametrize("tr_id", ["H0STCNI0", "H0STCNI9"])
async def test_notices_of_order_fill_and_cancel(client: Any, contract: Contract, tr_id: str) -> None:
    await client.connect()
    await client.subscribe(tr_id, HTS_ID)
    await client.advance("09:30:20")
    await buy(client, 10)
    await buy(client, 5, 71_000)
    names = ["ws/notice_accepted_26.json", "ws/notice_accepted_limit_26.json", "ws/notice_fill_26.json"]
    texts = await client.advance("09:30:25")
    assert texts[:-1] == [contract(name)["frame"].replace("H0STCNI0", tr_id) for name in names]
    await client.call(
        "TTTC0013U", "POST", **ORDER, ORGN_ODNO="0000000002", RVSE_CNCL_DVSN_CD="02", ORD_DVSN="00", ORD_QTY="0",
        ORD_UNPR="0", QTY_ALL_ORD_YN="Y",
    )  # fmt: skip
    assert (await client.advance("09:30:30"))[0] == contract("ws/notice_cancel_26.json")["frame"].replace(
        "H0STCNI0", tr_id
    )


@pytest.mark.parametrize("settings", [(WireRevision.R46_59_23, 1)], indirect=True)
async def test_notices_of_the_old_layout(client: Any, contract: Contract) -> None:
    await client.connect()
    await client.subscribe("H0STCNI0", HTS_ID)
    await client.advance("09:30:20")
    await buy(client, 10)
    assert (await client.advance("09:30:25"))[1] == contract("ws/notice_fill_23.json")["frame"]


async def test_acknowledgements(client: Any, contract: Contract) -> None:
    await client.connect()
    said = [
        ("ws/ack_trade.json", await client.subscribe("H0STCNT0", CODE)),
        ("ws/error_already_subscribed.json", await client.subscribe("H0STCNT0", CODE)),
        ("ws/ack_unsubscribed.json", await client.subscribe("H0STCNT0", CODE, "2")),
        ("ws/ack_notice.json", await client.subscribe("H0STCNI0", HTS_ID)),
    ]
    for name, text in said:
        assert json.loads(text) == json.loads(contract(name)["frame"]), name


async def test_a_wrong_approval_key_is_refused(client: Any, contract: Contract) -> None:
    await client.connect()
    client.approval_key = "nobody"
    assert json.loads(await client.subscribe("H0STCNT0", CODE)) == json.loads(
        contract("ws/error_bad_approval.json")["frame"]
    )


async def test_a_second_session_of_one_key_is_refused_and_recorded(client: Any, contract: Contract) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    second = type(client)(client.sim)
    second.approval_key = client.approval_key
    await second.connect()
    assert json.loads(await second.subscribe("H0STCNT0", CODE)) == json.loads(contract("ws/error_in_use.json")["frame"])
    assert await second.received.get() == "closed"
    await second.close()
    assert [row["kind"] for row in client.sim.broker.violations.rows] == ["second_session"]


async def test_the_42nd_registration_is_refused_and_recorded(client: Any, contract: Contract) -> None:
    await client.connect()
    for number in range(41):
        assert json.loads(await client.subscribe("H0STANC0", f"{number:06d}"))["body"]["rt_cd"] == "0"
    assert json.loads(await client.subscribe("H0STCNT0", CODE)) == json.loads(
        contract("ws/error_too_many.json")["frame"]
    )
    assert client.sim.broker.violations.rows[0]["kind"] == "registrations"
