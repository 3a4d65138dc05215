"""Which path and transaction id (tr_id) a function has, by mode and generation of ids (protocol sheet, section 2.1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from jennie_core.domain.enums import Mode

PREFIX = "/uapi/domestic-stock/v1/"
Generation = Literal["new", "old"]


class Function(StrEnum):
    """What the gateway asks of the broker over REST."""

    QUOTE = "quote"
    ORDER_BOOK = "order_book"
    DAILY_BARS = "daily_bars"
    MINUTE_BARS = "minute_bars"
    PAST_MINUTE_BARS = "past_minute_bars"
    PRICES = "prices"
    INVESTOR_FLOWS = "investor_flows"
    INDEX = "index"
    INDEX_BARS = "index_bars"
    SESSION_DAYS = "session_days"
    BUY = "buy"
    SELL = "sell"
    REVISE = "revise"
    CANCEL = "cancel"
    BUYABLE_CASH = "buyable_cash"
    SELLABLE_SHARES = "sellable_shares"
    BALANCE = "balance"
    ORDERS_OF_DAY = "orders_of_day"
    OPEN_ORDERS = "open_orders"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the catalogue. `paper` is None where the mock-trading host does not offer the call."""

    method: Literal["GET", "POST"]
    path: str
    real: str
    paper: str | None
    old_real: str | None = None
    old_paper: str | None = None


ENDPOINTS: dict[Function, Endpoint] = {
    Function.QUOTE: Endpoint("GET", "quotations/inquire-price", "FHKST01010100", "FHKST01010100"),
    Function.ORDER_BOOK: Endpoint("GET", "quotations/inquire-asking-price-exp-ccn", "FHKST01010200", "FHKST01010200"),
    Function.DAILY_BARS: Endpoint("GET", "quotations/inquire-daily-itemchartprice", "FHKST03010100", "FHKST03010100"),
    Function.MINUTE_BARS: Endpoint("GET", "quotations/inquire-time-itemchartprice", "FHKST03010200", "FHKST03010200"),
    Function.PAST_MINUTE_BARS: Endpoint(
        "GET", "quotations/inquire-time-dailychartprice", "FHKST03010230", "FHKST03010230"
    ),
    Function.PRICES: Endpoint("GET", "quotations/intstock-multprice", "FHKST11300006", None),
    Function.INVESTOR_FLOWS: Endpoint("GET", "quotations/inquire-investor", "FHKST01010900", "FHKST01010900"),
    Function.INDEX: Endpoint("GET", "quotations/inquire-index-price", "FHPUP02100000", None),
    Function.INDEX_BARS: Endpoint("GET", "quotations/inquire-daily-indexchartprice", "FHKUP03500100", "FHKUP03500100"),
    Function.SESSION_DAYS: Endpoint("GET", "quotations/chk-holiday", "CTCA0903R", None),
    Function.BUY: Endpoint("POST", "trading/order-cash", "TTTC0012U", "VTTC0012U", "TTTC0802U", "VTTC0802U"),
    Function.SELL: Endpoint("POST", "trading/order-cash", "TTTC0011U", "VTTC0011U", "TTTC0801U", "VTTC0801U"),
    Function.REVISE: Endpoint("POST", "trading/order-rvsecncl", "TTTC0013U", "VTTC0013U", "TTTC0803U", "VTTC0803U"),
    Function.CANCEL: Endpoint("POST", "trading/order-rvsecncl", "TTTC0013U", "VTTC0013U", "TTTC0803U", "VTTC0803U"),
    Function.BUYABLE_CASH: Endpoint("GET", "trading/inquire-psbl-order", "TTTC8908R", "VTTC8908R"),
    Function.SELLABLE_SHARES: Endpoint("GET", "trading/inquire-psbl-sell", "TTTC8408R", None),
    Function.BALANCE: Endpoint("GET", "trading/inquire-balance", "TTTC8434R", "VTTC8434R"),
    Function.ORDERS_OF_DAY: Endpoint(
        "GET", "trading/inquire-daily-ccld", "TTTC0081R", "VTTC0081R", "TTTC8001R", "VTTC8001R"
    ),
    Function.OPEN_ORDERS: Endpoint("GET", "trading/inquire-psbl-rvsecncl", "TTTC0084R", None, "TTTC8036R", None),
}

QUOTATIONS = frozenset(function for function, row in ENDPOINTS.items() if row.path.startswith("quotations/"))
"""Calls that name no account: in paper mode a real key may answer them."""

ORDER_FUNCTIONS = frozenset({Function.BUY, Function.SELL, Function.REVISE, Function.CANCEL})

TRADE_FEED = "H0STCNT0"
BOOK_FEED = "H0STASP0"
NOTICE_FEED = {Mode.REHEARSAL: "H0STCNI0", Mode.PAPER: "H0STCNI9", Mode.LIVE: "H0STCNI0"}


class NotOfferedError(LookupError):
    """The mode's host has no such call; see capabilities.py for the substitute."""


def tr_id(function: Function, mode: Mode, generation: Generation = "new") -> str:
    """The transaction id; raises NotOfferedError. A rehearsal speaks as the real host does."""
    row = ENDPOINTS[function]
    if mode is Mode.PAPER:
        found = (row.old_paper if generation == "old" else None) or row.paper
    else:
        found = (row.old_real if generation == "old" else None) or row.real
    if found is None:
        raise NotOfferedError(f"{function.value} is not offered in {mode.value} mode")
    return found


def path(function: Function) -> str:
    """Path below the host."""
    return PREFIX + ENDPOINTS[function].path
