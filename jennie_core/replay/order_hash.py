"""The order hash: two runs of a day are the same run when their orders are (decision 0001, R-QNT-80)."""

from collections.abc import Iterable
from datetime import datetime

from jennie_core.domain.base import KST, Message, StockCode, canonical_hash
from jennie_core.domain.enums import OrderSide, OrderType


class HashedOrder(Message):
    """What of a submitted order is decided: no broker number, no real time."""

    market_at: datetime
    side: OrderSide
    stock_code: StockCode
    quantity: int
    order_type: OrderType
    limit_price_krw: int | None


def order_hash(orders: Iterable[HashedOrder]) -> str:
    """Sixteen hex digits over the orders sorted by market time, side, code, quantity, type and price."""
    rows = sorted(
        [
            order.market_at.astimezone(KST).isoformat(timespec="seconds"),
            order.side.value,
            order.stock_code,
            f"{order.quantity:012d}",
            order.order_type.value,
            "market" if order.limit_price_krw is None else f"{order.limit_price_krw:012d}",
        ]
        for order in orders
    )
    return canonical_hash(rows)
