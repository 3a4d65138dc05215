"""The admin port: time, ledger, violations, faults."""

import asyncio
from typing import Any

import httpx
import pytest

from jennie_sim.market.handmade import ACCOUNT, CODE, HTS_ID

ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE, "ORD_DVSN": "01", "ORD_UNPR": "0"}
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}


@pytest.fixture
async def admin(client: Any) -> Any:
    transport = httpx.ASGITransport(app=client.sim.admin.app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://admin", headers={"authorization": "Bearer token"}
    ) as made:
        yield made


async def move(admin: Any, clock: str) -> Any:
    return await admin.post("/admin/advance", json={"until": f"2025-06-27T{clock}+09:00"})


async def fault(admin: Any, **body: Any) -> Any:
    reply = await admin.post("/admin/faults", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_without_the_token_nothing_is_said(admin: Any) -> None:
    assert (await admin.get("/admin/state", headers={"authorization": "Bearer guess"})).status_code == 401


async def test_advance_tells_what_was_sent_and_matched(client: Any, admin: Any) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    await client.subscribe("H0STCNI0", HTS_ID)
    await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")
    reply = (await move(admin, "09:30:20")).json()
    assert reply == {
        "now": "2025-06-27T09:30:20+09:00",
        "ticks_sent": 2,
        "notices_sent": 2,
        "orders_matched": 1,
    }


async def test_advance_to_the_present_repeats_the_heartbeat_only(client: Any, admin: Any) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    await move(admin, "09:30:20")
    await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")
    while not client.received.empty():
        client.received.get_nowait()
    reply = (await move(admin, "09:30:20")).json()
    assert reply["orders_matched"] == reply["ticks_sent"] == 0
    assert "PINGPONG" in client.received.get_nowait()
    assert client.received.empty()


@pytest.mark.parametrize("until", ["2025-06-27T09:00:00+09:00", "2025-06-28T09:00:00+09:00"])
async def test_time_does_not_go_back_or_into_another_day(admin: Any, until: str) -> None:
    reply = await admin.post("/admin/advance", json={"until": until})
    assert reply.status_code == 409
    assert "market time stands at" in reply.json()["error"]


@pytest.mark.parametrize("body", [{"until": "soon"}, {"until": "2025-06-27T09:30:00"}, {}, {"until": 5, "x": 1}])
async def test_a_bad_request_is_named(admin: Any, body: dict[str, Any]) -> None:
    reply = await admin.post("/admin/advance", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"]


async def test_the_ledger_shows_orders_fills_cash_and_holdings(client: Any, admin: Any) -> None:
    await client.advance("09:30:20")
    await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")
    await move(admin, "09:30:25")
    ledger = (await admin.get("/admin/ledger?events=1")).json()
    assert [(row["quantity"], row["filled_quantity"], row["status"]) for row in ledger["orders"]] == [
        (10, 10, "filled")
    ]
    fill = ledger["fills"][0]
    assert (fill["price_krw"], fill["fee_krw"], fill["tax_krw"], fill["at"]) == (
        71_500,
        107,
        0,
        "2025-06-27T09:30:20+09:00",
    )
    account = ledger["accounts"][0]
    assert account["cash_krw"] == 100_000_000 - 715_000 - 107
    assert account["holdings"][0]["quantity"] == 10
    assert [row["event"] for row in ledger["events"]] == ["accepted", "fill"]
    assert (await admin.get("/admin/ledger-hash")).json()["hash"] == ledger["hash"]


async def test_running_freely_moves_time_and_forbids_advance(client: Any, admin: Any) -> None:
    before = client.sim.broker.now_ms
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    reply = (await admin.post("/admin/run", json={"speed": 600})).json()
    assert reply["speed"] == 600
    assert (await move(admin, "09:30:20")).status_code == 409
    assert await asyncio.wait_for(client.received.get(), 10)
    assert client.sim.broker.now_ms > before
    assert (await admin.post("/admin/run", json={"speed": None})).json()["speed"] is None


async def test_reply_is_dropped_but_the_order_stands(client: Any, admin: Any) -> None:
    await client.advance("09:30:20")
    await fault(admin, name="status", endpoint="order-cash", count=1, params={"status": 500, "msg_cd": "EGW00201"})
    reply = await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")
    assert (reply.status_code, reply.json()["msg_cd"]) == (500, "EGW00201")
    assert not client.sim.broker.exchange.orders


async def test_rejecting_an_order_for_a_reason(client: Any, admin: Any) -> None:
    await client.advance("09:30:20")
    await fault(admin, name="reject", endpoint="order-cash", count=1, params={"reason": "halted"})
    assert (await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")).json()["rt_cd"] == "1"
    assert (await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")).json()["rt_cd"] == "0"


async def test_a_partial_fill_waits_for_its_end(client: Any, admin: Any) -> None:
    await client.advance("09:30:20")
    await fault(admin, name="partial_fill", count=1, params={"ratio": 0.37})
    await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="100")
    await client.advance("09:30:25")
    order = client.sim.broker.exchange.orders[1]
    assert (order.filled_quantity, order.remaining) == (37, 63)
    await fault(admin, clear=True)
    assert order.fill_cap is None


async def test_stalled_ticks_leave_the_heartbeat_unless_asked(client: Any, admin: Any) -> None:
    await client.connect()
    await client.subscribe("H0STCNT0", CODE)
    await fault(admin, name="stall_ticks")
    assert ["PINGPONG" in text for text in await client.advance("09:30:20")] == [True]
    await fault(admin, clear=True)
    await fault(admin, name="stall_ticks", params={"heartbeat": False})
    assert await client.advance("15:30:05") == []


async def test_revoked_tokens_are_expired(client: Any, admin: Any) -> None:
    await fault(admin, name="revoke_token")
    assert (await client.call("FHKST01010100", **PRICE)).json()["msg_cd"] == "EGW00123"


async def test_an_unknown_fault_is_refused_with_the_known_ones(admin: Any) -> None:
    reply = await admin.post("/admin/faults", json={"name": "earthquake"})
    assert reply.status_code == 422
    assert "drop_request" in reply.json()["error"]


async def test_a_trade_by_hand_is_told_in_the_next_slice(client: Any, admin: Any) -> None:
    await client.connect()
    await client.subscribe("H0STCNI0", HTS_ID)
    await client.advance("09:30:20")
    body = {"code": CODE, "side": "buy", "quantity": 3}
    assert (await admin.post("/admin/external-trade", json=body)).json()["status"] == "filled"
    refused = await admin.post("/admin/external-trade", json=body | {"side": "sell", "quantity": 4})
    assert refused.json()["refusal"] == "shares"
    assert len([text for text in await client.advance("09:30:25") if text.startswith("1|")]) == 2


async def test_cancelling_by_hand(client: Any, admin: Any) -> None:
    await client.advance("09:30:20")
    await client.call("TTTC0012U", "POST", **ORDER | {"ORD_DVSN": "00", "ORD_UNPR": "70000"}, ORD_QTY="10")
    assert (await admin.post("/admin/external-trade", json={"cancel": 1})).json()["action"] == "cancel"
    assert not client.sim.broker.exchange.open_orders()


async def test_an_order_may_be_rejected_after_it_was_accepted(client: Any, admin: Any) -> None:
    await client.connect()
    await client.subscribe("H0STCNI0", HTS_ID)
    await client.advance("09:30:20")
    await fault(admin, name="reject", endpoint="order-cash", count=1, params={"late": True})
    assert (await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")).json()["rt_cd"] == "0"
    await client.advance("09:30:25")
    ledger = (await admin.get("/admin/ledger?events=1")).json()
    assert [row["event"] for row in ledger["events"]] == ["accepted", "rejected"]
    assert ledger["orders"][0]["rejected_quantity"] == 10
    assert ledger["accounts"][0]["reserved_krw"] == 0


async def test_a_fault_may_strike_a_share_of_its_occasions(client: Any, admin: Any) -> None:
    await fault(admin, name="status", probability=0.3, seed=2)
    states = [(await client.call("FHKST01010100", **PRICE)).status_code for _ in range(80)]
    assert 10 <= states.count(500) <= 40
