"""Lists of an account's orders: all of the day, and those that can still be changed."""

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.orders import Order, OrderKind, OrderStatus, Refused
from jennie_sim.market.hours import hhmmss
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok, refusal
from jennie_sim.protocol.order_calls import ORGANISATION_PAPER, ORGANISATION_REAL
from jennie_sim.protocol.paging import page

TYPE_NAMES = {"00": "지정가", "01": "시장가", "02": "조건부지정가", "03": "최유리지정가", "04": "최우선지정가"}
SIDE_NAMES = {OrderSide.SELL: "매도", OrderSide.BUY: "매수"}


def daily_orders(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-daily-ccld`: every order, revise and cancel of the day as its own row."""
    try:
        broker.exchange.books.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    orders = [order for order in broker.exchange.orders.values() if _wanted(broker, request, order)]
    if request.text("INQR_DVSN", "00") != "01":
        orders.reverse()
    rows, mark, cursors = page(
        request, [_order_row(broker, request, order) for order in orders], 15 if request.is_paper else 100
    )
    filled = sum(order.filled_quantity for order in orders)
    amount = sum(order.filled_amount_krw for order in orders)
    totals = {
        "tot_ord_qty": str(sum(order.quantity for order in orders)),
        "tot_ccld_qty": str(filled),
        "tot_ccld_amt": str(amount),
        "prsm_tlex_smtl": str(sum(fill.fee_krw + fill.tax_krw for order in orders for fill in order.fills)),
        "pchs_avg_pric": f"{amount / filled if filled else 0:.4f}",
    }
    return ok(tr_cont=mark, output1=rows, output2=totals, **cursors)


def _wanted(broker: Broker, request: Request, order: Order) -> bool:
    today = f"{broker.market.day:%Y%m%d}"
    if order.account != request.account or not request.text("INQR_STRT_DT", today) <= today:
        return False
    if today > (request.text("INQR_END_DT") or today):
        return False
    if request.text("EXCG_ID_DVSN_CD") == "NXT":
        return False
    side = request.text("SLL_BUY_DVSN_CD", "00")
    if side in ("01", "02") and (side == "02") != order.is_buy:
        return False
    if request.text("PDNO") not in ("", order.code):
        return False
    if (number := request.text("ODNO").lstrip("0")) and int(number) != order.number:
        return False
    state = request.text("CCLD_DVSN", "00")
    if state == "01":
        return order.filled_quantity > 0
    return state != "02" or (order.is_open)


def _order_row(broker: Broker, request: Request, order: Order) -> dict[str, str]:
    listed = broker.market.listing[order.code]
    organisation = ORGANISATION_PAPER if request.is_paper else ORGANISATION_REAL
    is_open = order.is_open
    left = order.remaining if is_open else 0
    gone = (
        order.status in (OrderStatus.CANCELLED, OrderStatus.REPLACED, OrderStatus.EXPIRED) or order.action == "cancel"
    )
    return {
        "ord_dt": f"{broker.market.day:%Y%m%d}",
        "ord_gno_brno": organisation,
        "odno": f"{order.number:010d}",
        "orgn_odno": f"{order.original_number:010d}" if order.original_number else "",
        "ord_dvsn_name": TYPE_NAMES.get(order.type_code, "기타"),
        "sll_buy_dvsn_cd": "02" if order.is_buy else "01",
        "sll_buy_dvsn_cd_name": SIDE_NAMES[order.side] + {"new": "", "revise": "정정", "cancel": "취소"}[order.action],
        "pdno": order.code,
        "prdt_name": listed.name,
        "ord_qty": str(order.quantity),
        "ord_unpr": str(order.price_krw),
        "ord_tmd": hhmmss(order.accepted_at_ms),
        "tot_ccld_qty": str(order.filled_quantity),
        "avg_prvs": f"{order.average_price_krw:.4f}",
        "cncl_yn": "Y" if gone else "N",
        "tot_ccld_amt": str(order.filled_amount_krw),
        "loan_dt": "",
        "ordr_empno": "",
        "ord_dvsn_cd": order.type_code,
        "cnc_cfrm_qty": str(order.cancelled_quantity),
        "rmn_qty": str(left),
        "rjct_qty": str(order.rejected_quantity),
        "ccld_cndt_name": "없음",
        "inqr_ip_addr": "",
        "cpbc_ordp_ord_rcit_dvsn_cd": "",
        "cpbc_ordp_infm_mthd_dvsn_cd": "",
        "infm_tmd": hhmmss(order.fills[-1].at_ms) if order.fills else "",
        "ctac_tlno": "",
        "prdt_type_cd": "300",
        "excg_dvsn_cd": "01",
        "excg_id_dvsn_cd": "KRX",
        "excg_id_dvsn_Cd": "KRX",
        "ord_orgno": organisation,
        "rsvn_ord_end_dt": "",
        "stpm_cndt_pric": "0",
        "stpm_efct_occr_dtmd": "",
    }


def open_orders(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-psbl-rvsecncl`: what can still be revised or cancelled."""
    try:
        broker.exchange.books.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    side = request.text("INQR_DVSN_2", "0")
    chosen = [
        order
        for order in broker.exchange.open_orders(request.account)
        if side not in ("1", "2") or (side == "2") == order.is_buy
    ]
    rows, mark, cursors = page(request, [_open_row(broker, request, order) for order in chosen], 50)
    return ok(tr_cont=mark, output=rows, **cursors)


def _open_row(broker: Broker, request: Request, order: Order) -> dict[str, str]:
    return {
        "ord_gno_brno": ORGANISATION_PAPER if request.is_paper else ORGANISATION_REAL,
        "odno": f"{order.number:010d}",
        "orgn_odno": f"{order.original_number:010d}" if order.original_number else "",
        "ord_dvsn_name": TYPE_NAMES.get(order.type_code, "기타"),
        "pdno": order.code,
        "prdt_name": broker.market.listing[order.code].name,
        "rvse_cncl_dvsn_name": "정정" if order.action == "revise" else "",
        "ord_qty": str(order.quantity),
        "ord_unpr": str(0 if order.kind is OrderKind.MARKET else order.price_krw),
        "ord_tmd": hhmmss(order.accepted_at_ms),
        "tot_ccld_qty": str(order.filled_quantity),
        "tot_ccld_amt": str(order.filled_amount_krw),
        "psbl_qty": str(order.remaining),
        "sll_buy_dvsn_cd": "02" if order.is_buy else "01",
        "ord_dvsn_cd": order.type_code,
        "mgco_aptm_odno": "",
        "excg_dvsn_cd": "01",
        "excg_id_dvsn_cd": "KRX",
        "excg_id_dvsn_name": "KRX",
        "stpm_cndt_pric": "0",
        "stpm_efct_occr_yn": "",
    }
