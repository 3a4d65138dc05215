"""Realised results of an account by stock and by day (names of the portal, partly unverified)."""

from datetime import date

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.account import Account
from jennie_sim.exchange.orders import Fill, Refused
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.chart_calls import day_of
from jennie_sim.protocol.message import Reply, Request, ok, refusal
from jennie_sim.protocol.paging import page

ROWS = 50


def profit_by_stock(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-period-trade-profit`: one row per code sold today; the exchange knows no earlier days."""
    try:
        account = broker.exchange.books.account(request.account)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    fills = _fills(broker, request, account)
    codes = sorted({fill.code for fill in fills if fill.side is OrderSide.SELL})
    chosen = [code for code in codes if request.text("PDNO") in ("", code)]
    rows, mark, cursors = page(request, [_stock_row(broker, account, fills, code) for code in chosen], ROWS)
    return ok(tr_cont=mark, output1=rows, output2=_totals(fills), **cursors)


def _fills(broker: Broker, request: Request, account: Account) -> list[Fill]:
    first, last = day_of(request.text("INQR_STRT_DT")) or date.min, day_of(request.text("INQR_END_DT")) or date.max
    if not first <= broker.market.day <= last:
        return []
    orders = broker.exchange.orders
    return [fill for fill in broker.exchange.fills if orders[fill.order_number].account == account.number]


def _stock_row(broker: Broker, account: Account, fills: list[Fill], code: str) -> dict[str, str]:
    sold = [fill for fill in fills if fill.code == code and fill.side is OrderSide.SELL]
    bought = [fill for fill in fills if fill.code == code and fill.side is OrderSide.BUY]
    quantity, amount = sum(fill.quantity for fill in sold), sum(fill.amount_krw for fill in sold)
    profit = sum(fill.realized_pnl_krw - fill.fee_krw - fill.tax_krw for fill in sold)
    cost = amount - sum(fill.realized_pnl_krw for fill in sold)
    position = account.positions.get(code)
    return {
        "trad_dt": f"{broker.market.day:%Y%m%d}",
        "pdno": code,
        "prdt_name": broker.market.listing[code].name,
        "trad_dvsn_name": "현금",
        "loan_dt": "",
        "hldg_qty": str(position.quantity if position else 0),
        "pchs_unpr": f"{cost / quantity:.4f}",
        "buy_qty": str(sum(fill.quantity for fill in bought)),
        "buy_amt": str(sum(fill.amount_krw for fill in bought)),
        "sll_pric": f"{amount / quantity:.4f}",
        "sll_qty": str(quantity),
        "sll_amt": str(amount),
        "rlzt_pfls": str(profit),
        "pfls_rt": f"{profit * 100 / cost if cost else 0:.8f}",
        "fee": str(sum(fill.fee_krw for fill in sold)),
        "tl_tax": str(sum(fill.tax_krw for fill in sold)),
        "loan_int": "0",
    }


def _totals(fills: list[Fill]) -> dict[str, str]:
    sold = [fill for fill in fills if fill.side is OrderSide.SELL]
    bought = [fill for fill in fills if fill.side is OrderSide.BUY]
    fees = [sum(fill.fee_krw for fill in side) for side in (sold, bought)]
    tax = sum(fill.tax_krw for fill in sold)
    amounts = [sum(fill.amount_krw for fill in side) for side in (sold, bought)]
    quantities = [sum(fill.quantity for fill in side) for side in (sold, bought)]
    profit = sum(fill.realized_pnl_krw for fill in sold) - fees[0] - tax
    cost = amounts[0] - sum(fill.realized_pnl_krw for fill in sold)
    return {
        "sll_qty_smtl": str(quantities[0]),
        "sll_tr_amt_smtl": str(amounts[0]),
        "sll_fee_smtl": str(fees[0]),
        "sll_tltx_smtl": str(tax),
        "sll_excc_amt_smtl": str(amounts[0] - fees[0] - tax),
        "buyqty_smtl": str(quantities[1]),
        "buy_tr_amt_smtl": str(amounts[1]),
        "buy_fee_smtl": str(fees[1]),
        "buy_tax_smtl": "0",
        "buy_excc_amt_smtl": str(amounts[1] + fees[1]),
        "tot_qty": str(sum(quantities)),
        "tot_tr_amt": str(sum(amounts)),
        "tot_fee": str(sum(fees)),
        "tot_tltx": str(tax),
        "tot_excc_amt": str(amounts[0] - fees[0] - tax - amounts[1] - fees[1]),
        "tot_rlzt_pfls": str(profit),
        "loan_int": "0",
        "tot_pftrt": f"{profit * 100 / cost if cost else 0:.8f}",
    }
