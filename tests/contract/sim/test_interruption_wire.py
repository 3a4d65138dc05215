"""What clients see of volatility interruptions and halts: frames, quotes, lists."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from jennie_sim.app import Sim
from jennie_sim.market.handmade import ACCOUNT, CODE, TradeRow, at, handmade_market
from jennie_sim.market.interruption import Interruption
from jennie_sim.settings import SimSettings
from tests.contract.sim.conftest import Client

TRADES: list[TradeRow] = [
    ("09:00:00", 71_000, 500, 3),
    ("09:30:15", 78_100, 200, 1),
    ("09:50:00", 78_000, 300, 5),
    ("15:30:00", 77_000, 1_000, 3),
]
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}
ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE, "ORD_DVSN": "01", "ORD_UNPR": "0"}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    market = handmade_market({CODE: TRADES}, interruptions=True)
    made = Client(Sim.build(market, SimSettings(rest_per_second=0), "token", at("09:20:00")))
    await made.login()
    await made.connect()
    yield made
    await made.close()


def records(texts: list[str], tr_id: str) -> list[list[str]]:
    return [text.split("|", 3)[3].split("^") for text in texts if text.startswith(f"0|{tr_id}|")]


def interruption(client: Client) -> Interruption:
    return client.sim.broker.market.tape(CODE).interruptions[0]


async def test_an_interruption_is_announced_again_and_again_until_its_single_price(
    client: Client, contract: Callable[[str], Any]
) -> None:
    """T6: HOUR_CLS_CODE C is why the code is quiet; the single price is an ordinary trade."""
    await client.subscribe("H0STCNT0", CODE)
    texts = await client.advance("09:40:00")
    wanted = contract("ws/trade_interruption_47.json")
    assert texts[0] == wanted["frame"]
    found = records(texts, "H0STCNT0")
    announced, traded = [row for row in found if row[43] == "C"], [row for row in found if row[43] == "0"]
    assert 12 <= len(announced) <= 15
    assert {(row[2], row[12], row[13]) for row in announced} == {("71000", "0", "500")}
    assert [(row[2], row[12], row[21], row[45]) for row in traded] == [("78100", "200", "3", "78100")]
    assert max(row[1] for row in announced) < traded[0][1]


async def test_one_that_delays_the_opening_cross_is_announced_without_a_trade() -> None:
    market = handmade_market({CODE: [("09:00:00", 78_000, 500, 3), TRADES[-1]]}, interruptions=True)
    client = Client(Sim.build(market, SimSettings(), "token", at("08:59:00")))
    await client.login()
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    found = records(await client.advance("09:05:00"), "H0STCNT0")
    assert [found[0][at_field] for at_field in (1, 2, 7, 8, 9, 13, 43)] == ["090000", "70000", "0", "0", "0", "0", "C"]
    assert (found[-1][2], found[-1][43]) == ("78000", "0")
    assert found[-1][1] >= "090200"
    await client.close()


async def test_quotes_say_so_while_it_lasts(client: Client) -> None:
    seen = []
    for clock in ("09:25:00", "09:31:00", "09:40:00"):
        await client.advance(clock)
        price = (await client.call("FHKST01010100", **PRICE)).json()["output"]
        status = (await client.call("FHPST01010000", **PRICE)).json()["output"]
        book = (await client.call("FHKST01010200", **PRICE)).json()["output2"]
        seen.append((price["vi_cls_code"], status["vi_cls_code"], book["vi_cls_code"], book["antc_cnpr"]))
    assert seen == [("N", "N", "N", "0"), ("Y", "Y", "Y", "78100"), ("N", "N", "N", "0")]


async def test_the_order_book_of_an_auction_shows_the_expected_match(client: Client) -> None:
    await client.subscribe("H0STASP0", CODE)
    books = records(await client.advance("09:31:00"), "H0STASP0")
    assert {row[2] for row in books} == {"C"}
    assert {row[47] for row in books} == {"78100"}
    assert all(len(row) == 63 for row in books)


async def test_operation_events_tell_begin_and_end(client: Client, contract: Callable[[str], Any]) -> None:
    await client.subscribe("H0STMKO0", CODE)
    texts = await client.advance("15:31:00")
    assert texts[0] == contract("ws/operation_interruption_begins.json")["frame"]
    found = records(texts, "H0STMKO0")
    assert all(len(row) == 11 for row in found)
    assert [(row[3], row[8]) for row in found] == [("112", "Y"), ("112", "N"), ("121", "N"), ("129", "N")]


async def test_the_interruptions_of_the_day_are_listed_from_their_begin(client: Client) -> None:
    ask = {"FID_COND_SCR_DIV_CODE": "20139", "FID_INPUT_ISCD": "", "FID_RANK_SORT_CLS_CODE": "0"}
    assert (await client.call("FHPST01390000", **ask)).json()["output"] == []
    await client.advance("09:31:00")
    (running,) = (await client.call("FHPST01390000", **ask)).json()["output"]
    assert (running["mksc_shrn_iscd"], running["vi_cls_code"], running["cntg_vi_hour"]) == (CODE, "Y", "093015")
    assert (running["vi_prc"], running["vi_stnd_prc"], running["vi_cncl_hour"]) == ("78100", "71000", "000000")
    assert (running["vi_kind_code"], running["vi_dprt"], running["vi_count"]) == ("3", "10.00", "1")
    await client.advance("09:40:00")
    (over,) = (await client.call("FHPST01390000", **ask)).json()["output"]
    assert over["vi_cls_code"] == "N"
    assert "093215" <= over["vi_cncl_hour"] <= "093245"
    dynamic_only = ask | {"FID_RANK_SORT_CLS_CODE": "1"}
    assert (await client.call("FHPST01390000", **dynamic_only)).json()["output"] == []


async def test_a_halt_by_admin_call_is_seen_by_clients_and_ends_with_an_auction(client: Client) -> None:
    transport = httpx.ASGITransport(app=client.sim.admin.app())
    headers = {"authorization": "Bearer token"}
    await client.subscribe("H0STMKO0", CODE)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin", headers=headers) as admin:
        assert (await admin.post("/admin/halt", json={"code": "999999", "halted": True})).status_code == 422
        begun = await admin.post("/admin/halt", json={"code": CODE, "halted": True})
        assert begun.json() == {"code": CODE, "halted": True}
        assert (await client.call("FHKST01010100", **PRICE)).json()["output"]["temp_stop_yn"] == "Y"
        assert (await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="1")).json()["rt_cd"] == "1"
        said = records(await client.advance("09:21:00"), "H0STMKO0")
        assert [(row[1], row[8]) for row in said] == [("Y", "N")]
        await admin.post("/admin/halt", json={"code": CODE, "halted": False, "auction_seconds": 60})
        assert (await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="1")).json()["rt_cd"] == "0"
        said = records(await client.advance("09:25:00"), "H0STMKO0")
        assert [(row[1], row[8]) for row in said] == [("N", "Y"), ("N", "N")]
        ledger = (await admin.get("/admin/ledger")).json()
        assert [fill["at"][11:19] for fill in ledger["fills"]] == ["09:22:00"]
        assert json.dumps(ledger)
