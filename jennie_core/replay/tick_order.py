"""One order that waits for recorded trades."""

from dataclasses import dataclass
from datetime import date

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.market import Tick
from jennie_core.domain.orders import BrokerOrder, OrderRequest


@dataclass(slots=True)
class RestingOrder:
    """An accepted order; `sent_us` is the market time at which it was taken."""

    number: str
    request: OrderRequest
    sent_us: int
    filled: int = 0
    amount_krw: int = 0
    cancelled: int = 0
    executions: int = 0

    @property
    def remaining(self) -> int:
        """Shares that still wait."""
        return self.request.quantity - self.filled - self.cancelled

    def priority(self) -> tuple[int, int, str]:
        """Better price first, then time."""
        limit = self.request.limit_price_krw
        if limit is None:
            return (-(1 << 60), self.sent_us, self.number)
        return (-limit if self.request.side is OrderSide.BUY else limit, self.sent_us, self.number)

    def is_hit_by(self, tick: Tick, side: OrderSide) -> bool:
        """Whether a trade takes from this order: not earlier than it, and through its price."""
        request = self.request
        if request.stock_code != tick.code or request.side is not side or self.remaining == 0:
            return False
        if tick.exchange_us < self.sent_us:
            return False
        limit = request.limit_price_krw
        if limit is None:
            return True
        return tick.price_krw < limit if side is OrderSide.BUY else tick.price_krw > limit

    def row(self, day: date) -> BrokerOrder:
        """The order as a broker's list would show it."""
        request = self.request
        return BrokerOrder(
            order_number=self.number,
            stock_code=request.stock_code,
            side=request.side,
            order_type=request.order_type,
            ordered_on=day,
            ordered_time=f"{from_epoch_us(self.sent_us):%H%M%S}",
            ordered_quantity=request.quantity,
            order_price_krw=request.limit_price_krw or 0,
            filled_quantity=self.filled,
            filled_amount_krw=self.amount_krw,
            average_price_krw=self.amount_krw / self.filled if self.filled else 0.0,
            remaining_quantity=self.remaining,
            cancelled_quantity=self.cancelled,
            rejected_quantity=0,
            is_cancelled=self.cancelled > 0,
        )
