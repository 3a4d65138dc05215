"""The gateway's codec against frames and replies typed by hand from the protocol sheet (H1)."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import AssetKind, Market, OrderSide, OrderType
from jennie_core.domain.orders import ReviseRequest
from jennie_infra.kis import codec_account, codec_market, codec_orderable, codec_quotes
from jennie_infra.kis.codec_notices import NoticeDecoder
from jennie_infra.kis.codec_orders import decode_order_reply, revise_call
from jennie_infra.kis.codec_rest import RestReply
from jennie_infra.kis.codec_ws import Ack, BadFrame, FrameDecoder, PingPong, RawNotices, Trades, WireLayout
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import FailureClass, KisMalformedError, classify

HERE = Path(__file__).parent
AT = datetime(2025, 6, 27, 9, 30, 15, tzinfo=KST)
NEW, OLD = WireLayout(47, 63, 26), WireLayout(46, 59, 23)


def frame(name: str) -> str:
    return (HERE / "frames" / f"{name}.txt").read_text()


def answer(name: str) -> tuple[int, Any, RestReply]:
    document = json.loads((HERE / "replies" / f"{name}.json").read_text())
    return document["status"], document["body"], RestReply(document["body"], document["headers"].get("tr_cont", ""))


def reply(name: str) -> RestReply:
    return answer(name)[2]


@pytest.mark.rule("R-GW-10")
@pytest.mark.parametrize(("name", "layout"), [("H0STCNT0.47", NEW), ("H0STCNT0.46", OLD)])
def test_a_trade_is_read_by_position(name: str, layout: WireLayout) -> None:
    """Price 2, trade volume 12, cumulative volume 13; never 5, 8 or 10."""
    found = FrameDecoder(layout).decode(frame(name), 7)
    assert isinstance(found, Trades)
    (record,) = found.records
    tick, base = record.tick, record.base_krw
    assert (tick.code, tick.price_krw, tick.volume, tick.cumulative_volume) == ("005930", 60_300, 37, 1_523_400)
    assert (tick.ask_krw, tick.bid_krw, tick.session_phase, tick.received_us) == (60_400, 60_300, "0", 7)
    assert from_epoch_us(tick.exchange_us) == AT
    assert base == 59_800


@pytest.mark.rule("R-GW-10")
def test_every_record_of_a_frame_counts() -> None:
    """The third part is the record count; codes may carry letters."""
    found = FrameDecoder(NEW).decode(frame("H0STCNT0.47.two-records"), 7)
    assert isinstance(found, Trades)
    assert [record.tick.code for record in found.records] == ["005930", "0009K0"]
    assert found.records[1].base_krw == 8_800


def test_another_revision_is_a_bad_frame_not_a_shifted_one() -> None:
    found = FrameDecoder(OLD).decode(frame("H0STCNT0.47"), 7)
    assert found == BadFrame("field_count", frame("H0STCNT0.47"))


BEYOND = "12345678901234567890"


@pytest.mark.parametrize(
    ("position", "text", "reason"),
    [
        (2, BEYOND, "price"),
        (5, "nan", "change"),
        (10, BEYOND, "quote"),
        (11, BEYOND, "quote"),
        (13, BEYOND, "volume"),
        (33, "00010101", "not_a_number"),
        (33, "99991231", "not_a_number"),
    ],
)
def test_fields_that_ran_together_and_words_for_numbers_are_no_tick(position: int, text: str, reason: str) -> None:
    """Drill 18: beyond 64 bits no stream takes them, and no calendar has such years."""
    head, _, payload = frame("H0STCNT0.47").rpartition("|")
    fields = payload.strip().split("^")[: NEW.trade]
    fields[position] = text
    found = FrameDecoder(NEW).decode(f"{head[:-3]}001|" + "^".join(fields), 1)
    assert found == Trades([], {reason: 1})


def test_a_count_of_five_thousand_digits_is_a_bad_frame() -> None:
    assert FrameDecoder(NEW).decode(f"0|H0STCNT0|{'9' * 5_000}|x", 1) == BadFrame(
        "count", f"0|H0STCNT0|{'9' * 5_000}|x"
    )


def test_a_notice_under_another_key_is_a_bad_frame() -> None:
    """Drill 18: the wrong decryption key."""
    decoder = FrameDecoder(NEW)
    decoder.decode(frame("ack.H0STCNI0").replace('"key":"ab', '"key":"ba', 1), 1)
    found = decoder.decode(frame("H0STCNI0.26.execution"), 1)
    assert isinstance(found, BadFrame)
    assert found.reason == "decrypt"


def test_an_execution_notice_is_decrypted_with_the_acknowledged_key() -> None:
    decoder = FrameDecoder(NEW)
    assert isinstance(decoder.decode(frame("H0STCNI0.26.execution"), 7), BadFrame)
    ack = decoder.decode(frame("ack.H0STCNI0"), 7)
    assert isinstance(ack, Ack)
    assert ack.ok
    found = decoder.decode(frame("H0STCNI0.26.execution"), 7)
    assert isinstance(found, RawNotices)
    notice = NoticeDecoder("5012345601").decode(found.records[0], AT.date(), 7)
    assert "^".join(found.records[0]) == frame("H0STCNI0.26.execution.clear")
    assert notice.is_execution
    assert (notice.order_number, notice.side, notice.stock_code) == ("0000000117", OrderSide.BUY, "005930")
    assert (notice.quantity, notice.price_krw, notice.order_quantity) == (10, 60_300, 10)
    assert notice.exchange_at == AT


def test_an_acceptance_notice_is_no_execution() -> None:
    fields = frame("H0STCNI0.26.accepted.clear").split("^")
    notice = NoticeDecoder("5012345601").decode(fields, AT.date(), 7)
    assert not notice.is_execution
    assert not notice.is_cancel_confirmation


def test_a_cancel_confirmation_of_the_old_layout_names_the_original() -> None:
    fields = frame("H0STCNI0.23.cancelled.clear").split("^")
    notice = NoticeDecoder("5012345601").decode(fields, AT.date(), 7)
    assert notice.is_cancel_confirmation
    assert (notice.order_number, notice.original_order_number) == ("0000000118", "0000000116")


def test_control_frames() -> None:
    decoder = FrameDecoder(NEW)
    beat = decoder.decode(frame("PINGPONG"), 7)
    assert isinstance(beat, PingPong)
    assert from_epoch_us(beat.at_us) == datetime(2025, 6, 27, 9, 30, 20, tzinfo=KST)
    full = decoder.decode(frame("ack.max-over"), 7)
    assert isinstance(full, Ack)
    assert (full.ok, full.code) == (False, "OPSP0008")
    taken = decoder.decode(frame("ack.key-in-use"), 7)
    assert isinstance(taken, Ack)
    assert taken.code == "OPSP8996"


@pytest.mark.rule("R-DATA-04", "R-ENR-01")
def test_quote() -> None:
    quote = codec_quotes.decode_quote(reply("FHKST01010100"), "005930", "", AT)
    assert (quote.price_krw, quote.previous_close_krw, quote.volume) == (60_300, 59_800, 1_523_400)
    assert (quote.upper_limit_krw, quote.lower_limit_krw, quote.change_pct) == (77_700, 41_900, 0.84)
    assert quote.market_cap_krw == 359_972_000_000_000
    assert (quote.market, quote.asset_kind) == (Market.KOSPI, None)


@pytest.mark.parametrize(
    ("name", "market", "kind"),
    [
        ("KOSPI", Market.KOSPI, None),
        ("KOSDAQ", Market.KOSDAQ, None),
        ("KSQ150", Market.KOSDAQ, None),
        ("KONEX", Market.KONEX, None),
        ("ETF", Market.UNKNOWN, AssetKind.ETF),
        ("", Market.UNKNOWN, None),
    ],
)
def test_the_market_of_a_quote_is_told_by_an_index_or_a_kind_of_fund(
    name: str, market: Market, kind: AssetKind | None
) -> None:
    found = reply("FHKST01010100")
    found.record("output")["rprs_mrkt_kor_name"] = name
    quote = codec_quotes.decode_quote(found, "005930", "", AT)
    assert (quote.market, quote.asset_kind) == (market, kind)


def test_order_book_leaves_empty_levels_out() -> None:
    book = codec_quotes.decode_order_book(reply("FHKST01010200"), "005930", AT)
    assert book.asks == ((60_400, 1_520), (60_500, 2_210))
    assert book.bids == ((60_300, 2_211), (60_200, 3_105), (60_100, 2_740))


def test_daily_bars_without_the_blank_row() -> None:
    bars = codec_quotes.decode_daily_bars(reply("FHKST03010100"), "005930")
    assert [bar.trade_date for bar in bars] == [date(2025, 6, 26), date(2025, 6, 25)]
    assert bars[0].close_krw == 59_800
    assert codec_quotes.stock_name(reply("FHKST03010100")) == "삼성전자"


def test_minute_bars() -> None:
    bars = codec_quotes.decode_minute_bars(reply("FHKST03010200"), "005930")
    assert bars[0].started_at == datetime(2025, 6, 27, 9, 30, tzinfo=KST)
    assert (bars[0].close_krw, bars[0].volume) == (60_300, 10_210)


def test_a_blank_investor_figure_is_unknown_not_zero() -> None:
    """I4: today's row is blank until after the close."""
    past, today = codec_quotes.decode_investor_flows(reply("FHKST01010900"), "005930")
    assert (past.foreign_net_shares, past.individual_net_shares) == (-980_122, 1_203_311)
    assert today.foreign_net_shares is None


