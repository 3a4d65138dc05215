"""Order, revise and cancel requests, and what their replies prove (drills 1 and 2)."""

from typing import Any

from jennie_core.domain.decisions import Accepted, OrderOutcome, Refused, Unknown
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.orders import OrderRequest, ReviseRequest
from jennie_infra.kis.codec_account import account_fields
from jennie_infra.kis.codec_rest import RestCall, order_number
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import FailureClass, classify
from jennie_infra.kis.tr_ids import Function

LIMIT_CODE = "00"
MARKET_CODE = "01"
VENUE = "KRX"


def order_call(who: Credentials, order: OrderRequest) -> RestCall:
    """order-cash: limit (00) or market (01, price 0), on KRX."""
    is_limit = order.order_type is OrderType.LIMIT
    fields = account_fields(who) | {
        "PDNO": order.stock_code,
        "ORD_DVSN": LIMIT_CODE if is_limit else MARKET_CODE,
        "ORD_QTY": str(order.quantity),
        "ORD_UNPR": str(order.limit_price_krw) if is_limit else "0",
        "EXCG_ID_DVSN_CD": VENUE,
    }
    if order.side is OrderSide.SELL:
        return RestCall(Function.SELL, fields | {"SLL_TYPE": "01"})
    return RestCall(Function.BUY, fields)


def revise_call(who: Credentials, request: ReviseRequest, number: str, organisation_number: str) -> RestCall:
    """order-rvsecncl: another price for the whole remainder of order `number`; the broker gives it a new number."""
    is_limit = request.order_type is OrderType.LIMIT
    return RestCall(
        Function.REVISE,
        account_fields(who)
        | {
            "KRX_FWDG_ORD_ORGNO": organisation_number,
            "ORGN_ODNO": order_number(number),
            "ORD_DVSN": LIMIT_CODE if is_limit else MARKET_CODE,
            "RVSE_CNCL_DVSN_CD": "01",
            "ORD_QTY": "0",
            "ORD_UNPR": str(request.limit_price_krw) if is_limit else "0",
            "QTY_ALL_ORD_YN": "Y",
            "EXCG_ID_DVSN_CD": VENUE,
        },
    )


def cancel_call(who: Credentials, number: str, organisation_number: str) -> RestCall:
    """order-rvsecncl: the whole remainder of order `number` (R-GW-09)."""
    return RestCall(
        Function.CANCEL,
        account_fields(who)
        | {
            "KRX_FWDG_ORD_ORGNO": organisation_number,
            "ORGN_ODNO": order_number(number),
            "ORD_DVSN": LIMIT_CODE,
            "RVSE_CNCL_DVSN_CD": "02",
            "ORD_QTY": "0",
            "ORD_UNPR": "0",
            "QTY_ALL_ORD_YN": "Y",
            "EXCG_ID_DVSN_CD": VENUE,
        },
    )


def decode_order_reply(status: int, body: Any) -> OrderOutcome:
    """Accepted with a number, Refused where the code proves that nothing was placed, else Unknown.

    A rate limit or a dead token stops the request before the ledger, so these are refusals. A fault or a code that is
    not in the table proves nothing.
    """
    failure = classify(status, body)
    if failure is None:
        return _accepted(body)
    if failure.failure in (FailureClass.REFUSED, FailureClass.RATE_LIMIT, FailureClass.TOKEN_DEAD):
        return Refused(rule=failure.rule, code=failure.code, text=failure.text)
    return Unknown(reason=f"{failure.rule}: {failure.code or 'no code'} {failure.text}".strip())


def _accepted(body: dict[str, Any]) -> OrderOutcome:
    output = body.get("output")
    if not isinstance(output, dict):
        return Unknown(reason="accepted without output")
    fields = {str(name).upper(): str(value or "").strip() for name, value in output.items()}
    number = order_number(fields.get("ODNO", ""))
    if not number:
        return Unknown(reason="accepted without an order number")
    return Accepted(
        order_number=number,
        organisation_number=fields.get("KRX_FWDG_ORD_ORGNO", ""),
        accepted_time=fields.get("ORD_TMD", ""),
    )
