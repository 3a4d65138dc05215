"""Breaker, capabilities, ids, number formats, layouts."""

from typing import Any

import pytest

from jennie_core.domain.enums import ListingStatus, Mode
from jennie_infra.kis.breaker import FAILURES_TO_OPEN, Breaker
from jennie_infra.kis.capabilities import PAPER_SUBSTITUTES, capability, degraded
from jennie_infra.kis.codec_quotes import listing_status
from jennie_infra.kis.codec_rest import RestCall, RestReply, integer, next_pages, optional_integer, order_number
from jennie_infra.kis.codec_ws import WireLayout
from jennie_infra.kis.credentials import credentials, quotation_credentials
from jennie_infra.kis.errors import BreakerOpenError, KisMalformedError
from jennie_infra.kis.tr_ids import ENDPOINTS, Function, NotOfferedError, tr_id
from jennie_infra.settings import SettingsError, load_settings


class Time:
    now = 0.0


@pytest.mark.rule("R-GW-02")
def test_the_breaker_opens_after_twenty_failures_and_lets_one_probe_through() -> None:
    """With a pause that doubles instead of a fixed minute."""
    at = Time()
    breaker = Breaker("quote", lambda: at.now)
    for _ in range(FAILURES_TO_OPEN):
        breaker.check()
        breaker.failed()
    with pytest.raises(BreakerOpenError):
        breaker.check()
    at.now = 1.0
    breaker.check()
    with pytest.raises(BreakerOpenError):
        breaker.check()
    breaker.failed()
    at.now = 2.5
    with pytest.raises(BreakerOpenError):
        breaker.check()
    at.now = 3.0
    breaker.check()
    breaker.succeeded()
    assert breaker.state == "closed"


def test_a_probe_that_never_left_does_not_block_the_next_one() -> None:
    at = Time()
    breaker = Breaker("quote", lambda: at.now)
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed()
    at.now = 5.0
    breaker.check()
    breaker.abandoned()
    breaker.check()


def test_paper_mode_names_what_it_lacks() -> None:
    assert not capability(Function.OPEN_ORDERS, Mode.PAPER).offered
    assert capability(Function.OPEN_ORDERS, Mode.PAPER).substitute
    assert degraded(Mode.LIVE) == degraded(Mode.REHEARSAL) == ()
    assert len(degraded(Mode.PAPER)) == 5
    without_account = degraded(Mode.PAPER, real_quotes=True)
    assert [line.split(":")[0] for line in without_account] == ["sellable_shares", "open_orders"]
    with pytest.raises(NotOfferedError):
        tr_id(Function.INDEX, Mode.PAPER)


def test_every_function_that_paper_lacks_has_a_stated_substitute_and_no_other_has() -> None:
    missing = {function for function, row in ENDPOINTS.items() if row.paper is None}
    assert set(PAPER_SUBSTITUTES) == missing
    assert all(PAPER_SUBSTITUTES.values())


def test_half_a_quotation_key_is_a_wrong_setting() -> None:
    given = {"JENNIE_MODE": "paper", "JENNIE_KIS_QUOTE_APP_KEY": "k"}
    with pytest.raises(SettingsError, match="belong together"):
        quotation_credentials(load_settings(given))
    whole = quotation_credentials(load_settings(given | {"JENNIE_KIS_QUOTE_APP_SECRET": "s"}))
    assert whole is not None
    assert whole.app_key == "k"
    assert quotation_credentials(load_settings({"JENNIE_KIS_QUOTE_APP_KEY": "k"})) is None


@pytest.mark.rule("R-GW-15")
def test_paper_ids_begin_with_v_where_they_differ_and_old_ids_exist() -> None:
    for row in ENDPOINTS.values():
        if row.paper is not None and row.paper != row.real:
            assert row.paper == "V" + row.real[1:]
    assert tr_id(Function.BUY, Mode.LIVE) == tr_id(Function.BUY, Mode.REHEARSAL) == "TTTC0012U"
    assert tr_id(Function.BUY, Mode.PAPER, "old") == "VTTC0802U"
    assert tr_id(Function.BALANCE, Mode.LIVE, "old") == "TTTC8434R"