def test_index_and_session_days() -> None:
    assert codec_market.decode_index(reply("FHPUP02100000"), "0001", AT).level == 3_055.94
    days = codec_market.decode_session_days(reply("CTCA0903R"))
    assert [day.is_open for day in days] == [True, False]


def test_the_index_from_the_summary_of_its_chart_is_the_index() -> None:
    charted = codec_market.decode_index_summary(reply("FHKUP03500100"), "0001", AT)
    assert charted == codec_market.decode_index(reply("FHPUP02100000"), "0001", AT)


def test_many_prices_without_the_code_that_the_broker_does_not_know() -> None:
    (price,) = codec_market.decode_prices(reply("FHKST11300006"), AT)
    assert (price.code, price.price_krw, price.previous_close_krw, price.volume) == (
        "005930",
        60_300,
        59_800,
        1_523_400,
    )
    assert (price.upper_limit_krw, price.lower_limit_krw, price.change_pct) == (77_700, 41_900, 0.84)


def test_minutes_of_a_past_day() -> None:
    bars = codec_quotes.decode_minute_bars(reply("FHKST03010230"), "005930")
    assert [f"{bar.started_at:%m-%d %H:%M}" for bar in bars] == ["06-26 15:30", "06-26 15:19"]
    assert (bars[1].open_krw, bars[1].close_krw, bars[1].volume) == (59_800, 59_900, 20_110)


