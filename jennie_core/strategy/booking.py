"""What fills make of an intent and of its position; stored by the ledger, kept in memory by a replay (O3, R-BUY-15)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jennie_core.domain.enums import OrderSide, OrderState, SellReason
from jennie_core.domain.positions import Position
from jennie_core.strategy.accounting import Shares, realized_pnl_krw
from jennie_core.strategy.intent import Intent


@dataclass(frozen=True, slots=True)
class NewFill:
    """An execution to be booked; `source` is notice or inquiry."""

    fill_id: str
    quantity: int
    price_krw: int
    fee_krw: int
    tax_krw: int
    filled_at: datetime
    source: str

    @property
    def amount_krw(self) -> int:
        """Won that changed hands."""
        return self.quantity * self.price_krw


@dataclass(frozen=True, slots=True)
class Booked:
    """What a booking made of the books; `fills` are the ones that were new."""

    intent: Intent
    position: Position | None
    fills: tuple[NewFill, ...]
    realized_pnl_krw: int

    @property
    def quantity(self) -> int:
        """Shares booked now."""
        return sum(fill.quantity for fill in self.fills)


def progress(intent: Intent, fills: Sequence[NewFill], end_state: OrderState | None) -> Intent:
    """The intent after new fills; `end_state` closes it. Raises ValueError when more is filled than was ordered."""
    quantity = intent.filled_quantity + sum(fill.quantity for fill in fills)
    amount = intent.filled_amount_krw + sum(fill.amount_krw for fill in fills)
    if quantity > intent.quantity:
        raise ValueError(f"{intent.intent_id}: {quantity} of {intent.quantity} shares cannot be filled")
    state = intent.state
    if quantity == intent.quantity:
        state = OrderState.FILLED
    elif end_state is not None and not intent.state.is_terminal:
        state = end_state
    elif fills and intent.state is OrderState.ACCEPTED:
        state = OrderState.PARTIALLY_FILLED
    return replace(intent, state=state, filled_quantity=quantity, filled_amount_krw=amount)


def position_after(position: Position | None, intent: Intent, fills: Sequence[NewFill]) -> tuple[Position, int]:
    """The position after fills of an intent, and what they realised net of their own costs."""
    after = position or _new_position(intent)
    realized = 0
    for fill in fills:
        shares = shares_of(after)
        if intent.side is OrderSide.BUY:
            after = _raised(with_shares(after, shares.bought(fill.quantity, fill.price_krw)), fill.price_krw)
        else:
            realized += realized_pnl_krw(
                fill.quantity, fill.price_krw, shares.average_price_krw, fill.fee_krw, fill.tax_krw
            )
            after = with_shares(after, shares.sold_by_fill(fill.quantity))
    return (_opened(after, intent) if intent.side is OrderSide.BUY else _exit_state(after, intent)), realized


def shares_of(position: Position) -> Shares:
    """The arithmetic part of a position."""
    return Shares(position.quantity, position.external_quantity, position.average_price_krw)


def with_shares(position: Position, shares: Shares) -> Position:
    """The position with other shares."""
    return position.model_copy(
        update={
            "quantity": shares.quantity,
            "external_quantity": shares.external_quantity,
            "average_price_krw": shares.average_price_krw,
        }
    )


def _new_position(intent: Intent) -> Position:
    return Position(stock_code=intent.stock_code, stock_name=intent.stock_name, quantity=0, average_price_krw=0.0)


def _opened(position: Position, intent: Intent) -> Position:
    """Facts of the buy that opened a holding; a later buy of the same holding leaves them."""
    if position.trade_id is not None or position.bought_on is not None:
        return position
    return position.model_copy(
        update={
            "stock_name": intent.stock_name,
            "sector_group": intent.context.get("sector_group"),
            "atr_krw": intent.context.get("atr_krw"),
            "bought_on": intent.market_day,
            "trade_id": intent.intent_id,
        }
    )


def _raised(position: Position, price_krw: int) -> Position:
    mark = position.high_watermark_krw
    return position.model_copy(update={"high_watermark_krw": price_krw if mark is None else max(mark, price_krw)})


def _exit_state(position: Position, intent: Intent) -> Position:
    """Scale-out level and the RSI flag advance on a fill, never on a message (R-MON-06)."""
    changes: dict[str, object] = {}
    if intent.scale_out_level is not None:
        changes["scale_out_level"] = max(position.scale_out_level, intent.scale_out_level)
    if intent.reason == SellReason.RSI_OVERBOUGHT.value:
        changes["rsi_sold"] = True
    if position.quantity == 0:
        changes |= {
            "high_watermark_krw": None,
            "scale_out_level": 0,
            "rsi_sold": False,
            "profit_floor_armed": False,
            "bought_on": None,
            "trade_id": None,
        }
    return position.model_copy(update=changes)
