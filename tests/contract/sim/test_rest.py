"""REST replies are those of the contract files, and the broker's manners are kept."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jennie_sim.market.handmade import ACCOUNT, APP_KEY, APP_SECRET, CODE, HTS_ID
from jennie_sim.settings import SimSettings

FILES = sorted((Path(__file__).parent.parent / "frames" / "rest").glob("*.json"))
BEFORE, AFTER = "09:30:20", "09:30:25"
ORDER = {"CANO": ACCOUNT[:8], "ACNT_PRDT_CD": ACCOUNT[8:], "PDNO": CODE}
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": CODE}
OWN_ORDERS = ("order_buy_market", "order_buy_limit", "order_revise", "order_cancel", "order_cancel_again")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def named(name: str) -> Any:
    return read(FILES[0].parent / f"{name}.json")


async def ask(client: Any, wanted: Any) -> Any:
    request = wanted["request"]
    return await client.call(request["tr_id"], request["method"], request["path"], **request["params"])


def check(reply: Any, wanted: Any) -> None:
    assert reply.status_code == wanted["status"]
    assert reply.headers["tr_cont"] == wanted["tr_cont"]
    if wanted["compare"] == "all":
        assert reply.json() == wanted["reply"]
    else:
        assert shape(reply.json()) == shape(wanted["reply"])


def shape(value: Any) -> Any:
    """Keys and kinds without the figures."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


@pytest.fixture
def settings() -> SimSettings:
    return SimSettings(rest_per_second=0)


QUOTES = [path for path in FILES if read(path)["moment"] == BEFORE and path.stem not in OWN_ORDERS]


@pytest.mark.parametrize("path", QUOTES, ids=lambda path: path.stem)
async def test_answers_before_any_order(client: Any, path: Path) -> None:
    await client.advance(BEFORE)
    if path.stem.startswith("order_refused"):
        await ask(client, named("order_buy_market"))
        await ask(client, named("order_buy_limit"))
    check(await ask(client, read(path)), read(path))


async def test_answers_around_orders(client: Any) -> None:
    await client.advance(BEFORE)
    for name in ("order_buy_market", "order_buy_limit"):
        check(await ask(client, named(name)), named(name))
    await client.advance(AFTER)
    for name in ("balance", "psbl_sell", "daily_ccld", "open_orders", "order_cancel", "order_cancel_again"):
        check(await ask(client, named(name)), named(name))
    check(await ask(client, named("daily_ccld_after_cancel")), named("daily_ccld_after_cancel"))


async def test_a_revision_is_a_new_order_with_a_number_of_its_own(client: Any) -> None:
    await client.advance(BEFORE)
    for name in ("order_buy_market", "order_buy_limit"):
        check(await ask(client, named(name)), named(name))
    await client.advance(AFTER)
    check(await ask(client, named("order_revise")), named("order_revise"))
    dead = await ask(client, named("order_revise"))
    assert (dead.status_code, dead.json()["rt_cd"]) == (200, "1"), "the old number cannot be revised again"


@pytest.mark.parametrize("tr_id", ["TTTC0802U", "VTTC0802U", "TTTC0012U", "VTTC0012U", " TTTC0012U"])
async def test_old_and_new_real_and_paper_ids_buy_alike(client: Any, tr_id: str) -> None:
    await client.advance(BEFORE)
    reply = await client.call(tr_id, "POST", **ORDER, ORD_DVSN="01", ORD_QTY="1", ORD_UNPR="0", ALGO_NO="")
    assert reply.json()["rt_cd"] == "0"
    assert reply.json()["output"]["ODNO"] == "0000000001"
    assert reply.json()["msg_cd"] == ("40600000" if tr_id.startswith("V") else "APBK0013")


async def test_the_tr_id_decides_not_the_path(client: Any) -> None:
    reply = await client.call("TTTC8908R", path="/uapi/domestic-stock/v1/trading/inquire-daily-ccld", **ORDER)
    assert "ord_psbl_cash" in reply.json()["output"]


async def test_parameter_names_may_be_in_lower_case(client: Any) -> None:
    reply = await client.call("FHKST01010100", **{name.lower(): value for name, value in PRICE.items()})
    assert reply.json()["output"]["stck_shrn_iscd"] == CODE


@pytest.mark.parametrize("anchor", ["000000", "235959", ""])
async def test_the_latest_minutes_may_be_asked_for_in_three_ways(client: Any, anchor: str) -> None:
    """python-kis sends 000000, kis-trader 235959 (protocol sheet, 2.5)."""
    await client.advance(BEFORE)
    reply = await client.call("FHKST03010200", **PRICE, FID_INPUT_HOUR_1=anchor)
    assert [row["stck_cntg_hour"] for row in reply.json()["output2"]] == ["093000", "091000", "090000"]


async def test_a_change_that_is_neither_revise_nor_cancel_is_refused(client: Any) -> None:
    """A word instead of 01 or 02 must not end as a revise."""
    await client.advance(BEFORE)
    placed = await ask(client, named("order_buy_limit"))
    body = {"ORGN_ODNO": placed.json()["output"]["ODNO"], "RVSE_CNCL_DVSN_CD": "정정", "ORD_DVSN": "00"}
    body |= {"ORD_QTY": "1", "ORD_UNPR": "71000", "QTY_ALL_ORD_YN": "N"}
    reply = await client.call("TTTC0013U", "POST", **ORDER, **body)
    assert (reply.json()["rt_cd"], reply.json()["msg_cd"]) == ("2", "OPSQ2002")
    assert len(client.sim.broker.exchange.orders) == 1


async def test_an_unknown_tr_id_is_an_unknown_service(client: Any) -> None:
    reply = await client.call("FHKST99999999")
    assert (reply.status_code, reply.json()) == (200, named("error_unknown_service")["reply"])


