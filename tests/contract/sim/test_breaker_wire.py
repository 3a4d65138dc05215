"""What clients see of a market-wide circuit breaker: frames, quotes, refused and accepted orders."""

from typing import Any

import httpx
import pytest

from jennie_sim.app import Sim
from jennie_sim.market.handmade import ACCOUNT, CODE, DAY, at, handmade_market
from jennie_sim.market.hours import hhmmss, to_instant
from jennie_sim.settings import SimSettings
from tests.contract.sim.conftest import TRADES, Client

ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE}
FALL = {"name": "market_fall", "params": {"pct": 10, "after_minutes": 60, "minutes": 10}}


@pytest.fixture
async def client() -> Any:
    """A client of the hand-made market before the open; its path is drawn once the market has been made to fall."""
    settings = SimSettings(rest_per_second=0)
    made = Client(Sim.build(handmade_market({CODE: TRADES}), settings, "token", at("08:00:00")))
    await made.login()
    yield made
    await made.close()


def admin(client: Client) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=client.sim.admin.app()),
        base_url="http://admin",
        headers={"Authorization": "Bearer token"},
    )


async def buy(client: Client, price: int) -> Any:
    limit = {"ORD_DVSN": "00", "ORD_QTY": "10", "ORD_UNPR": str(price)}
    return (await client.call("TTTC0012U", "POST", **ORDER, **limit)).json()


async def quote(client: Client) -> Any:
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}
    return (await client.call("FHKST01010100", **asked)).json()["output"]


async def test_a_breaker_refuses_orders_lets_cancel_and_ends_with_a_single_price(client: Client) -> None:
    async with admin(client) as port:
        said = (await port.post("/admin/faults", json=FALL)).json()
    assert said["hits"] == 1
    market = client.sim.broker.market
    (breaker,) = market.breakers(CODE)
    await client.connect()
    await client.subscribe("H0STMKO0", CODE)

    def moment(at_ms: int) -> str:
        text = hhmmss(at_ms)
        return f"{text[:2]}:{text[2:4]}:{text[4:]}"

    await client.advance(moment(breaker.begins_ms - 5_000))
    low = market.limits(CODE).lower_krw
    resting = await buy(client, low)
    assert resting["rt_cd"] == "0"
    frames = await client.advance(moment(breaker.begins_ms))
    (fields,) = [text.split("|")[3].split("^") for text in frames if "H0STMKO0" in text]
    assert (fields[1], fields[2], fields[3]) == ("Y", "서킷브레이크 발동", "174")
    assert (await quote(client))["temp_stop_yn"] == "Y"
    assert (await buy(client, low))["msg_cd"] == "APBK1077"
    cancel = {"ORGN_ODNO": resting["output"]["ODNO"], "RVSE_CNCL_DVSN_CD": "02", "QTY_ALL_ORD_YN": "Y"}
    assert (await client.call("TTTC0013U", "POST", **ORDER, **cancel)).json()["rt_cd"] == "0"

    frames = await client.advance(moment(breaker.resumes_ms))
    told = [text.split("|")[3].split("^") for text in frames if "H0STMKO0" in text]
    assert [(fields[1], fields[3]) for fields in told] == [("N", "175")]
    assert (await quote(client))["temp_stop_yn"] == "N"
    taken = await buy(client, market.limits(CODE).upper_krw)
    assert taken["rt_cd"] == "0"
    await client.advance(moment(breaker.ends_ms - 1_000))
    assert client.sim.broker.exchange.fills == []
    await client.advance(moment(breaker.ends_ms))
    (fill,) = client.sim.broker.exchange.fills
    assert (fill.at_ms, fill.price_krw) == (breaker.ends_ms, market.last_price(CODE, breaker.ends_ms))


async def test_a_fall_is_switched_on_before_the_opening_auction_only(client: Client) -> None:
    await client.sim.engine.advance(to_instant(DAY, at("08:30:00")))
    async with admin(client) as port:
        reply = await port.post("/admin/faults", json=FALL)
        assert (reply.status_code, (await port.get("/admin/faults")).json()["faults"]) == (409, [])