def test_sellable_and_buyable() -> None:
    shares = codec_orderable.decode_sellable(reply("TTTC8408R"), "005930", AT)
    assert (shares.held_quantity, shares.sellable_quantity) == (10, 7)
    cash = codec_orderable.decode_buyable(reply("TTTC8908R"), "005930", OrderType.MARKET, AT)
    assert (cash.cash_krw, cash.calculation_price_krw, cash.quantity) == (9_397_000, 0, 0)


def test_order_replies() -> None:
    status, body, _ = answer("TTTC0012U")
    assert decode_order_reply(status, body) == Accepted(
        order_number="0000000117", organisation_number="91252", accepted_time="093014"
    )
    status, body, _ = answer("TTTC0011U.refused")
    assert decode_order_reply(status, body) == Refused(
        rule="BROKER-SHARES", code="APBK0400", text="주문가능수량을 초과 했습니다."
    )
    status, body, _ = answer("TTTC0013U")
    assert isinstance(decode_order_reply(status, body), Accepted)
    status, body, _ = answer("TTTC0013U.revise")
    assert decode_order_reply(status, body) == Accepted(
        order_number="0000000119", organisation_number="91252", accepted_time="093025"
    )


def test_a_revision_names_the_old_number_and_the_whole_remainder() -> None:
    """Protocol sheet 2.7: the fields of order-rvsecncl; a market revision has no price."""
    who = Credentials("k" * 36, "s" * 180, "5012345601", "jennie")
    request = ReviseRequest(
        intent_id="i-1", revision=1, lease=1, side=OrderSide.SELL, stock_code="005930", order_number="117",
        limit_price_krw=60_200,
    )  # fmt: skip
    expected = json.loads((HERE / "frames" / "rest" / "order_revise.json").read_text())["request"]
    fields = revise_call(who, request, "117", "91252").fields
    assert set(fields) == set(expected["params"])
    assert (fields["ORGN_ODNO"], fields["RVSE_CNCL_DVSN_CD"], fields["ORD_UNPR"]) == ("0000000117", "01", "60200")
    assert (fields["QTY_ALL_ORD_YN"], fields["ORD_DVSN"]) == ("Y", "00")
    market = request.model_copy(update={"order_type": OrderType.MARKET, "limit_price_krw": None})
    fields = revise_call(who, market, "117", "91252").fields
    assert (fields["ORD_DVSN"], fields["ORD_UNPR"]) == ("01", "0")


