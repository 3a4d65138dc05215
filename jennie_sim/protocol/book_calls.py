"""Quotation calls about the order book, the last trades, and many codes at once."""

from typing import Any

from jennie_sim.market.auction import expected_match
from jennie_sim.market.book import DEPTH_LEVELS
from jennie_sim.market.hours import hhmmss
from jennie_sim.market.snapshot import take_snapshot
from jennie_sim.market.tape import Col
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.chart_calls import anchor_ms
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.quote_calls import change_fields, find, market_name, vi_flag
from jennie_sim.protocol.trade_record import operation_code, price_sign

RECENT_TRADES = 30
EXPECTED_CODES = {"": "112", "B": "311", "A": "313", "C": "312"}
"""antc_mkop_cls_code by phase: continuous, opening, closing, interruption (unverified)."""
MANY_PRICES = 30


def order_book(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-asking-price-exp-ccn`: ten levels a side; an empty level is 0."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2={})
    code = snapshot.listed.code
    book = broker.market.book(code, broker.now_ms)
    first: dict[str, str] = {"aspr_acpt_hour": hhmmss(broker.now_ms)}
    for side, levels in (("ask", book.asks), ("bid", book.bids)):
        for number in range(1, DEPTH_LEVELS + 1):
            level = levels[number - 1] if number <= len(levels) else None
            first[f"{side}p{number}"] = str(level.price if level else 0)
            first[f"{side}p_rsqn{number}"] = str(level.size if level else 0)
            first[f"{side}p_rsqn_icdc{number}"] = "0"
        first[f"total_{side}p_rsqn"] = str(sum(level.size for level in levels))
        first[f"total_{side}p_rsqn_icdc"] = "0"
        first[f"ovtm_total_{side}p_rsqn"] = "0"
        first[f"ovtm_total_{side}p_icdc"] = "0"
    first["ntby_aspr_rsqn"] = str(int(first["total_bidp_rsqn"]) - int(first["total_askp_rsqn"]))
    first["new_mkop_cls_code"] = operation_code(broker.market.hours, broker.now_ms)
    expected = expected_match(broker.market, code, broker.now_ms)
    change = expected.price - snapshot.listed.base_price_krw if expected else 0
    sign = price_sign(change, expected.price, snapshot.upper, snapshot.lower) if expected else "3"
    second = {
        "antc_mkop_cls_code": EXPECTED_CODES[expected.phase] if expected else EXPECTED_CODES[""],
        "stck_prpr": str(snapshot.price),
        "stck_oprc": str(snapshot.open),
        "stck_hgpr": str(snapshot.high),
        "stck_lwpr": str(snapshot.low),
        "stck_sdpr": str(snapshot.listed.base_price_krw),
        "antc_cnpr": str(expected.price if expected else 0),
        "antc_cntg_vrss_sign": sign,
        "antc_cntg_vrss": str(change),
        "antc_cntg_prdy_ctrt": f"{change * 100 / snapshot.listed.base_price_krw:.2f}",
        "antc_vol": str(expected.volume if expected else 0),
        "stck_shrn_iscd": code,
        "vi_cls_code": vi_flag(snapshot.interruption),
    }
    return ok(output1=first, output2=second)


def recent_trades(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-ccnl`: the last 30 trades, newest first."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output=[])
    tape = broker.market.tape(snapshot.listed.code)
    last = tape.index_at(broker.now_ms)
    rows = []
    for index in range(last, max(-1, last - RECENT_TRADES), -1):
        row = tape.row(index)
        change = row[Col.PRICE] - snapshot.listed.base_price_krw
        rows.append(
            {
                "stck_cntg_hour": hhmmss(row[Col.AT_MS]),
                "stck_prpr": str(row[Col.PRICE]),
                "prdy_vrss": str(change),
                "prdy_vrss_sign": price_sign(change, row[Col.PRICE], snapshot.upper, snapshot.lower),
                "cntg_vol": str(row[Col.SIZE]),
                "tday_rltv": f"{row[Col.BOUGHT] * 100 / row[Col.SOLD] if row[Col.SOLD] else 0:.2f}",
                "prdy_ctrt": f"{change * 100 / snapshot.listed.base_price_krw:.2f}",
            }
        )
    return ok(output=rows)


def trades_by_time(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-time-itemconclusion`: 30 trades up to FID_INPUT_HOUR_1, newest first; blank and later times mean now."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2=[])
    until_ms = min(anchor_ms(request.text("FID_INPUT_HOUR_1")) or broker.now_ms, broker.now_ms)
    tape = broker.market.tape(snapshot.listed.code)
    last = tape.index_at(until_ms)
    rows = []
    for index in range(last, max(-1, last - RECENT_TRADES), -1):
        row = tape.row(index)
        change = row[Col.PRICE] - snapshot.listed.base_price_krw
        rows.append(
            {
                "stck_cntg_hour": hhmmss(row[Col.AT_MS]),
                "stck_prpr": str(row[Col.PRICE]),
                "stck_pbpr": str(row[Col.PRICE]),
                "prdy_vrss": str(change),
                "prdy_vrss_sign": price_sign(change, row[Col.PRICE], snapshot.upper, snapshot.lower),
                "prdy_ctrt": f"{change * 100 / snapshot.listed.base_price_krw:.2f}",
                "askp": str(row[Col.ASK]),
                "bidp": str(row[Col.BID]),
                "tday_rltv": f"{row[Col.BOUGHT] * 100 / row[Col.SOLD] if row[Col.SOLD] else 0:.2f}",
                "acml_vol": str(row[Col.VOLUME]),
                "cnqn": str(row[Col.SIZE]),
            }
        )
    first = {
        "stck_prpr": str(snapshot.price),
        **change_fields(snapshot),
        "acml_vol": str(snapshot.volume),
        "prdy_vol": str(snapshot.previous_volume),
        "rprs_mrkt_kor_name": market_name(snapshot.listed),
    }
    return ok(output1=first, output2=rows)


def many_prices(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`intstock-multprice`: up to 30 codes in one call (field names from memory of the portal, unverified)."""
    rows: list[dict[str, Any]] = []
    for number in range(1, MANY_PRICES + 1):
        code = request.text(f"FID_INPUT_ISCD_{number}").upper()
        if code not in broker.market.listing:
            continue
        snapshot = take_snapshot(broker.market, code, broker.now_ms)
        change = change_fields(snapshot)
        rows.append(
            {
                "inter_shrn_iscd": code,
                "inter_kor_isnm": snapshot.listed.name,
                "inter2_prpr": str(snapshot.price),
                "inter2_prdy_vrss": change["prdy_vrss"],
                "prdy_vrss_sign": change["prdy_vrss_sign"],
                "prdy_ctrt": change["prdy_ctrt"],
                "acml_vol": str(snapshot.volume),
                "acml_tr_pbmn": str(snapshot.turnover),
                "inter2_oprc": str(snapshot.open),
                "inter2_hgpr": str(snapshot.high),
                "inter2_lwpr": str(snapshot.low),
                "inter2_mxpr": str(snapshot.upper),
                "inter2_llam": str(snapshot.lower),
                "inter2_askp": str(snapshot.ask),
                "inter2_bidp": str(snapshot.bid),
                "inter2_prdy_clpr": str(snapshot.previous_close),
                "inter2_sdpr": str(snapshot.listed.base_price_krw),
            }
        )
    return ok(output=rows)
