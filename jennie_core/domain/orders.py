"""Orders between executor, gateway and broker."""

from datetime import date
from typing import TypeVar

from pydantic import Field, model_validator

from jennie_core.domain.base import MarketTime, Message, PriceKrw, Quantity, StockCode
from jennie_core.domain.decisions import OrderOutcome
from jennie_core.domain.enums import OrderSide, OrderType

P = TypeVar("P", "OrderRequest", "ReviseRequest")


def _checked_price(request: P) -> P:
    if (request.order_type is OrderType.LIMIT) != (request.limit_price_krw is not None):
        raise ValueError("limit_price_krw is given exactly when order_type is limit")
    return request


class OrderRequest(Message):
    """One order for the gateway (O2): `intent_id` names it for ever, `lease` proves the sender is current."""

    intent_id: str
    lease: int = Field(ge=0)
    stock_code: StockCode
    side: OrderSide
    order_type: OrderType
    quantity: Quantity
    limit_price_krw: PriceKrw | None = None
    deadline_ms: int = Field(
        default=5_000, gt=0, description="real time the gateway may wait before it is refused unsent"
    )

    @model_validator(mode="after")
    def _price_matches_type(self) -> "OrderRequest":
        return _checked_price(self)


class CancelRequest(Message):
    """Cancel the whole remainder of an accepted order."""

    intent_id: str = Field(description="intent of the order to cancel")
    lease: int = Field(ge=0)
    order_number: str
    organisation_number: str = ""
    stock_code: StockCode


class ReviseRequest(Message):
    """Give the whole remainder of a working order another price (정정).

    The broker books it as a new order with a number of its own, and the old number is dead. Only the whole remainder:
    a partial revision would leave two live orders for one intent (drill 7). `revision` counts the changes of one
    intent from 1; a repeated number returns what came of it before (O2).
    """

    intent_id: str = Field(description="intent of the order to revise")
    revision: int = Field(ge=1, le=999)
    lease: int = Field(ge=0)
    side: OrderSide
    stock_code: StockCode
    order_number: str = Field(description="the number that is alive, or an earlier one of the same intent")
    organisation_number: str = ""
    order_type: OrderType = OrderType.LIMIT
    limit_price_krw: PriceKrw | None = None
    deadline_ms: int = Field(
        default=5_000, gt=0, description="real time the gateway may wait before it is refused unsent"
    )

    @model_validator(mode="after")
    def _price_matches_type(self) -> "ReviseRequest":
        return _checked_price(self)


class OrderReply(Message):
    """The gateway's answer; `repeated` tells that the stored outcome of an earlier call was returned."""

    intent_id: str
    outcome: OrderOutcome = Field(discriminator="kind")
    repeated: bool = False
    sent_at_us: int | None = Field(default=None, description="real clock, when the bytes left for the broker")


class BrokerOrder(Message):
    """One row of the broker's order list of the day (inquire-daily-ccld)."""

    order_number: str
    original_order_number: str = ""
    organisation_number: str = Field(default="", description="needed to cancel it (KRX_FWDG_ORD_ORGNO)")
    stock_code: StockCode
    side: OrderSide
    order_type: OrderType
    ordered_on: date
    ordered_time: str = Field(description="HHMMSS")
    ordered_quantity: int = Field(ge=0)
    order_price_krw: int = Field(ge=0, description="0 for a market order")
    filled_quantity: int = Field(ge=0)
    filled_amount_krw: int = Field(ge=0)
    average_price_krw: float = Field(ge=0)
    remaining_quantity: int = Field(ge=0)
    cancelled_quantity: int = Field(ge=0)
    rejected_quantity: int = Field(ge=0)
    is_cancelled: bool


class ExecutionNotice(Message):
    """One order or execution notice of the broker (체결통보), decrypted and decoded.

    `is_execution` separates a fill from an order/revise/cancel/reject notice. KIS gives no execution id: within an
    order, `notice_key` is built by the gateway from order number, time, quantity, price and the position among equal
    ones of the session, so that a delivery repeated after a reconnect has the same key. `repetition` is that position:
    above 0 nobody can tell a second execution from a second delivery, only the order list can.
    """

    notice_key: str
    repetition: int = Field(default=0, ge=0)
    order_number: str
    original_order_number: str = ""
    stock_code: StockCode
    side: OrderSide
    is_execution: bool
    is_rejected: bool = False
    is_cancel_confirmation: bool = False
    quantity: int = Field(ge=0)
    price_krw: int = Field(ge=0)
    order_quantity: int = Field(ge=0)
    exchange_at: MarketTime
    received_us: int


class Holding(Message):
    """One position as the broker reports it (잔고)."""

    stock_code: StockCode
    stock_name: str
    quantity: int = Field(ge=0)
    sellable_quantity: int = Field(ge=0)
    average_price_krw: float = Field(ge=0)
    current_price_krw: int = Field(ge=0)
    evaluation_krw: int = Field(ge=0)


class BuyableCash(Message):
    """What the broker lets this account buy of one code, without credit (매수가능금액).

    A market buy is calculated at the upper price limit, not at the last price (protocol sheet, fact 8).
    """

    stock_code: StockCode
    order_type: OrderType
    cash_krw: int = Field(ge=0)
    calculation_price_krw: int = Field(ge=0)
    quantity: int = Field(ge=0)
    inquired_at: MarketTime


class SellableShares(Message):
    """How many shares of a code are held and how many of them no open order has taken (매도가능수량)."""

    stock_code: StockCode
    held_quantity: int = Field(ge=0)
    sellable_quantity: int = Field(ge=0)
    inquired_at: MarketTime


class AccountBalance(Message):
    """The broker's account at one instant; every figure is the broker's own (R-GW-06)."""

    deposit_krw: int = Field(description="deposit before settlement of the last two sessions (예수금)")
    cash_krw: int = Field(
        description="cash after settlement, D+2 (예수금 D+2): with the holdings' value it makes the total"
    )
    orderable_cash_krw: int = Field(description="buying power without margin")
    total_evaluation_krw: int
    holdings: tuple[Holding, ...]
    inquired_at: MarketTime
