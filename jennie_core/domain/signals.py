"""What the scanner and the monitor ask the executors to do (R-MSG)."""

from datetime import date
from typing import Literal

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, PriceKrw, Quantity, Score, StockCode
from jennie_core.domain.enums import MarketRegime, RiskTag, SellReason, SignalType, TradeTier


class BuySignal(Message):
    """A stock may be bought now (R-MSG-01); the executor decides whether and how much."""

    signal_id: str
    stock_code: StockCode
    stock_name: str
    signal_type: SignalType
    signal_price_krw: PriceKrw
    source: Literal["scanner", "conviction", "manual"]
    market_regime: MarketRegime | None = None
    position_multiplier: float = Field(ge=0, le=2)
    watchlist_version: str
    score_run_id: str
    hybrid_score: Score | None = None
    llm_score: Score | None = None
    is_tradable: bool
    trade_tier: TradeTier
    risk_tag: RiskTag
    sector_group: str
    atr_krw: float | None = None
    scored_on: date | None = None
    rsi_value: float | None = None
    volume_ratio: float | None = None
    vwap_krw: float | None = None
    requested_quantity: Quantity | None = Field(default=None, description="manual orders only")
    tick_exchange_us: int = Field(description="exchange time of the tick that caused the signal")
    tick_received_us: int = Field(
        description="gateway receive time (real clock) of that tick; latency is counted from it"
    )
    signalled_us: int | None = Field(default=None, description="real clock of publishing, set by the shell")
    signalled_at: MarketTime


class SellOrder(Message):
    """A held stock should be sold (R-MSG-02)."""

    order_id: str
    stock_code: StockCode
    stock_name: str
    sell_reason: SellReason
    rule: str = Field(description="exit rule id, e.g. R-EXIT-07")
    trigger_price_krw: PriceKrw
    quantity: Quantity
    scale_out_level: int | None = Field(default=None, description="advances on fill (R-MON-06)")
    average_price_krw: float | None = None
    profit_pct: float | None = None
    holding_days: int | None = None
    market_regime: MarketRegime | None = None
    tick_exchange_us: int | None = None
    tick_received_us: int | None = None
    signalled_us: int | None = Field(default=None, description="real clock of publishing, set by the shell")
    raised_at: MarketTime


class TradeNotification(Message):
    """A trade in words for Telegram and the dashboard (R-MSG-04)."""

    trade_type: Literal["BUY", "SELL"]
    stock_code: StockCode
    stock_name: str
    quantity: Quantity
    price_krw: float
    total_amount_krw: int
    signal_type: SignalType | None = None
    trade_tier: TradeTier | None = None
    hybrid_score: Score | None = None
    sell_reason: SellReason | None = None
    profit_pct: float | None = None
    holding_days: int | None = None
    traded_at: MarketTime


class Alert(Message):
    """Something the operator must hear once, and once more when it clears (I5)."""

    alert_id: str = Field(description="stable id of the condition, so that it is said once")
    severity: Literal["info", "warning", "critical"]
    service: str
    text: str
    next_step: str = ""
    cleared: bool = False
    raised_at: MarketTime
