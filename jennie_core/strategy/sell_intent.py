"""The intent row of a sell: a market order of managed shares, and the facts of the position it closes."""

from datetime import datetime

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_core.strategy.fills import Listing
from jennie_core.strategy.intent import Intent, Sender
from jennie_core.strategy.sell_checks import quantity_to_sell


def sell_intent(sender: Sender, order: SellOrder, position: Position, now: datetime, listing: Listing) -> Intent:
    """The intent of a sell order; the same order makes the same intent id, so that the ledger refuses a second one."""
    identity = canonical_hash([sender.account_hash, "sell", order.order_id], 24)
    return Intent(
        intent_id=f"sell-{identity}",
        account_hash=sender.account_hash,
        market_day=now.date(),
        stock_code=order.stock_code,
        stock_name=position.stock_name,
        side=OrderSide.SELL,
        order_type=OrderType.MARKET,
        quantity=quantity_to_sell(order, position),
        limit_price_krw=None,
        reference_price_krw=order.trigger_price_krw,
        lease=sender.lease,
        source_id=order.order_id,
        reason=order.sell_reason.value,
        rule=order.rule,
        created_at=now,
        market_at=now,
        updated_at=now,
        scale_out_level=order.scale_out_level,
        context={
            "average_price_krw": position.average_price_krw,
            "holding_days": order.holding_days,
            "market_regime": None if order.market_regime is None else order.market_regime.value,
            "opened_by": position.trade_id,
            "sector_group": position.sector_group,
            **listing.as_context(),
        },
        tick_received_us=order.tick_received_us,
        signalled_us=order.signalled_us,
    )
