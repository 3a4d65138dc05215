"""What the exchange sends is what the gateway reads: each side's files against the other side's code (H1)."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jennie_infra.kis.codec_notices import NoticeDecoder
from jennie_infra.kis.codec_ws import Ack, BadFrame, Books, FrameDecoder, PingPong, RawNotices, Trades, WireLayout

FRAMES = Path(__file__).parent / "frames"
REPLIES = Path(__file__).parent / "replies"
LAYOUTS = {
    59: WireLayout(46, 59, 23),
    63: WireLayout(47, 63, 26),
    46: WireLayout(46, 59, 23),
    47: WireLayout(47, 63, 26),
    23: WireLayout(46, 59, 23),
    26: WireLayout(47, 63, 26),
}


def message(name: str) -> Any:
    return json.loads((FRAMES / "ws" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["trade_46", "trade_47", "trade_47_two_records", "trade_interruption_47"])
def test_the_gateway_reads_the_exchanges_trades(name: str) -> None:
    wanted = message(name)
    found = FrameDecoder(LAYOUTS[wanted["fields"]]).decode(wanted["frame"], 7)
    assert isinstance(found, Trades)
    for record, meaning in zip(found.records, wanted["meaning"], strict=True):
        tick = record.tick
        assert (tick.code, tick.price_krw, tick.volume, tick.cumulative_volume, tick.ask_krw, tick.bid_krw) == tuple(
            meaning[key] for key in ("code", "price_krw", "volume", "cumulative_volume", "ask_krw", "bid_krw")
        )
        assert record.base_krw == meaning["price_krw"] - meaning["change_krw"]
        assert tick.session_phase == meaning["session_phase"]


@pytest.mark.parametrize("name", ["book_59", "book_63"])
def test_the_gateway_reads_the_exchanges_order_books(name: str) -> None:
    wanted = message(name)
    found = FrameDecoder(LAYOUTS[wanted["fields"]]).decode(wanted["frame"], 7)
    assert isinstance(found, Books)
    assert found.impossible == {}
    for book, meaning in zip(found.records, wanted["meaning"], strict=True):
        assert (book.code, book.cumulative_volume) == (meaning["code"], meaning["cumulative_volume"])
        hours, minutes, seconds = (int(meaning["exchange_time"][at : at + 2]) for at in (0, 2, 4))
        assert book.second_of_day == hours * 3600 + minutes * 60 + seconds
        for side, key in ((book.asks, "ask"), (book.bids, "bid")):
            assert [list(level) for level in side] == meaning[f"{key}s"]
            assert sum(size for _, size in side) == meaning[f"total_{key}_size"]
    other = LAYOUTS[122 - wanted["fields"]]
    assert FrameDecoder(other).decode(wanted["frame"], 7) == BadFrame("field_count", wanted["frame"])


NOTICES = [path.stem for path in sorted((FRAMES / "ws").glob("notice_*.json"))]


@pytest.mark.parametrize("name", NOTICES)
def test_the_gateway_reads_the_exchanges_notices(name: str) -> None:
    wanted = message(name)
    decoder = FrameDecoder(LAYOUTS[wanted["fields"]])
    ack = decoder.decode(message("ack_notice")["frame"].replace("H0STCNI0", wanted["tr_id"]), 7)
    assert isinstance(ack, Ack)
    found = decoder.decode(wanted["frame"], 7)
    assert isinstance(found, RawNotices)
    (meaning,) = wanted["meaning"]
    notice = NoticeDecoder(meaning["account"]).decode(found.records[0], date(2025, 6, 27), 7)
    for key in ("order_number", "is_execution", "is_rejected", "quantity", "order_quantity"):
        assert getattr(notice, key) == meaning[key], key
    assert (notice.stock_code, notice.side.value) == (meaning["code"], meaning["side"])
    assert f"{notice.exchange_at:%H%M%S}" == meaning["exchange_time"]
    assert notice.original_order_number.strip("0") == meaning["original_order_number"].strip("0")


def test_the_gateway_reads_the_heartbeat() -> None:
    assert isinstance(FrameDecoder(LAYOUTS[47]).decode(message("heartbeat")["frame"], 7), PingPong)


def kind(field: str) -> str:
    """Blank, whole number, decimals (with their count), or text."""
    if re.fullmatch(r"-?\d+", field):
        return "number"
    decimals = re.fullmatch(r"-?\d+\.(\d+)", field)
    return f"decimal {len(decimals[1])}" if decimals else ("text" if field else "blank")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("H0STCNT0.46", "trade_46"), ("H0STCNT0.47", "trade_47"), ("H0STASP0.63", "book_63")]
)
def test_the_exchanges_records_have_the_shape_of_the_gateways(theirs: str, ours: str) -> None:
    expected = (FRAMES / f"{theirs}.txt").read_text().split("|")[3].split("^")
    found = message(ours)["frame"].split("|")[3].split("^")
    shapes = [{kind(one), kind(other)} for one, other in zip(expected, found, strict=True)]
    # A blank of the one may be a zero of the other where the sheet leaves it open.
    assert all(len(shape) == 1 or shape <= {"blank", "number"} for shape in shapes)


PAIRS = [
    ("FHKST01010100", "inquire_price"),
    ("FHKST01010200", "asking_price"),
    ("FHKST03010100", "daily_chart"),
    ("FHKST03010200", "minute_chart"),
    ("FHKST03010230", "minute_chart_past_day"),
    ("FHKST11300006", "multi_price"),
    ("FHKST01010900", "inquire_investor"),
    ("FHKUP03500100", "index_daily_chart"),
    ("FHPUP02100000", "index_price"),
    ("CTCA0903R", "chk_holiday"),
    ("TTTC0012U", "order_buy_market"),
    ("TTTC0013U.revise", "order_revise"),
    ("TTTC0013U", "order_cancel"),
    ("TTTC0081R", "daily_ccld"),
    ("TTTC0084R", "open_orders"),
    ("TTTC8408R", "psbl_sell"),
    ("TTTC8434R", "balance"),
    ("TTTC8908R", "psbl_order_market"),
]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_the_exchanges_replies_hold_every_field_the_gateways_files_hold(theirs: str, ours: str) -> None:
    expected = json.loads((REPLIES / f"{theirs}.json").read_text(encoding="utf-8"))["body"]
    found = json.loads((FRAMES / "rest" / f"{ours}.json").read_text(encoding="utf-8"))["reply"]
    assert missing(expected, found) == []


def missing(expected: Any, found: Any, where: str = "") -> list[str]:
    """Fields of `expected` that `found` lacks or holds in another kind of value."""
    if type(expected) is not type(found):
        return [f"{where}: {type(expected).__name__} against {type(found).__name__}"]
    if isinstance(expected, list):
        return missing(expected[0], found[0], f"{where}[]") if expected and found else []
    if not isinstance(expected, dict):
        return []
    lacking = [f"{where}.{key}" for key in expected if key not in found]
    return lacking + [
        problem for key in expected if key in found for problem in missing(expected[key], found[key], f"{where}.{key}")
    ]