@pytest.mark.rule("R-GW-06")
def test_balance_without_sold_out_rows() -> None:
    """Orderable cash is the amount without credit; a sold position stays as a zero row at the broker."""
    orderable = codec_orderable.decode_orderable_cash(reply("TTTC8908R"))
    balance = codec_account.decode_balance([reply("TTTC8434R")], orderable, AT)
    assert (balance.deposit_krw, balance.cash_krw, balance.orderable_cash_krw) == (10_000_000, 9_396_910, 9_397_000)
    assert [holding.stock_code for holding in balance.holdings] == ["005930"]
    assert balance.holdings[0].average_price_krw == 60_300.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"output1": []}, "holdings cost 0"),
        ({"dnca_tot_amt": "0", "nxdy_excc_amt": "0", "prvs_rcdl_excc_amt": "0"}, "no cash"),
        ({"output2": []}, "no summary"),
    ],
)
def test_a_balance_that_contradicts_itself_is_no_reading(changes: dict[str, Any], reason: str) -> None:
    """Drill 12, I4: an empty list and cash of zero are not what the summary adds up to."""
    body = json.loads(json.dumps(reply("TTTC8434R").body))
    for name, value in changes.items():
        where = body if name in body else body["output2"][0]
        where[name] = value
    with pytest.raises(KisMalformedError, match=reason):
        codec_account.decode_balance([RestReply(body)], None, AT)


def test_an_account_without_shares_or_without_cash_is_a_reading() -> None:
    body = json.loads(json.dumps(reply("TTTC8434R").body))
    body["output1"] = []
    body["output2"][0] |= {"pchs_amt_smtl_amt": "0", "evlu_amt_smtl_amt": "0", "tot_evlu_amt": "9396910"}
    assert codec_account.decode_balance([RestReply(body)], None, AT).holdings == ()
    poor = json.loads(json.dumps(reply("TTTC8434R").body))
    poor["output2"][0] |= {"dnca_tot_amt": "0", "prvs_rcdl_excc_amt": "0", "tot_evlu_amt": "604000"}
    assert codec_account.decode_balance([RestReply(poor)], None, AT).cash_krw == 0


def test_orders_of_day_oldest_first_with_padded_numbers() -> None:
    sold, bought = codec_account.decode_orders([reply("TTTC0081R")])
    assert (sold.order_number, sold.is_cancelled, sold.cancelled_quantity) == ("0000000116", True, 5)
    assert (bought.filled_quantity, bought.remaining_quantity, bought.filled_amount_krw) == (4, 6, 241_200)
    assert (bought.original_order_number, bought.order_type) == ("", OrderType.MARKET)


def test_open_orders() -> None:
    (order,) = codec_account.decode_open_orders([reply("TTTC0084R")], AT.date())
    assert (order.remaining_quantity, order.organisation_number, order.side) == (6, "91252", OrderSide.BUY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tokenP.too-soon", FailureClass.RATE_LIMIT),
        ("rate-limit", FailureClass.RATE_LIMIT),
        ("token-expired", FailureClass.TOKEN_DEAD),
    ],
)
def test_failures_of_the_gateway_are_told_apart_by_their_code(name: str, expected: FailureClass) -> None:
    status, body, _ = answer(name)
    failure = classify(status, body)
    assert failure is not None
    assert failure.failure is expected
