"""Quotation calls about one code now: price, status, order book, last trades."""

from typing import Any

import polars as pl

from jennie_core.domain.enums import ListingStatus, Market
from jennie_sim.market.book import DEPTH_LEVELS
from jennie_sim.market.hours import hhmmss
from jennie_sim.market.pack import Listed
from jennie_sim.market.snapshot import Snapshot, take_snapshot
from jennie_sim.market.tape import Col
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.trade_record import price_sign, side_sign

STATUS_CODES = {
    ListingStatus.NORMAL: "55",
    ListingStatus.ADMINISTRATIVE: "51",
    ListingStatus.INVESTMENT_RISK: "52",
    ListingStatus.INVESTMENT_WARNING: "53",
    ListingStatus.HALTED: "58",
    ListingStatus.OVERHEATED: "59",
    ListingStatus.LIQUIDATION_TRADING: "57",
}
"""iscd_stat_cls_code; partly unverified."""
WARNING_CODES = {ListingStatus.INVESTMENT_WARNING: "02", ListingStatus.INVESTMENT_RISK: "03"}
RECENT_TRADES = 30
MANY_PRICES = 30


def _flag(condition: bool) -> str:
    return "Y" if condition else "N"


def market_name(listed: Listed) -> str:
    """rprs_mrkt_kor_name."""
    return {Market.KOSPI: "KOSPI", Market.KOSDAQ: "KSQ150", Market.KONEX: "KONEX"}.get(listed.market, "")


def find(broker: Broker, request: Request) -> Snapshot | None:
    """The snapshot of the asked code; None for an unknown one."""
    code = request.text("FID_INPUT_ISCD").upper()
    return take_snapshot(broker.market, code, broker.now_ms) if code in broker.market.listing else None


def change_fields(snapshot: Snapshot) -> dict[str, str]:
    """prdy_vrss, its sign and per cent."""
    return {
        "prdy_vrss": str(snapshot.change),
        "prdy_vrss_sign": price_sign(snapshot.change, snapshot.price, snapshot.upper, snapshot.lower),
        "prdy_ctrt": f"{snapshot.change_pct:.2f}",
    }


