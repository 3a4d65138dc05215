"""Quotation calls about who buys and sells."""

from datetime import date
from typing import Any

from jennie_core.domain.enums import Market as Segment
from jennie_sim.market.flows import DayFlow, day_flows
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.snapshot import take_snapshot
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.chart_calls import day_of, summary
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.quote_calls import change_fields, find
from jennie_sim.protocol.trade_record import side_sign

MILLION = 1_000_000
RECENT_DAYS = 30
DETAIL_DAYS = 100
RANKED = 30
GROUPS = ("prsn", "frgn", "orgn")
INSTITUTIONS = ("scrt", "ivtr", "pe_fund", "bank", "insu", "mrbn", "fund")
"""Brokers, trusts, private funds, banks, insurers, merchant banks, pension: parts of the institutions."""
ESTIMATE_SLOTS_MS = tuple((hour * 60 + minute) * MINUTE_MS for hour, minute in
                          ((9, 30), (10, 0), (11, 20), (13, 20), (14, 30)))  # fmt: skip


def investors(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-investor`: 30 sessions newest first; today's figures are blank during the session."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output=[])
    flows = day_flows(broker.market, snapshot.listed.code)
    if not flows:
        return ok(output=[])
    change = change_fields(snapshot)
    today = {
        "stck_bsop_date": f"{broker.market.day:%Y%m%d}",
        "stck_clpr": str(snapshot.price),
        "prdy_vrss": change["prdy_vrss"],
        "prdy_vrss_sign": change["prdy_vrss_sign"],
        **dict.fromkeys((name for who in GROUPS for name in _names(who)), ""),
    }
    return ok(output=[today, *(_day_row(flow) for flow in flows[: RECENT_DAYS - 1])])


def _names(who: str) -> tuple[str, ...]:
    return (
        *(f"{who}_ntby_qty", f"{who}_ntby_tr_pbmn", f"{who}_shnu_vol"),
        *(f"{who}_shnu_tr_pbmn", f"{who}_seln_vol", f"{who}_seln_tr_pbmn"),
    )


def _day_row(flow: DayFlow) -> dict[str, str]:
    row = {
        "stck_bsop_date": f"{flow.day:%Y%m%d}",
        "stck_clpr": str(flow.close_krw),
        "prdy_vrss": str(flow.change_krw),
        "prdy_vrss_sign": side_sign(flow.change_krw),
    }
    for who in GROUPS:
        for name, shares in (("ntby_qty", flow.net(who)), ("shnu_vol", flow.bought(who)), ("seln_vol", flow.sold(who))):
            row[f"{who}_{name}"] = str(shares)
            row[f"{who}_{name.split('_')[0]}_tr_pbmn"] = _millions(shares * flow.close_krw)
    return row


def _millions(amount_krw: int) -> str:
    return str(round(amount_krw / MILLION))


def investors_in_detail(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`investor-trade-by-stock-daily`: newest first from the anchor day, 100 sessions a page.

    The call has no cursor: the same parameters with tr_cont N give the next page.
    """
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2=[])
    code, anchor = snapshot.listed.code, day_of(request.text("FID_INPUT_DATE_1")) or date.max
    bars = {row["date"]: row for row in broker.market.history(code).iter_rows(named=True)}
    flows = [flow for flow in day_flows(broker.market, code) if flow.day <= anchor]
    start = broker.next_page(request)
    rows = [_detail_row(flow, bars[flow.day]) for flow in flows[start : start + DETAIL_DAYS]]
    mark = broker.remember_page(request, start + DETAIL_DAYS if start + DETAIL_DAYS < len(flows) else None)
    return ok(tr_cont=mark, output1=summary(snapshot), output2=rows)


def _detail_row(flow: DayFlow, bar: dict[str, Any]) -> dict[str, str]:
    before = flow.close_krw - flow.change_krw
    row = {
        "stck_bsop_date": f"{flow.day:%Y%m%d}",
        "stck_clpr": str(flow.close_krw),
        "prdy_vrss": str(flow.change_krw),
        "prdy_vrss_sign": side_sign(flow.change_krw),
        "prdy_ctrt": f"{flow.change_krw * 100 / before if before else 0:.2f}",
        "acml_vol": str(flow.volume),
        "acml_tr_pbmn": str(flow.volume * flow.close_krw),
        "stck_oprc": str(bar["open"]),
        "stck_hgpr": str(bar["high"]),
        "stck_lwpr": str(bar["low"]),
        "bold_yn": "N",
    }
    institution = (flow.institution_net, flow.bought("orgn"), flow.sold("orgn"))
    parts = {"frgn": _group(flow, "frgn"), "frgn_reg": _group(flow, "frgn"), "frgn_nreg": (0, 0, 0),
             "prsn": _group(flow, "prsn"), "orgn": institution}  # fmt: skip
    parts |= dict(zip(INSTITUTIONS, _shared_out(institution, len(INSTITUTIONS)), strict=True))
    parts |= dict.fromkeys(("etc", "etc_corp", "etc_orgt"), (0, 0, 0))
    for who, amounts in parts.items():
        for kind, shares in zip(("ntby", "shnu", "seln"), amounts, strict=True):
            suffix = "qty" if kind == "ntby" else "vol"
            row[f"{who}_{kind}_{suffix}"] = str(shares)
            row[f"{who}_{kind}_tr_pbmn"] = _millions(shares * flow.close_krw)
    return row


def _group(flow: DayFlow, who: str) -> tuple[int, int, int]:
    return flow.net(who), flow.bought(who), flow.sold(who)


def _shared_out(amounts: tuple[int, int, int], count: int) -> list[tuple[int, int, int]]:
    """Equal parts with the remainder on the first: the exchange knows the institutions only as one."""
    parts = [[amount // count] * count for amount in amounts]
    for part, amount in zip(parts, amounts, strict=True):
        part[0] += amount - sum(part)
    return [(parts[0][n], parts[1][n], parts[2][n]) for n in range(count)]


def investor_estimate(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`investor-trend-estimate`: five slots of the day; this exchange estimates nothing, so they are zero."""
    if request.text("MKSC_SHRN_ISCD").upper() not in broker.market.listing:
        return ok(output2=[])
    passed = sum(1 for at_ms in ESTIMATE_SLOTS_MS if at_ms <= broker.now_ms)
    zeros = {"frgn_fake_ntby_qty": "0", "orgn_fake_ntby_qty": "0", "sum_fake_ntby_qty": "0"}
    return ok(output2=[{"bsop_hour_gb": str(slot), **zeros} for slot in range(passed, 0, -1)])


def foreign_institution_total(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`foreign-institution-total`: the 30 largest net purchases (or sales) of the session before."""
    segment = {"0001": Segment.KOSPI, "1001": Segment.KOSDAQ}.get(request.text("FID_INPUT_ISCD"))
    by_amount = request.text("FID_DIV_CLS_CODE") == "1"
    sells = request.text("FID_RANK_SORT_CLS_CODE") == "1"
    side = request.text("FID_ETC_CLS_CODE", "0")
    found = []
    for code in _codes_with_flows(broker):
        listed = broker.market.listing.get(code)
        if listed is None or segment not in (None, listed.market):
            continue
        flows = day_flows(broker.market, code)
        if flows and flows[0].day == broker.market.sessions[-2]:
            net = _net_of(flows[0], side)
            found.append((net * (flows[0].close_krw if by_amount else 1), code, flows[0]))
    found.sort(key=lambda row: (row[0] if sells else -row[0], row[1]))
    return ok(output=[_total_row(broker, code, flow, side) for _, code, flow in found[:RANKED]])


def _codes_with_flows(broker: Broker) -> list[str]:
    pack = broker.market.pack
    given: list[str] = pack.flows["code"].unique().sort().to_list()
    return given or (sorted(pack.listing) if pack.meta.simulated else [])


def _net_of(flow: DayFlow, side: str) -> int:
    if side == "1":
        return flow.foreign_net
    if side == "2":
        return flow.institution_net
    return 0 if side == "3" else flow.foreign_net + flow.institution_net


def _total_row(broker: Broker, code: str, flow: DayFlow, side: str) -> dict[str, str]:
    snapshot = take_snapshot(broker.market, code, broker.now_ms)
    row = {
        "hts_kor_isnm": snapshot.listed.name,
        "mksc_shrn_iscd": code,
        "ntby_qty": str(_net_of(flow, side)),
        "stck_prpr": str(snapshot.price),
        **change_fields(snapshot),
        "acml_vol": str(snapshot.volume),
    }
    shares = {"frgn": flow.foreign_net, "orgn": flow.institution_net}
    kinds = [name for name in INSTITUTIONS if name not in ("scrt", "pe_fund")]
    institution = (flow.institution_net, 0, 0)
    shares |= {name: part[0] for name, part in zip(kinds, _shared_out(institution, len(kinds)), strict=True)}
    for name, net in shares.items():
        row[f"{name}_ntby_qty"] = str(net)
        row[f"{name}_ntby_tr_pbmn"] = _millions(net * flow.close_krw)
    for name in ("etc_orgt", "etc_corp"):
        row[f"{name}_ntby_vol"] = "0"
        row[f"{name}_ntby_tr_pbmn"] = "0"
    return row