@pytest.mark.parametrize("value", [None, "", "  ", "abc", "1.5"])
def test_a_number_that_is_missing_or_blank_is_not_zero(value: Any) -> None:
    with pytest.raises(KisMalformedError):
        integer({"n": value}, "n")


def test_numbers_and_order_numbers() -> None:
    assert integer({"n": " 000060300 "}, "n") == 60_300
    assert integer({"n": "-300"}, "n") == -300
    assert integer({"n": "60300.0000"}, "n") == 60_300
    assert optional_integer({"n": ""}, "n") is None
    assert order_number("117") == "0000000117"
    assert order_number("0000000000") == order_number("  ") == ""


def test_paging_ends_when_the_cursor_stands_still_or_is_blank() -> None:
    call = RestCall(Function.BALANCE, {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""})
    more = RestReply({"ctx_area_fk100": "F1", "ctx_area_nk100": "N1"}, "M")
    (second,) = next_pages(more, call)
    assert second.next_page
    assert second.fields["CTX_AREA_NK100"] == "N1"
    assert list(next_pages(more, second)) == []
    for body, mark in (({}, "M"), ({"ctx_area_nk100": " "}, "F"), ({"ctx_area_nk100": "^^"}, "M"),
                       ({"ctx_area_nk100": "N2"}, "D"), ({"ctx_area_nk100": "N2"}, "")):  # fmt: skip
        assert list(next_pages(RestReply(body, mark), second)) == []


def test_wire_layouts() -> None:
    assert WireLayout.parse("46/59/23") == WireLayout(46, 59, 23)
    for wrong in ("47/63", "48/63/26", "a/b/c", ""):
        with pytest.raises(ValueError, match="wire revision"):
            WireLayout.parse(wrong)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({}, ListingStatus.NORMAL),
        ({"iscd_stat_cls_code": "55"}, ListingStatus.NORMAL),
        ({"temp_stop_yn": "Y", "sltr_yn": "Y"}, ListingStatus.HALTED),
        ({"iscd_stat_cls_code": "58"}, ListingStatus.HALTED),
        ({"sltr_yn": "Y"}, ListingStatus.LIQUIDATION_TRADING),
        ({"iscd_stat_cls_code": "51"}, ListingStatus.ADMINISTRATIVE),
        ({"mang_issu_cls_code": "Y"}, ListingStatus.ADMINISTRATIVE),
        ({"mrkt_warn_cls_code": "02"}, ListingStatus.INVESTMENT_WARNING),
        ({"mrkt_warn_cls_code": "03"}, ListingStatus.INVESTMENT_RISK),
        ({"short_over_yn": "Y"}, ListingStatus.OVERHEATED),
    ],
)
def test_listing_status_names_the_gravest_state(row: dict[str, str], status: ListingStatus) -> None:
    """Q3."""
    assert listing_status(row) is status


def test_paper_and_live_need_every_secret(tmp_path: Any) -> None:
    settings = load_settings({"JENNIE_MODE": "paper", "JENNIE_HOME": str(tmp_path)}, tmp_path / "none")
    with pytest.raises(SettingsError, match="JENNIE_KIS_APP_KEY"):
        credentials(settings)
    rehearsal = load_settings({"JENNIE_HOME": str(tmp_path)}, tmp_path / "none")
    found = credentials(rehearsal)
    assert (len(found.app_key), len(found.app_secret), len(found.account)) == (36, 180, 10)
    assert found.app_key not in repr(found)
    wrong = load_settings({"JENNIE_HOME": str(tmp_path), "JENNIE_KIS_ACCOUNT": "123"}, tmp_path / "none")
    with pytest.raises(SettingsError, match="ten digits"):
        credentials(wrong)
