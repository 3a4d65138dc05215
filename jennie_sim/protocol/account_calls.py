"""What an account may ask: buying power, sellable shares, balance, orders of the day."""

from typing import Any

from jennie_core.domain.enums import OrderSide
from jennie_core.krx.costs import commission_krw
from jennie_sim.exchange.account import Account, Position
from jennie_sim.exchange.orders import Order, OrderKind, OrderStatus, Refused
from jennie_sim.market.hours import hhmmss
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok, refusal
from jennie_sim.protocol.order_calls import ORGANISATION_PAPER, ORGANISATION_REAL
from jennie_sim.protocol.paging import page

TYPE_NAMES = {"00": "지정가", "01": "시장가", "02": "조건부지정가", "03": "최유리지정가", "04": "최우선지정가"}
SIDE_NAMES = {OrderSide.SELL: "매도", OrderSide.BUY: "매수"}


def buyable(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-psbl-order`: a market order counts at the upper price limit."""
    try:
        account = broker.exchange.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    cash, code = max(0, account.orderable_krw), request.text("PDNO")
    price = max(0, request.number("ORD_UNPR") or 0)
    if code in broker.market.listing:
        if request.text("ORD_DVSN") == "01":
            price = broker.market.limits(code).upper_krw
        elif price == 0:
            price = broker.market.last_price(code, broker.now_ms)
    quantity = largest_quantity(cash, price, broker.exchange.commission_ratio)
    amount = quantity * price if price else cash
    output = {
        "ord_psbl_cash": str(cash),
        "ord_psbl_sbst": "0",
        "ruse_psbl_amt": str(account.sold_today_krw),
        "fund_rpch_chgs": "0",
        "psbl_qty_calc_unpr": str(price),
        "nrcvb_buy_amt": str(amount),
        "nrcvb_buy_qty": str(quantity),
        "max_buy_amt": str(amount),
        "max_buy_qty": str(quantity),
        "cma_evlu_amt": "0",
        "ovrs_re_use_amt_wcrc": "0",
        "ord_psbl_frcr_amt_wcrc": "0",
    }
    return ok(output=output)


def largest_quantity(cash_krw: int, price_krw: int, commission_ratio: float) -> int:
    """Shares that cash can pay for, commission included."""
    if price_krw <= 0:
        return 0
    quantity = cash_krw // price_krw
    while quantity and quantity * price_krw + commission_krw(quantity * price_krw, commission_ratio) > cash_krw:
        quantity -= 1
    return quantity


def sellable(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-psbl-sell`."""
    try:
        account = broker.exchange.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    code = request.text("PDNO")
    position = account.positions.get(code) or Position(code)
    worth = _worth(broker, position) if code in broker.market.listing else {}
    output = {
        "pdno": code,
        "prdt_name": broker.market.listing[code].name if code in broker.market.listing else "",
        "buy_qty": str(position.bought_today),
        "sll_qty": str(position.sold_today),
        "cblc_qty": str(position.quantity),
        "nsvg_qty": "0",
        "ord_psbl_qty": str(position.sellable),
        "pchs_avg_pric": f"{float(position.average_price):.4f}",
        "pchs_amt": str(position.cost_krw),
        "now_pric": worth.get("prpr", "0"),
        "evlu_amt": worth.get("evlu_amt", "0"),
        "evlu_pfls_amt": worth.get("evlu_pfls_amt", "0"),
        "evlu_pfls_rt": worth.get("evlu_pfls_rt", "0.00"),
    }
    return ok(output=output)


def balance(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-balance`: positions, sold-out ones of today as zero rows; output2 is a list of one."""
    try:
        account = broker.exchange.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    shown = sorted(
        (row for row in account.positions.values() if row.quantity or row.bought_today or row.sold_today),
        key=lambda row: row.code,
    )
    rows, mark, cursors = page(request, [_holding(broker, row) for row in shown], 20 if request.is_paper else 50)
    return ok(tr_cont=mark, output1=rows, output2=[_totals(broker, account)], **cursors)


def _worth(broker: Broker, position: Position) -> dict[str, str]:
    price = broker.market.last_price(position.code, broker.now_ms)
    base = broker.market.listing[position.code].base_price_krw
    value, cost = price * position.quantity, position.cost_krw
    rate = (value - cost) * 100 / cost if cost else 0.0
    return {
        "prpr": str(price),
        "evlu_amt": str(value),
        "evlu_pfls_amt": str(value - cost),
        "evlu_pfls_rt": f"{rate:.2f}",
        "evlu_erng_rt": f"{rate:.8f}",
        "fltt_rt": f"{(price - base) * 100 / base:.8f}",
        "bfdy_cprs_icdc": str(price - base),
    }


def _holding(broker: Broker, position: Position) -> dict[str, Any]:
    return {
        "pdno": position.code,
        "prdt_name": broker.market.listing[position.code].name,
        "trad_dvsn_name": "현금",
        "bfdy_buy_qty": "0",
        "bfdy_sll_qty": "0",
        "thdt_buyqty": str(position.bought_today),
        "thdt_sll_qty": str(position.sold_today),
        "hldg_qty": str(position.quantity),
        "ord_psbl_qty": str(position.sellable),
        "pchs_avg_pric": f"{float(position.average_price):.4f}",
        "pchs_amt": str(position.cost_krw),
        **_worth(broker, position),
        "loan_dt": "",
        "loan_amt": "0",
        "stln_slng_chgs": "0",
        "expd_dt": "",
        "item_mgna_rt_name": "",
        "grta_rt_name": "",
        "sbst_pric": "0",
        "stck_loan_unpr": "0.0000",
    }


def _totals(broker: Broker, account: Account) -> dict[str, str]:
    held = [position for position in account.positions.values() if position.quantity]
    cost = sum(position.cost_krw for position in held)
    value = sum(broker.market.last_price(position.code, broker.now_ms) * position.quantity for position in held)
    before = account.opening_cash_krw + sum(
        broker.market.listing[position.code].base_price_krw * position.carried_quantity
        for position in account.positions.values()
    )
    total = account.cash_krw + value
    return {
        "dnca_tot_amt": str(account.settled_krw(0)),
        "nxdy_excc_amt": str(account.settled_krw(1)),
        "prvs_rcdl_excc_amt": str(account.settled_krw(2)),
        "cma_evlu_amt": "0",
        "bfdy_buy_amt": "0",
        "thdt_buy_amt": str(account.bought_today_krw),
        "nxdy_auto_rdpt_amt": "0",
        "bfdy_sll_amt": "0",
        "thdt_sll_amt": str(account.sold_today_krw),
        "d2_auto_rdpt_amt": "0",
        "bfdy_tlex_amt": "0",
        "thdt_tlex_amt": str(account.fees_krw + account.taxes_krw),
        "tot_loan_amt": "0",
        "scts_evlu_amt": str(value),
        "tot_evlu_amt": str(total),
        "nass_amt": str(total),
        "fncg_gld_auto_rdpt_yn": "",
        "pchs_amt_smtl_amt": str(cost),
        "evlu_amt_smtl_amt": str(value),
        "evlu_pfls_smtl_amt": str(value - cost),
        "tot_stln_slng_chgs": "0",
        "bfdy_tot_asst_evlu_amt": str(before),
        "asst_icdc_amt": str(total - before),
        "asst_icdc_erng_rt": f"{(total - before) * 100 / before if before else 0:.8f}",
    }


def daily_orders(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-daily-ccld`: every order, revise and cancel of the day as its own row."""
    try:
        broker.exchange.account(request.account)
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
    return state != "02" or (order.is_working and order.remaining > 0)


def _order_row(broker: Broker, request: Request, order: Order) -> dict[str, str]:
    listed = broker.market.listing[order.code]
    organisation = ORGANISATION_PAPER if request.is_paper else ORGANISATION_REAL
    is_open = order.is_working and order.remaining > 0
    left = order.remaining if is_open else 0
    gone = order.status in (OrderStatus.CANCELLED, OrderStatus.REPLACED, OrderStatus.EXPIRED) or order.action == "cancel"
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
        broker.exchange.account(request.account)
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
