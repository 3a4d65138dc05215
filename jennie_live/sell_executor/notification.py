"""What the operator is told of a sell that is over."""

from datetime import datetime

from jennie_core.domain.enums import SellReason
from jennie_core.domain.signals import TradeNotification
from jennie_core.strategy.intent import Intent


def sold(intent: Intent, now: datetime) -> TradeNotification:
    """The notification of an intent with at least one share filled; profit in percent of the average price."""
    price = intent.filled_amount_krw / intent.filled_quantity
    average = intent.context["average_price_krw"]
    return TradeNotification(
        trade_type="SELL",
        stock_code=intent.stock_code,
        stock_name=intent.stock_name,
        quantity=intent.filled_quantity,
        price_krw=price,
        total_amount_krw=intent.filled_amount_krw,
        sell_reason=SellReason(intent.reason),
        profit_pct=(price / average - 1) * 100 if average else None,
        holding_days=intent.context["holding_days"],
        traded_at=now,
    )
