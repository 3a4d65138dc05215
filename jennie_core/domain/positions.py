"""Positions derived from fills (O3)."""

from datetime import date
from typing import Literal

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, StockCode
from jennie_core.domain.enums import OrderSide


class Fill(Message):
    """One booked execution with its costs (fees and taxes from fills, by date)."""

    fill_id: str
    intent_id: str
    order_number: str
    stock_code: StockCode
    side: OrderSide
    quantity: int = Field(gt=0)
    price_krw: int = Field(gt=0)
    fee_krw: int = Field(ge=0)
    tax_krw: int = Field(ge=0)
    filled_at: MarketTime


class Position(Message):
    """Managed shares of one code: our fills plus typed adjustments; `external_quantity` is not ours to sell (O3)."""

    stock_code: StockCode
    stock_name: str
    quantity: int = Field(ge=0)
    external_quantity: int = Field(default=0, ge=0)
    average_price_krw: float = Field(ge=0)
    sector_group: str | None = None
    bought_on: date | None = Field(
        default=None, description="session of the first fill of this holding; None = unknown"
    )
    high_watermark_krw: int | None = None
    scale_out_level: int = Field(default=0, ge=0)
    rsi_sold: bool = False
    profit_floor_armed: bool = False
    atr_krw: float | None = None
    trade_id: str | None = Field(default=None, description="intent of the buy that opened it")
    reconciled: bool = True


class PositionEvent(Message):
    """The new state of one position after a fill or an adjustment; written by the desk after its commit."""

    reason: Literal["fill", "adjustment", "carried", "reconciliation", "state"]
    writer: str
    position: Position
    realized_pnl_krw: int = 0
    cash_changed: bool = True
    occurred_at: MarketTime = Field(description="market time; readers apply it once a settled mark has passed it")