def price(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-price`. An unknown code gets zeros and blank names, not an error."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output={name: "0" for name in _ZERO_FIELDS} | {"stck_shrn_iscd": request.text("FID_INPUT_ISCD")})
    listed = snapshot.listed
    low, low_day, high, high_day = _year_range(broker, listed.code, snapshot)
    shares = listed.listed_shares or 0
    average = snapshot.turnover / snapshot.volume if snapshot.volume else 0.0
    ratio = snapshot.volume * 100 / snapshot.previous_volume if snapshot.previous_volume else 0.0
    output = {
        "iscd_stat_cls_code": "58" if snapshot.halted else STATUS_CODES[listed.status],
        "marg_rate": "20.00",
        "rprs_mrkt_kor_name": market_name(listed),
        "new_hgpr_lwpr_cls_code": "",
        "bstp_kor_isnm": listed.sector,
        "temp_stop_yn": _flag(snapshot.halted),
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "crdt_able_yn": _flag(listed.status is ListingStatus.NORMAL),
        "grmn_rate_cls_code": "40",
        "elw_pblc_yn": "N",
        "stck_prpr": str(snapshot.price),
        **change_fields(snapshot),
        "acml_tr_pbmn": str(snapshot.turnover),
        "acml_vol": str(snapshot.volume),
        "prdy_vrss_vol_rate": f"{ratio:.2f}",
        "stck_oprc": str(snapshot.open),
        "stck_hgpr": str(snapshot.high),
        "stck_lwpr": str(snapshot.low),
        "stck_mxpr": str(snapshot.upper),
        "stck_llam": str(snapshot.lower),
        "stck_sdpr": str(listed.base_price_krw),
        "wghn_avrg_stck_prc": f"{average:.2f}",
        "hts_frgn_ehrt": "0.00",
        "frgn_ntby_qty": "0",
        "pgtr_ntby_qty": "0",
        "aspr_unit": str(snapshot.tick),
        "hts_deal_qty_unit_val": "1",
        "lstn_stcn": str(shares),
        "hts_avls": str(snapshot.price * shares // 100_000_000),
        "per": "0.00",
        "pbr": "0.00",
        "eps": "0.00",
        "bps": "0.00",
        "stac_month": "12",
        "vol_tnrt": f"{snapshot.volume * 100 / shares if shares else 0:.2f}",
        "w52_hgpr": str(high),
        "w52_hgpr_vrss_prpr_ctrt": f"{(snapshot.price - high) * 100 / high:.2f}",
        "w52_hgpr_date": high_day,
        "w52_lwpr": str(low),
        "w52_lwpr_vrss_prpr_ctrt": f"{(snapshot.price - low) * 100 / low:.2f}",
        "w52_lwpr_date": low_day,
        "d250_hgpr": str(high),
        "d250_hgpr_date": high_day,
        "d250_lwpr": str(low),
        "d250_lwpr_date": low_day,
        "frgn_hldn_qty": "0",
        "vi_cls_code": "N",
        "ovtm_vi_cls_code": "N",
        "stck_shrn_iscd": listed.code,
        "stck_fcam": "0",
        "cpfn": "0",
        "short_over_yn": _flag(listed.status is ListingStatus.OVERHEATED),
        "sltr_yn": _flag(listed.status is ListingStatus.LIQUIDATION_TRADING),
        "mrkt_warn_cls_code": WARNING_CODES.get(listed.status, "00"),
        "invt_caful_yn": "N",
        "mang_issu_cls_code": _flag(listed.status is ListingStatus.ADMINISTRATIVE),
    }
    return ok(output=output)


_ZERO_FIELDS = (
    "stck_prpr", "prdy_vrss", "prdy_ctrt", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_mxpr", "stck_llam", "stck_sdpr",
    "acml_vol", "acml_tr_pbmn", "aspr_unit", "per", "pbr", "eps", "bps", "hts_avls", "lstn_stcn", "w52_hgpr", "w52_lwpr",
    "prdy_vrss_sign", "prdy_vrss_vol_rate",
)  # fmt: skip


def _year_range(broker: Broker, code: str, snapshot: Snapshot) -> tuple[int, str, int, str]:
    """Lowest and highest price of about 52 weeks with their days, the traded day included."""
    today = f"{broker.market.day:%Y%m%d}"
    year = broker.market.history(code).tail(250).filter(pl.col("low") > 0)
    low, low_day, high, high_day = snapshot.low or snapshot.price, today, snapshot.high or snapshot.price, today
    if year.height:
        low_row, high_row = year.row(int(year["low"].arg_min() or 0)), year.row(int(year["high"].arg_max() or 0))
        if low_row[4] < low:
            low, low_day = low_row[4], f"{low_row[1]:%Y%m%d}"
        if high_row[3] > high:
            high, high_day = high_row[3], f"{high_row[1]:%Y%m%d}"
    return low, low_day, high, high_day


def price_and_status(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-price-2`: price with status flags."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output={"stck_prpr": "0"})
    listed = snapshot.listed
    from_open = snapshot.price - snapshot.open if snapshot.open else 0
    output = {
        "rprs_mrkt_kor_name": market_name(listed),
        "stck_prpr": str(snapshot.price),
        **change_fields(snapshot),
        "acml_tr_pbmn": str(snapshot.turnover),
        "acml_vol": str(snapshot.volume),
        "prdy_vol": str(snapshot.previous_volume),
        "stck_prdy_clpr": str(snapshot.previous_close),
        "stck_oprc": str(snapshot.open),
        "oprc_vrss_prpr_sign": side_sign(from_open),
        "oprc_vrss_prpr": str(from_open),
        "stck_hgpr": str(snapshot.high),
        "stck_lwpr": str(snapshot.low),
        "stck_mxpr": str(snapshot.upper),
        "stck_llam": str(snapshot.lower),
        "stck_sdpr": str(listed.base_price_krw),
        "aspr_unit": str(snapshot.tick),
        "trht_yn": _flag(snapshot.halted),
        "mang_issu_yn": _flag(listed.status is ListingStatus.ADMINISTRATIVE),
        "sltr_yn": _flag(listed.status is ListingStatus.LIQUIDATION_TRADING),
        "mrkt_warn_cls_code": WARNING_CODES.get(listed.status, "00"),
        "mrkt_warn_cls_name": {"02": "투자경고", "03": "투자위험"}.get(WARNING_CODES.get(listed.status, ""), ""),
        "short_over_cls_code": "1" if listed.status is ListingStatus.OVERHEATED else "0",
        "short_over_yn": _flag(listed.status is ListingStatus.OVERHEATED),
        "stange_runup_yn": "N",
        "ssts_hot_yn": "N",
        "low_current_yn": "N",
        "vi_cls_code": "N",
        "mxpr_llam_cls_code": "0",
        "crdt_rate": "0.00",
        "new_lstn_cls_name": "",
        "flng_cls_name": "",
        "revl_issu_reas_name": "",
        "vlnt_deal_cls_name": "",
    }
    return ok(output=output)


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
    first["new_mkop_cls_code"] = "20"
    second = {
        "antc_mkop_cls_code": "112",
        "stck_prpr": str(snapshot.price),
        "stck_oprc": str(snapshot.open),
        "stck_hgpr": str(snapshot.high),
        "stck_lwpr": str(snapshot.low),
        "stck_sdpr": str(snapshot.listed.base_price_krw),
        "antc_cnpr": "0",
        "antc_cntg_vrss_sign": "3",
        "antc_cntg_vrss": "0",
        "antc_cntg_prdy_ctrt": "0.00",
        "antc_vol": "0",
        "stck_shrn_iscd": code,
        "vi_cls_code": "N",
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
