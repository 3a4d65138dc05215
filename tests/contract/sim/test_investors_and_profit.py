"""Calls whose replies are too wide to type by hand: their figures must add up."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from jennie_sim.market.flows import day_flows
from jennie_sim.market.handmade import ACCOUNT, CODE, OTHER, TradeRow, handmade_market
from jennie_sim.market.market import Market
from jennie_sim.market.pack import FLOW_SCHEMA
from jennie_sim.protocol import investor_calls
from jennie_sim.protocol.investor_calls import INSTITUTIONS
from jennie_sim.settings import SimSettings

STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}
ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE, "ORD_DVSN": "01", "ORD_UNPR": "0"}
TRADES: list[TradeRow] = [("09:00:00", 71_000, 500, 3), ("15:30:00", 71_800, 1_000, 3)]


@pytest.fixture
def settings() -> SimSettings:
    return SimSettings(rest_per_second=0)


async def test_the_parts_of_the_institutions_add_up(client: Any) -> None:
    reply = await client.call("FHPTJ04160001", **STOCK, FID_INPUT_DATE_1="20250627")
    assert reply.headers["tr_cont"] == "D"
    newest, _ = reply.json()["output2"]
    assert (newest["stck_bsop_date"], newest["frgn_ntby_qty"], newest["orgn_ntby_qty"]) == ("20250626", "4000", "-1000")
    for kind in ("ntby_qty", "shnu_vol", "seln_vol"):
        assert sum(int(newest[f"{part}_{kind}"]) for part in INSTITUTIONS) == int(newest[f"orgn_{kind}"])
    nets = [int(newest[f"{who}_ntby_qty"]) for who in ("prsn", "frgn", "orgn")]
    assert sum(nets) == 0


async def test_the_anchor_day_goes_back(client: Any) -> None:
    reply = await client.call("FHPTJ04160001", **STOCK, FID_INPUT_DATE_1="20250625")
    assert [row["stck_bsop_date"] for row in reply.json()["output2"]] == ["20250625"]


async def test_the_same_parameters_with_tr_cont_n_give_the_next_page(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call has no cursor (2.1), so an exchange that repeats its first page would keep a client for ever."""
    monkeypatch.setattr(investor_calls, "DETAIL_DAYS", 1)
    ask = STOCK | {"FID_INPUT_DATE_1": "20250627"}
    pages = [await client.call("FHPTJ04160001", **ask)]
    while pages[-1].headers["tr_cont"] == "M":
        client.headers["tr_cont"] = "N"
        pages.append(await client.call("FHPTJ04160001", **ask))
    assert [page.json()["output2"][0]["stck_bsop_date"] for page in pages] == ["20250626", "20250625"]
    client.headers["tr_cont"] = ""
    assert (await client.call("FHPTJ04160001", **ask)).json() == pages[0].json()


async def test_ranks_of_the_other_market_and_of_sales(client: Any) -> None:
    ask = {"FID_INPUT_ISCD": "1001", "FID_RANK_SORT_CLS_CODE": "0", "FID_ETC_CLS_CODE": "1"}
    assert (await client.call("FHPTJ04400000", **ask)).json()["output"] == []
    (row,) = (await client.call("FHPTJ04400000", **ask | {"FID_INPUT_ISCD": "0000"})).json()["output"]
    assert row["ntby_qty"] == "4000"


async def test_profit_by_stock_is_what_the_ledger_says(client: Any) -> None:
    await client.advance("09:30:20")
    await client.call("TTTC0012U", "POST", **ORDER, ORD_QTY="10")
    await client.advance("09:30:25")
    await client.call("TTTC0011U", "POST", **ORDER, ORD_QTY="4")
    await client.advance("09:30:30")
    ask = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "INQR_STRT_DT": "20250601", "INQR_END_DT": "20250630"}
    reply = await client.call("TTTC8715R", **ask)
    (row,), totals = reply.json()["output1"], reply.json()["output2"]
    # bought 10 at 71,500, sold 4 at 71,400: -400 before commission 42 and tax 428
    assert (row["sll_qty"], row["sll_amt"], row["fee"], row["tl_tax"]) == ("4", "285600", "42", "428")
    assert (row["rlzt_pfls"], totals["tot_rlzt_pfls"], row["hldg_qty"]) == ("-870", "-870", "6")
    assert reply.headers["tr_cont"] == "D"
    outside = await client.call("TTTC8715R", **ask | {"INQR_END_DT": "20250626"})
    assert outside.json()["output1"] == []


def packed(simulated: bool) -> Market:
    pack = handmade_market({CODE: TRADES}).pack
    meta = pack.meta.model_copy(update={"simulated": simulated})
    return Market(replace(pack, meta=meta, flows=pl.DataFrame(schema=FLOW_SCHEMA)))


def test_flows_are_invented_for_a_simulated_market_and_never_for_a_real_day() -> None:
    assert day_flows(packed(simulated=False), CODE) == []
    invented = day_flows(packed(simulated=True), CODE)
    assert [flow.day for flow in invented] == [date(2025, 6, 26), date(2025, 6, 25)]
    assert invented == day_flows(packed(simulated=True), CODE)
    assert invented != day_flows(packed(simulated=True), OTHER)
