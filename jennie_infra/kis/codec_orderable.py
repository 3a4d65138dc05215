"""Account calls: what may be bought and sold at the moment."""

from datetime import datetime

from jennie_core.domain.enums import OrderType
from jennie_core.domain.orders import AccountBalance, BuyableCash, SellableShares
from jennie_infra.kis.codec_account import account_fields
from jennie_infra.kis.codec_rest import RestCall, RestReply, integer, optional_integer
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.tr_ids import Function

LIMIT_TYPE, MARKET_TYPE = "00", "01"


def buyable_cash_call(who: Credentials) -> RestCall:
    """inquire-psbl-order without a code: amounts only."""
    return RestCall(
        Function.BUYABLE_CASH,
        account_fields(who)
        | {"PDNO": "", "ORD_UNPR": "0", "ORD_DVSN": "01", "CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"},
    )


def decode_orderable_cash(reply: RestReply) -> int | None:
    """Buying power without margin, else orderable cash (R-GW-06); None when the broker gives neither."""
    row = reply.record("output")
    without_credit = optional_integer(row, "nrcvb_buy_amt")
    return without_credit if without_credit is not None else optional_integer(row, "ord_psbl_cash")


def buyable_call(who: Credentials, code: str, limit_price_krw: int | None) -> RestCall:
    """inquire-psbl-order for one code; without a price as a market order."""
    return RestCall(
        Function.BUYABLE_CASH,
        account_fields(who)
        | {
            "PDNO": code,
            "ORD_UNPR": str(limit_price_krw or 0),
            "ORD_DVSN": LIMIT_TYPE if limit_price_krw else MARKET_TYPE,
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        },
    )


def decode_buyable(reply: RestReply, code: str, order_type: OrderType, at: datetime) -> BuyableCash:
    """Amount, calculation price and quantity without credit. Raises KisMalformedError when one is missing (I4)."""
    row = reply.record("output")
    return BuyableCash(
        stock_code=code,
        order_type=order_type,
        cash_krw=integer(row, "nrcvb_buy_amt"),
        calculation_price_krw=integer(row, "psbl_qty_calc_unpr"),
        quantity=integer(row, "nrcvb_buy_qty"),
        inquired_at=at,
    )


def sellable_call(who: Credentials, code: str) -> RestCall:
    """inquire-psbl-sell."""
    return RestCall(Function.SELLABLE_SHARES, account_fields(who) | {"PDNO": code})


def decode_sellable(reply: RestReply, code: str, at: datetime) -> SellableShares:
    """Held and sellable shares; some documents name the record output1."""
    row = reply.record("output" if "output" in reply.body else "output1")
    return SellableShares(
        stock_code=code,
        held_quantity=integer(row, "cblc_qty"),
        sellable_quantity=integer(row, "ord_psbl_qty"),
        inquired_at=at,
    )


def sellable_of(balance: AccountBalance, code: str) -> SellableShares:
    """The same from the balance, where the host has no call of its own; a code that is not held has none."""
    held = next((holding for holding in balance.holdings if holding.stock_code == code), None)
    return SellableShares(
        stock_code=code,
        held_quantity=held.quantity if held else 0,
        sellable_quantity=held.sellable_quantity if held else 0,
        inquired_at=balance.inquired_at,
    )