async def test_token_once_a_minute_and_the_same_one_within_six_hours(client: Any) -> None:
    keys = {"grant_type": "client_credentials", "appkey": APP_KEY, "appsecret": APP_SECRET}
    refused = await client.http.post("/oauth2/tokenP", json=keys)
    assert (refused.status_code, refused.json()) == (403, named("token_too_soon")["reply"])
    assert [row["kind"] for row in client.sim.broker.violations.rows] == ["token_rate"]
    await client.advance("09:11:00")
    again = await client.http.post("/oauth2/tokenP", json=keys)
    assert f"Bearer {again.json()['access_token']}" == client.headers["authorization"]
    assert shape(again.json()) == shape(named("token")["reply"])


async def test_wrong_keys_and_tokens_are_told_apart(client: Any) -> None:
    keys = {"grant_type": "client_credentials", "appkey": "nobody", "appsecret": APP_SECRET}
    unknown = await client.http.post("/oauth2/tokenP", json=keys)
    assert (unknown.status_code, unknown.json()) == (403, named("token_bad_key")["reply"])
    good = client.headers["authorization"]
    client.headers["authorization"] = "Bearer nonsense"
    invalid = await client.call("FHKST01010100", **PRICE)
    assert (invalid.status_code, invalid.json()) == (500, named("error_token_invalid")["reply"])
    client.headers["authorization"] = good
    revoked = {"appkey": APP_KEY, "appsecret": APP_SECRET, "token": good.removeprefix("Bearer ")}
    assert (await client.http.post("/oauth2/revokeP", json=revoked)).json() == named("revoke")["reply"]
    expired = await client.call("FHKST01010100", **PRICE)
    assert (expired.status_code, expired.json()) == (500, named("error_token_expired")["reply"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": ""}, "EGW00115"),
        ({"grant_type": "password"}, "EGW00116"),
        ({"appkey": ""}, "EGW00102"),
        ({"appkey": "nobody"}, "EGW00103"),
        ({"appsecret": ""}, "EGW00104"),
        ({"appsecret": "wrong"}, "EGW00105"),
    ],
)
async def test_each_mistake_of_a_token_request_has_its_code(client: Any, changes: dict[str, str], code: str) -> None:
    keys = {"grant_type": "client_credentials", "appkey": APP_KEY, "appsecret": APP_SECRET}
    reply = await client.http.post("/oauth2/tokenP", json=keys | changes)
    assert (reply.status_code, reply.json()["error_code"]) == (403, code)
    assert "rt_cd" not in reply.json()


async def test_a_call_without_a_token_is_told_so(client: Any) -> None:
    del client.headers["authorization"]
    assert (await client.call("FHKST01010100", **PRICE)).json()["msg_cd"] == "EGW00122"


async def test_extremes_of_the_year_leave_the_year_before_out(client: Any) -> None:
    await client.advance(BEFORE)
    output = (await client.call("FHKST01010100", **PRICE)).json()["output"]
    assert output["stck_dryy_lwpr"] == output["w52_lwpr"] == "69000"
    history = client.sim.broker.market.history(CODE)
    client.sim.broker.market._histories[CODE] = history.with_columns(date=pl.lit(date(2024, 12, 30)))
    output = (await client.call("FHKST01010100", **PRICE)).json()["output"]
    assert (output["stck_dryy_lwpr"], output["w52_lwpr"]) == ("71000", "69000")


async def test_several_approval_keys_are_valid_at_once(client: Any) -> None:
    first = client.approval_key
    body = {"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}
    second = (await client.http.post("/oauth2/Approval", json=body)).json()["approval_key"]
    assert first != second
    await client.connect()
    for key in (first, second):
        client.approval_key = key
        assert json.loads(await client.subscribe("H0STCNI0" if key == first else "H0STCNT0",
                                                 HTS_ID if key == first else CODE))["body"]["rt_cd"] == "0"  # fmt: skip


async def test_balance_pages_end_with_d_and_blank_cursors(client: Any) -> None:
    await client.advance(BEFORE)
    for _ in range(17):
        await client.call("VTTC0012U", "POST", **ORDER, ORD_DVSN="00", ORD_QTY="1", ORD_UNPR="70000")
    days = {"INQR_STRT_DT": "20250627", "INQR_END_DT": "20250627"}
    account = {"CANO": ORDER["CANO"], "ACNT_PRDT_CD": ORDER["ACNT_PRDT_CD"], **days}
    first = await client.call("VTTC8001R", **account, CTX_AREA_FK100="", CTX_AREA_NK100="")
    assert (first.headers["tr_cont"], len(first.json()["output1"])) == ("M", 15)
    cursors = {name.upper(): first.json()[name] for name in ("ctx_area_fk100", "ctx_area_nk100")}
    last = await client.call("VTTC8001R", **account, **cursors)
    assert (last.headers["tr_cont"], len(last.json()["output1"])) == ("D", 2)
    assert last.json()["ctx_area_nk100"].strip() == ""


class TestRequestLimit:
    """18 requests in a market second; a slice of five seconds widens the window."""

    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(rest_per_second=18, slice_seconds=5)

    async def test_the_91st_request_of_one_instant_is_refused_and_recorded(self, client: Any) -> None:
        for _ in range(90):
            assert (await client.call("FHKST01010100", **PRICE)).status_code == 200
        refused = await client.call("FHKST01010100", **PRICE)
        assert (refused.status_code, refused.json()) == (500, named("error_rate")["reply"])
        assert [row["kind"] for row in client.sim.broker.violations.rows] == ["request_rate"]
        await client.advance("09:10:05")
        assert (await client.call("FHKST01010100", **PRICE)).status_code == 200
