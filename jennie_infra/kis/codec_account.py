"""Account calls: balance, orders of the day, open orders."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.orders import AccountBalance, BrokerOrder, Holding
from jennie_infra.kis.codec_rest import (
    RestCall,
    RestReply,
    compact_day,
    day,
    decimal,
    integer,
    optional_decimal,
    optional_integer,
    optional_text,
    order_number,
    text,
)
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import KisMalformedError
from jennie_infra.kis.tr_ids import Function

SIDES = {"01": OrderSide.SELL, "02": OrderSide.BUY}
MARKET_TYPE = "01"
TOLERANCE_RATIO = 0.01


def account_fields(who: Credentials) -> dict[str, str]:
    """CANO and ACNT_PRDT_CD."""
    return {"CANO": who.account_prefix, "ACNT_PRDT_CD": who.account_product}


def balance_call(who: Credentials) -> RestCall:
    """inquire-balance by stock, previous day's trades included."""
    return RestCall(
        Function.BALANCE,
        account_fields(who)
        | {
            "AFHR_FLPR_YN": "N",
            "OFL_YN": "",
            "INQR_DVSN": "02",
            "UNPR_DVSN": "01",
            "FUND_STTL_ICLD_YN": "N",
            "FNCG_AMT_AUTO_RDPT_YN": "N",
            "PRCS_DVSN": "00",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        },
    )


def decode_balance(pages: Iterable[RestReply], orderable: int | None, at: datetime) -> AccountBalance:
    """Cash and holdings; without an orderable amount the settled cash of D+2 stands in for it (R-GW-06)."""
    rows: list[Mapping[str, Any]] = []
    summary: Mapping[str, Any] | None = None
    for page in pages:
        rows.extend(page.rows("output1"))
        found = page.rows("output2")
        summary = found[0] if found else summary
    if summary is None:
        raise KisMalformedError("BROKER-SHAPE", "the balance has no summary (output2)")
    holdings = tuple(_holding(row) for row in rows if integer(row, "hldg_qty") > 0)
    settled = integer(summary, "prvs_rcdl_excc_amt")
    _require_sums(summary, rows, settled)
    return AccountBalance(
        deposit_krw=integer(summary, "dnca_tot_amt"),
        cash_krw=settled,
        orderable_cash_krw=orderable if orderable is not None else settled,
        total_evaluation_krw=integer(summary, "tot_evlu_amt"),
        holdings=holdings,
        inquired_at=at,
    )


def _require_sums(summary: Mapping[str, Any], rows: list[Mapping[str, Any]], settled_krw: int) -> None:
    """A list without its holdings, or cash of zero beside a total that has more than shares, is no reading (drill 12).

    Costs are compared, as values move between two pages. Raises KisMalformedError.
    """
    cost = sum(integer(row, "pchs_amt") for row in rows)
    stated_cost = integer(summary, "pchs_amt_smtl_amt")
    if abs(cost - stated_cost) > TOLERANCE_RATIO * max(cost, stated_cost):
        raise KisMalformedError("BROKER-SHAPE", f"the holdings cost {cost}, the balance's summary says {stated_cost}")
    total, shares = integer(summary, "tot_evlu_amt"), integer(summary, "evlu_amt_smtl_amt")
    # without a CMA amount all of the rest counts as missing cash: the reading is refused, never believed
    beside = total - shares - (optional_integer(summary, "cma_evlu_amt") or 0)
    if settled_krw == 0 and integer(summary, "dnca_tot_amt") == 0 and beside > TOLERANCE_RATIO * total:
        raise KisMalformedError("BROKER-SHAPE", f"no cash, and yet {beside} beside the shares in the balance's total")


def _holding(row: Mapping[str, Any]) -> Holding:
    return Holding(
        stock_code=text(row, "pdno"),
        stock_name=text(row, "prdt_name"),
        quantity=integer(row, "hldg_qty"),
        sellable_quantity=integer(row, "ord_psbl_qty"),
        average_price_krw=decimal(row, "pchs_avg_pric"),
        current_price_krw=integer(row, "prpr"),
        evaluation_krw=integer(row, "evlu_amt"),
    )


