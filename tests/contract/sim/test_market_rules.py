"""KRX rules as a client meets them: days that begin late, order types and venues, symbol states."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from jennie_core.domain.enums import ListingStatus
from jennie_sim.app import Sim
from jennie_sim.market.handmade import ACCOUNT, CODE, TradeRow, at, handmade_market
from jennie_sim.market.hours import to_instant
from jennie_sim.market.market import Market
from jennie_sim.settings import SimSettings
from tests.contract.sim.conftest import TRADES, Client

ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE, "ORD_QTY": "1"}
STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}
EXAM_DAY, FIRST_SESSION = date(2025, 11, 13), date(2026, 1, 2)


@pytest.fixture
def settings() -> SimSettings:
    return SimSettings(rest_per_second=0)


async def client_at(market: Market, clock: str) -> Client:
    made = Client(Sim.build(market, SimSettings(rest_per_second=0), "token", at(clock)))
    await made.login()
    return made


async def buy(client: Client, dvsn: str = "01", price: str = "0", **more: str) -> Any:
    return (await client.call("TTTC0012U", "POST", **ORDER, ORD_DVSN=dvsn, ORD_UNPR=price, **more)).json()


@pytest.mark.parametrize(("day", "close"), [(EXAM_DAY, "16:30:00"), (FIRST_SESSION, "15:30:00")])
async def test_a_day_that_opens_at_ten_takes_orders_from_half_past_nine(day: date, close: str) -> None:
    """T6: every boundary is an offset from that day's open and close; the exam day ends an hour later as well."""
    rows: list[TradeRow] = [("10:00:00", 71_000, 500, 3), (close, 71_800, 1_000, 3)]
    client = await client_at(handmade_market({CODE: rows}, day=day), "09:20:00")
    engine = client.sim.engine
    assert (await buy(client))["msg_cd"] == "APBK0918"
    await engine.advance(to_instant(day, at("09:30:00")))
    assert (await buy(client))["rt_cd"] == "0"
    await engine.advance(to_instant(day, at("09:59:59")))
    assert not client.sim.broker.exchange.fills
    await engine.advance(to_instant(day, at("10:00:01")))
    assert [fill.at_ms for fill in client.sim.broker.exchange.fills] == [at("10:00:00")]
    before, after = at(close) - 1_000, at(close)
    await engine.advance(to_instant(day, before))
    assert (await buy(client))["rt_cd"] == "0"
    await engine.advance(to_instant(day, after))
    assert (await buy(client))["msg_cd"] == "APBK0918"
    await client.close()


@pytest.mark.parametrize(
    ("dvsn", "price"),
    [("05", "0"), ("06", "0"), ("07", "71000"), ("08", "71000"), ("21", "0"), ("22", "71000"), ("27", "71000"),
     ("41", "71000"), ("44", "0"), ("47", "0"), ("99", "0"), ("", "0")],
)  # fmt: skip
async def test_after_hours_after_market_and_nxt_types_are_refused(client: Any, dvsn: str, price: str) -> None:
    await client.advance("09:30:20")
    assert (await buy(client, dvsn, price))["msg_cd"] == "APBK0518"


@pytest.mark.parametrize(
    ("dvsn", "price"),
    [("00", "71500"), ("01", "0"), ("02", "71500"), ("03", "0"), ("04", "0"), ("11", "71500"), ("12", "71500"),
     ("13", "0"), ("14", "0"), ("15", "0"), ("16", "0")],
)  # fmt: skip
async def test_every_type_of_the_regular_session_is_taken(client: Any, dvsn: str, price: str) -> None:
    await client.advance("09:30:20")
    assert (await buy(client, dvsn, price))["msg_cd"] == "APBK0013"
    await client.advance("09:30:25")
    order = client.sim.broker.exchange.orders[1]
    assert order.filled_quantity == (0 if dvsn == "04" else 1)


@pytest.mark.parametrize(("venue", "msg_cd"), [("KRX", "APBK0013"), ("", "APBK0013"), ("NXT", "APBK0519")])
async def test_only_the_krx_is_traded(client: Any, venue: str, msg_cd: str) -> None:
    await client.advance("09:30:20")
    assert (await buy(client, EXCG_ID_DVSN_CD=venue))["msg_cd"] == msg_cd


STATES = {
    ListingStatus.NORMAL: {"iscd_stat_cls_code": "55", "crdt_able_yn": "Y"},
    ListingStatus.ADMINISTRATIVE: {"iscd_stat_cls_code": "51", "mang_issu_cls_code": "Y"},
    ListingStatus.INVESTMENT_WARNING: {"iscd_stat_cls_code": "53", "mrkt_warn_cls_code": "02"},
    ListingStatus.INVESTMENT_RISK: {"iscd_stat_cls_code": "52", "mrkt_warn_cls_code": "03"},
    ListingStatus.OVERHEATED: {"short_over_yn": "Y"},
    ListingStatus.LIQUIDATION_TRADING: {"sltr_yn": "Y"},
    ListingStatus.HALTED: {"iscd_stat_cls_code": "58", "temp_stop_yn": "Y"},
}


def test_every_state_is_looked_at() -> None:
    assert set(STATES) == set(ListingStatus)


@pytest.mark.parametrize("status", STATES, ids=lambda status: status.value)
async def test_a_symbols_state_shows_in_its_quote_and_a_halt_refuses_orders(status: ListingStatus) -> None:
    plain = handmade_market({CODE: TRADES})
    listing = plain.listing | {CODE: replace(plain.listing[CODE], status=status)}
    market = Market(replace(plain.pack, listing=listing))
    if status is not ListingStatus.HALTED:
        market.replace_tape(CODE, plain.tape(CODE))
    client = await client_at(market, "09:30:20")
    quote = (await client.call("FHKST01010100", **STOCK)).json()["output"]
    assert {name: quote[name] for name in STATES[status]} == STATES[status]
    others = [name for state, fields in STATES.items() if state is not status for name, value in fields.items()
              if value == "Y" and name not in STATES[status] and name != "crdt_able_yn"]  # fmt: skip
    assert {quote[name] for name in others} <= {"N"}
    assert (await buy(client))["msg_cd"] == ("APBK1077" if status is ListingStatus.HALTED else "APBK0013")
    await client.close()
