"""What the operator is told of a buy that is over."""

from datetime import datetime

from jennie_core.domain.enums import SignalType, TradeTier
from jennie_core.domain.signals import TradeNotification
from jennie_core.strategy.intent import Intent


def bought(intent: Intent, now: datetime) -> TradeNotification:
    """The notification of an intent with at least one share filled."""
    return TradeNotification(
        trade_type="BUY",
        stock_code=intent.stock_code,
        stock_name=intent.stock_name,
        quantity=intent.filled_quantity,
        price_krw=intent.filled_amount_krw / intent.filled_quantity,
        total_amount_krw=intent.filled_amount_krw,
        signal_type=SignalType(intent.reason),
        trade_tier=TradeTier(intent.context["trade_tier"]),
        hybrid_score=intent.context["hybrid_score"],
        traded_at=now,
    )