def orders_of_day_call(who: Credentials, on: date, venue: str, *, open_only: bool = False) -> RestCall:
    """inquire-daily-ccld of one day, oldest first; `venue` KRX, or ALL where the host knows it."""
    return RestCall(
        Function.ORDERS_OF_DAY,
        account_fields(who)
        | {
            "INQR_STRT_DT": compact_day(on),
            "INQR_END_DT": compact_day(on),
            "SLL_BUY_DVSN_CD": "00",
            "INQR_DVSN": "01",
            "PDNO": "",
            "CCLD_DVSN": "02" if open_only else "00",
            "ORD_GNO_BRNO": "",
            "ODNO": "",
            "INQR_DVSN_3": "00",
            "INQR_DVSN_1": "",
            "EXCG_ID_DVSN_CD": venue,
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        },
    )


def decode_orders(pages: Iterable[RestReply]) -> list[BrokerOrder]:
    """Rows of the order list, oldest first, each order once."""
    orders = {order.order_number: order for page in pages for order in map(_order, page.rows("output1"))}
    return sorted(orders.values(), key=lambda order: (order.ordered_on, order.ordered_time, order.order_number))


def _side(row: Mapping[str, Any]) -> OrderSide:
    found = text(row, "sll_buy_dvsn_cd")
    if found not in SIDES:
        raise KisMalformedError("BROKER-SHAPE", f"sll_buy_dvsn_cd is {found!r}")
    return SIDES[found]


def _order(row: Mapping[str, Any]) -> BrokerOrder:
    cancelled = optional_integer(row, "cnc_cfrm_qty")
    if cancelled is None:
        cancelled = integer(row, "cncl_cfrm_qty")
    return BrokerOrder(
        order_number=order_number(text(row, "odno")),
        original_order_number=order_number(optional_text(row, "orgn_odno")),
        organisation_number=optional_text(row, "ord_gno_brno"),
        stock_code=text(row, "pdno"),
        side=_side(row),
        order_type=OrderType.MARKET if text(row, "ord_dvsn_cd") == MARKET_TYPE else OrderType.LIMIT,
        ordered_on=day(row, "ord_dt"),
        ordered_time=text(row, "ord_tmd"),
        ordered_quantity=integer(row, "ord_qty"),
        order_price_krw=integer(row, "ord_unpr"),
        filled_quantity=integer(row, "tot_ccld_qty"),
        filled_amount_krw=integer(row, "tot_ccld_amt"),
        average_price_krw=decimal(row, "avg_prvs"),
        remaining_quantity=integer(row, "rmn_qty"),
        cancelled_quantity=cancelled,
        rejected_quantity=integer(row, "rjct_qty"),
        is_cancelled=optional_text(row, "cncl_yn").upper() == "Y",
    )


def open_orders_call(who: Credentials) -> RestCall:
    """inquire-psbl-rvsecncl, every side."""
    return RestCall(
        Function.OPEN_ORDERS,
        account_fields(who) | {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0", "CTX_AREA_FK100": "", "CTX_AREA_NK100": ""},
    )


def decode_open_orders(pages: Iterable[RestReply], on: date) -> list[BrokerOrder]:
    """Orders that can still fill, oldest first. The list has no date: its orders are of `on`."""
    orders: dict[str, BrokerOrder] = {}
    for page in pages:
        for row in page.rows("output"):
            quantity, filled = integer(row, "ord_qty"), integer(row, "tot_ccld_qty")
            amount = integer(row, "tot_ccld_amt")
            remaining = integer(row, "psbl_qty")
            average = optional_decimal(row, "avg_prvs")
            if average is None:
                average = amount / filled if filled else 0.0
            found = BrokerOrder(
                order_number=order_number(text(row, "odno")),
                original_order_number=order_number(optional_text(row, "orgn_odno")),
                organisation_number=optional_text(row, "ord_gno_brno"),
                stock_code=text(row, "pdno"),
                side=_side(row),
                order_type=OrderType.MARKET if text(row, "ord_dvsn_cd") == MARKET_TYPE else OrderType.LIMIT,
                ordered_on=on,
                ordered_time=text(row, "ord_tmd"),
                ordered_quantity=quantity,
                order_price_krw=integer(row, "ord_unpr"),
                filled_quantity=filled,
                filled_amount_krw=amount,
                average_price_krw=average,
                remaining_quantity=remaining,
                cancelled_quantity=max(0, quantity - filled - remaining),
                rejected_quantity=0,
                is_cancelled=False,
            )
            orders[found.order_number] = found
    return sorted(orders.values(), key=lambda order: (order.ordered_time, order.order_number))
