"""What an account may ask: buying power, sellable shares, balance."""

from typing import Any

from jennie_core.krx.costs import commission_krw
from jennie_sim.exchange.account import Account, Position
from jennie_sim.exchange.orders import Refused
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok, refusal
from jennie_sim.protocol.paging import page

MARKET_TYPES = ("01", "13", "14")
"""ORD_DVSN of market orders: of the day, IOC, FOK."""


def buyable(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-psbl-order`: a market order counts at the upper price limit."""
    try:
        account = broker.exchange.books.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    cash, code = max(0, account.orderable_krw), request.text("PDNO")
    price = max(0, request.number("ORD_UNPR") or 0)
    if code in broker.market.listing:
        if request.text("ORD_DVSN") in MARKET_TYPES:
            price = broker.market.limits(code).upper_krw
        elif price == 0:
            price = broker.market.last_price(code, broker.now_ms)
    quantity = largest_quantity(cash, price, broker.exchange.books.commission_ratio)
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
        account = broker.exchange.books.account(request.account)
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
        account = broker.exchange.books.account(request.account)
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
