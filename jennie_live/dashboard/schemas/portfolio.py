"""Portfolio, trades and performance."""

from datetime import date

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message
from jennie_live.dashboard.schemas.base import Problem, Sourced


class PositionView(Message):
    """A position of the ledger valued at the newest known price."""

    stock_code: str
    stock_name: str
    quantity: int
    external_quantity: int
    average_price_krw: float
    current_price_krw: int | None
    price_at: MarketTime | None
    price_source: str | None = Field(description="ws, poll, monitor, or None when no price is known")
    evaluation_krw: int | None
    unrealized_pnl_krw: int | None = Field(description="before selling costs")
    profit_pct: float | None
    weight_ratio: float | None = Field(description="share of the known stock value")
    sector_group: str | None
    bought_on: date | None
    high_watermark_krw: int | None
    scale_out_level: int
    profit_floor_armed: bool
    atr_krw: float | None
    reconciled: bool
    trade_id: str | None
    updated_at: MarketTime


class Positions(Sourced):
    """All positions."""

    positions: tuple[PositionView, ...]


class PortfolioSummary(Sourced):
    """Account value, merged from the broker's balance, the ledger and the last snapshot."""

    total_asset_krw: int | None
    cash_krw: int | None
    orderable_cash_krw: int | None
    stock_evaluation_krw: int | None
    unrealized_pnl_krw: int | None
    realized_today_krw: int | None
    day_pnl_krw: int | None = Field(description="realised + unrealised against the previous close, from the risk state")
    previous_equity_krw: int | None
    position_count: int | None
    unreconciled_codes: tuple[str, ...] = ()
    daily_loss_limit_pct: float
    weekly_loss_limit_pct: float
    daily_limit_hit_at: MarketTime | None = None
    weekly_limit_hit_at: MarketTime | None = None
    risk_as_of: MarketTime | None = None
    problems: tuple[Problem, ...] = ()


class AssetPoint(Message):
    """Account value at one close."""

    snapshot_date: date
    total_asset_krw: int
    cash_krw: int
    stock_evaluation_krw: int
    unrealized_pnl_krw: int
    realized_pnl_krw: int
    fees_krw: int
    taxes_krw: int
    position_count: int
    known_at: MarketTime


class AssetHistory(Sourced):
    """Daily snapshots, oldest first."""

    points: tuple[AssetPoint, ...]


class IntradayPoint(Message):
    """Profit and loss of the day at one market minute."""

    at: MarketTime
    realized_krw: int
    unrealized_krw: int
    total_krw: int


class Intraday(Sourced):
    """The day so far, since this process began to watch."""

    points: tuple[IntradayPoint, ...]


class Performance(Sourced):
    """Closed trades of a span of days; net of costs."""

    days: int
    buys: int
    sells: int
    wins: int
    losses: int
    win_rate_ratio: float | None
    average_profit_pct: float | None
    realized_pnl_krw: int | None
    fees_krw: int
    taxes_krw: int
    best: "TradeView | None" = None
    worst: "TradeView | None" = None


class TradeView(Message):
    """One row of the trade log."""

    intent_id: str
    market_day: date
    stock_code: str
    stock_name: str
    trade_type: str
    quantity: int
    price_krw: float
    total_amount_krw: int
    fee_krw: int
    tax_krw: int
    reason: str
    rule: str | None
    market_regime: str | None
    hybrid_score: float | None
    trade_tier: str | None
    profit_pct: float | None
    realized_pnl_krw: int | None
    holding_days: int | None
    watchlist_version: str | None
    score_run_id: str | None
    traded_at: MarketTime


class Trades(Sourced):
    """Trades, newest first."""

    trades: tuple[TradeView, ...]


class OrderView(Message):
    """One order intent of the day."""

    intent_id: str
    stock_code: str
    stock_name: str
    side: str
    order_type: str
    quantity: int
    filled_quantity: int
    average_price_krw: float | None
    limit_price_krw: int | None
    state: str
    reason: str
    rule: str | None
    refusal_rule: str | None
    refusal_text: str | None
    market_at: MarketTime
    updated_at: MarketTime


Performance.model_rebuild()
