"""Quotation calls about one code now: price and status."""

from datetime import date

import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_sim.market.interruption import Interruption
from jennie_sim.market.pack import Listed
from jennie_sim.market.snapshot import Snapshot, take_snapshot
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


def _flag(condition: bool) -> str:
    return "Y" if condition else "N"


def vi_flag(interruption: Interruption | None) -> str:
    """vi_cls_code: Y during a volatility interruption (the auction behind a halt is shown the same way)."""
    return _flag(interruption is not None)


def market_name(listed: Listed) -> str:
    """rprs_mrkt_kor_name; funds are named instead of their market (unverified)."""
    if listed.kind in (AssetKind.ETF, AssetKind.ETN):
        return listed.kind.value
    return {Market.KOSPI: "KOSPI", Market.KOSDAQ: "KOSDAQ", Market.KONEX: "KONEX"}.get(listed.market, "")


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
        return ok(output=dict.fromkeys(_ZERO_FIELDS, "0") | {"stck_shrn_iscd": request.text("FID_INPUT_ISCD")})
    listed = snapshot.listed
    low, low_day, high, high_day = _range_since(broker, snapshot, date.min)
    year_to_date = _range_since(broker, snapshot, broker.market.day.replace(month=1, day=1))
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
        **_extremes("d250", high, high_day, low, low_day, snapshot.price),
        **_extremes("stck_dryy", *year_to_date[2:], *year_to_date[:2], snapshot.price),
        "frgn_hldn_qty": "0",
        "vi_cls_code": vi_flag(snapshot.interruption),
        "ovtm_vi_cls_code": "N",
        "stck_shrn_iscd": listed.code,
        "stck_fcam": "0",
        "cpfn": "0",
        "short_over_yn": _flag(listed.status is ListingStatus.OVERHEATED),
        "sltr_yn": _flag(listed.status is ListingStatus.LIQUIDATION_TRADING),
        "mrkt_warn_cls_code": WARNING_CODES.get(listed.status, "00"),
        "invt_caful_yn": "N",
        "mang_issu_cls_code": _flag(listed.status is ListingStatus.ADMINISTRATIVE),
        **_REST_OF_PRICE,
    }
    return ok(output=output)


_ZERO_FIELDS = (
    *("stck_prpr", "prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_mxpr"),
    *("stck_llam", "stck_sdpr", "acml_vol", "acml_tr_pbmn", "prdy_vrss_vol_rate", "aspr_unit", "per", "pbr", "eps"),
    *("bps", "hts_avls", "lstn_stcn", "w52_hgpr", "w52_lwpr"),
)


_REST_OF_PRICE = {
    "whol_loan_rmnd_rate": "0.00",
    "ssts_yn": "N",
    "last_ssts_cntg_qty": "0",
    "rstc_wdth_prc": "0",
    "stck_sspr": "0",
    "apprch_rate": "0.00",
    "fcam_cnnm": "0",
    "cpfn_cnnm": "0",
    **dict.fromkeys(
        ("pvt_scnd_dmrs_prc", "pvt_frst_dmrs_prc", "pvt_pont_val", "pvt_frst_dmsp_prc", "pvt_scnd_dmsp_prc"), "0"
    ),
    "dmrs_val": "0",
    "dmsp_val": "0",
}
"""Fields the broker sends that this exchange has no figure for."""


def _extremes(prefix: str, high: int, high_day: str, low: int, low_day: str, price: int) -> dict[str, str]:
    """High and low of a period with their days; the distance in per cent is named differently for the year to date."""
    rate = "vrss_prpr_rate"
    short = prefix.removeprefix("stck_")
    return {
        f"{prefix}_hgpr": str(high),
        f"{short}_hgpr_date": high_day,
        f"{short}_hgpr_{rate}": f"{(price - high) * 100 / high:.2f}",
        f"{prefix}_lwpr": str(low),
        f"{short}_lwpr_date": low_day,
        f"{short}_lwpr_{rate}": f"{(price - low) * 100 / low:.2f}",
    }


def _range_since(broker: Broker, snapshot: Snapshot, first: date) -> tuple[int, str, int, str]:
    """Lowest and highest price since a day, of about 52 weeks at most, with their days; the traded day included."""
    today = f"{broker.market.day:%Y%m%d}"
    year = broker.market.history(snapshot.listed.code).tail(250).filter(pl.col("low") > 0, pl.col("date") >= first)
    low, low_day, high, high_day = snapshot.low or snapshot.price, today, snapshot.high or snapshot.price, today
    if year.height:
        low_row, high_row = year.row(int(year["low"].arg_min() or 0)), year.row(int(year["high"].arg_max() or 0))
        if low_row[4] < low:
            low, low_day = low_row[4], f"{low_row[1]:%Y%m%d}"
        if high_row[3] > high:
            high, high_day = high_row[3], f"{high_row[1]:%Y%m%d}"
    return low, low_day, high, high_day


def _comparisons(snapshot: Snapshot) -> dict[str, str]:
    """Open, high and low against the price and against the previous close; zeros before the first trade."""
    fields = {}
    for name, value in (("oprc", snapshot.open), ("hgpr", snapshot.high), ("lwpr", snapshot.low)):
        to_price = snapshot.price - value if value else 0
        to_close = value - snapshot.previous_close if value else 0
        fields[f"stck_{name}"] = str(value)
        fields[f"{name}_vrss_prpr_sign"] = side_sign(to_price)
        fields[f"{name}_vrss_prpr"] = str(to_price)
        fields[f"{name}_vrss_prpr_rate"] = f"{to_price * 100 / value if value else 0:.2f}"
        fields[f"prdy_clpr_vrss_{name}"] = str(to_close)
        fields[f"prdy_clpr_vrss_{name}_sign"] = side_sign(to_close)
        fields[f"prdy_clpr_vrss_{name}_rate"] = f"{to_close * 100 / snapshot.previous_close:.2f}"
    return fields


def price_and_status(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-price-2`: price with status flags."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output={"stck_prpr": "0"})
    listed = snapshot.listed
    ratio = snapshot.volume * 100 / snapshot.previous_volume if snapshot.previous_volume else 0.0
    output = {
        "rprs_mrkt_kor_name": market_name(listed),
        "stck_prpr": str(snapshot.price),
        **change_fields(snapshot),
        "acml_tr_pbmn": str(snapshot.turnover),
        "acml_vol": str(snapshot.volume),
        "prdy_vol": str(snapshot.previous_volume),
        "stck_prdy_clpr": str(snapshot.previous_close),
        "prdy_vrss_vol_rate": f"{ratio:.2f}",
        **_comparisons(snapshot),
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
        "vi_cls_code": vi_flag(snapshot.interruption),
        "mxpr_llam_cls_code": "0",
        "marg_rate": "20.00",
        "crdt_rate": "0.00",
        "crdt_able_yn": _flag(listed.status is ListingStatus.NORMAL),
        "bstp_kor_isnm": listed.sector,
        "ssts_yn": "N",
        "new_lstn_cls_name": "",
        "flng_cls_name": "",
        "revl_issu_reas_name": "",
        "vlnt_deal_cls_name": "",
    }
    return ok(output=output)
