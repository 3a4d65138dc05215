"""Tables of the ledger store: intents, orders, fills, positions, stops, risk, decisions (small, durable)."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Date, Float, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from jennie_infra.db.types import CODE_TYPE, JsonText, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class LedgerBase(DeclarativeBase):
    """Base of the ledger tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        date: Date(),
        bool: Boolean(),
        float: Float(53),
        dict[str, Any]: JsonText(),
    }


class StoreStamp(LedgerBase):
    """Which mode and account this store belongs to (B5); one row."""

    __tablename__ = "store_stamp"
    stamp: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]


class OrderIntent(LedgerBase):
    """One intended order, committed before anything is sent; `state` is domain OrderState."""

    __tablename__ = "order_intent"
    intent_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_hash: Mapped[str] = mapped_column(String(16))
    market_day: Mapped[date]
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    stock_name: Mapped[str] = mapped_column(String(100))
    side: Mapped[str] = mapped_column(String(4))
    order_type: Mapped[str] = mapped_column(String(6))
    quantity: Mapped[int] = mapped_column(BigInteger)
    limit_price_krw: Mapped[int | None] = mapped_column(BigInteger)
    reference_price_krw: Mapped[int] = mapped_column(BigInteger)
    lease: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20))
    order_number: Mapped[str | None] = mapped_column(String(20))
    organisation_number: Mapped[str | None] = mapped_column(String(10))
    filled_quantity: Mapped[int] = mapped_column(BigInteger, default=0)
    filled_amount_krw: Mapped[int] = mapped_column(BigInteger, default=0)
    refusal_rule: Mapped[str | None] = mapped_column(String(40))
    refusal_text: Mapped[str | None] = mapped_column(Text)
    source_id: Mapped[str] = mapped_column(String(64), doc="signal_id of a buy, order_id of a sell")
    reason: Mapped[str] = mapped_column(String(40), doc="signal type or sell reason")
    rule: Mapped[str | None] = mapped_column(String(20), doc="rule id that asked for it")
    scale_out_level: Mapped[int | None] = mapped_column(Integer)
    watchlist_version: Mapped[str | None] = mapped_column(String(40))
    score_run_id: Mapped[str | None] = mapped_column(String(40))
    context: Mapped[dict[str, Any]] = mapped_column(doc="what booking its fills needs: sector, ATR, scores, regime")
    created_at: Mapped[datetime]
    market_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    unknown_checks: Mapped[int] = mapped_column(Integer, default=0)
    unknown_since: Mapped[datetime | None]
    tick_received_us: Mapped[int | None] = mapped_column(BigInteger)
    signalled_us: Mapped[int | None] = mapped_column(BigInteger)
    sent_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index(None, "market_day", "stock_code", "side"), Index(None, "state"), Index(None, "source_id"))


class FillRow(LedgerBase):
    """One booked execution; `fill_id` makes booking it twice impossible."""

    __tablename__ = "fill"
    fill_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    intent_id: Mapped[str] = mapped_column(String(40))
    order_number: Mapped[str] = mapped_column(String(20))
    market_day: Mapped[date]
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    side: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price_krw: Mapped[int] = mapped_column(BigInteger)
    fee_krw: Mapped[int] = mapped_column(BigInteger)
    tax_krw: Mapped[int] = mapped_column(BigInteger)
    filled_at: Mapped[datetime]
    booked_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(16), doc="notice or inquiry")
    __table_args__ = (Index(None, "market_day"), Index(None, "intent_id"), Index(None, "stock_code"))


class PositionAdjustment(LedgerBase):
    """A typed change of a position that is not one of our fills: carried, split, bonus, transfer, external (O3)."""

    __tablename__ = "position_adjustment"
    adjustment_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    kind: Mapped[str] = mapped_column(String(16))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price_krw: Mapped[float | None]
    detail: Mapped[str] = mapped_column(Text)
    effective_at: Mapped[datetime]
    __table_args__ = (Index(None, "stock_code"),)


class ActivePortfolio(LedgerBase):
    """Current position per code (seed: active_portfolio), derived from fills and adjustments."""

    __tablename__ = "active_portfolio"
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    stock_name: Mapped[str] = mapped_column(String(100))
    quantity: Mapped[int] = mapped_column(BigInteger)
    external_quantity: Mapped[int] = mapped_column(BigInteger)
    average_price_krw: Mapped[float]
    sector_group: Mapped[str | None] = mapped_column(String(30))
    bought_on: Mapped[date | None]
    high_watermark_krw: Mapped[int | None] = mapped_column(BigInteger)
    scale_out_level: Mapped[int] = mapped_column(Integer)
    rsi_sold: Mapped[bool]
    profit_floor_armed: Mapped[bool]
    atr_krw: Mapped[float | None]
    trade_id: Mapped[str | None] = mapped_column(String(40))
    reconciled: Mapped[bool]
    updated_at: Mapped[datetime]


class TradeLog(LedgerBase):
    """One row per order with fills (seed: trade_log), with the ids it came from."""

    __tablename__ = "trade_log"
    intent_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    market_day: Mapped[date]
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    stock_name: Mapped[str] = mapped_column(String(100))
    trade_type: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price_krw: Mapped[float]
    total_amount_krw: Mapped[int] = mapped_column(BigInteger)
    fee_krw: Mapped[int] = mapped_column(BigInteger)
    tax_krw: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(40))
    rule: Mapped[str | None] = mapped_column(String(20))
    market_regime: Mapped[str | None] = mapped_column(String(12))
    hybrid_score: Mapped[float | None]
    llm_score: Mapped[float | None]
    trade_tier: Mapped[str | None] = mapped_column(String(8))
    profit_pct: Mapped[float | None]
    realized_pnl_krw: Mapped[int | None] = mapped_column(BigInteger)
    holding_days: Mapped[int | None] = mapped_column(Integer)
    signal_id: Mapped[str] = mapped_column(String(64))
    watchlist_version: Mapped[str | None] = mapped_column(String(40))
    score_run_id: Mapped[str | None] = mapped_column(String(40))
    traded_at: Mapped[datetime]
    __table_args__ = (Index(None, "market_day"), Index(None, "stock_code", "traded_at"))


class SignalLog(LedgerBase):
    """Every buy signal and sell order with its one outcome (I3)."""

    __tablename__ = "signal_log"
    signal_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    side: Mapped[str] = mapped_column(String(4))
    market_day: Mapped[date]
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    stock_name: Mapped[str] = mapped_column(String(100))
    strategy: Mapped[str] = mapped_column(String(40))
    price_krw: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(String(12), doc="raised, ordered, refused, expired, suppressed, parked")
    refusal_rule: Mapped[str | None] = mapped_column(String(40))
    refusal_text: Mapped[str | None] = mapped_column(Text)
    refusal_value: Mapped[str | None] = mapped_column(String(60))
    refusal_limit: Mapped[str | None] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]]
    raised_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "market_day", "side", "outcome"), Index(None, "stock_code", "raised_at"))


class DecisionLog(LedgerBase):
    """Why a candidate was not bought: the scanner's and executor's refusals, one per code, rule and minute at most."""

    __tablename__ = "decision_log"
    decision_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    market_day: Mapped[date]
    service: Mapped[str] = mapped_column(String(20))
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    subject: Mapped[str] = mapped_column(String(40))
    rule: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(String(60))
    limit_value: Mapped[str | None] = mapped_column(String(60))
    price_krw: Mapped[int | None] = mapped_column(BigInteger)
    decided_at: Mapped[datetime]
    __table_args__ = (Index(None, "market_day", "rule"), Index(None, "stock_code", "decided_at"))


class StopRow(LedgerBase):
    """The stops in force; one row, the durable truth behind the Redis flags (O4)."""

    __tablename__ = "stop_state"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    paused: Mapped[bool]
    halted: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    said_by: Mapped[str] = mapped_column(String(60))
    since: Mapped[datetime | None]


class ControlLog(LedgerBase):
    """Every operator command with who said it, when and why."""

    __tablename__ = "control_log"
    command_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    verb: Mapped[str] = mapped_column(String(24))
    stock_code: Mapped[str | None] = mapped_column(CODE_TYPE)
    reason: Mapped[str] = mapped_column(Text)
    said_by: Mapped[str] = mapped_column(String(60))
    said_at: Mapped[datetime]


class RiskState(LedgerBase):
    """Loss-limit state of a session (O5)."""

    __tablename__ = "risk_state"
    market_day: Mapped[date] = mapped_column(primary_key=True)
    previous_equity_krw: Mapped[int | None] = mapped_column(BigInteger)
    week_start_equity_krw: Mapped[int | None] = mapped_column(BigInteger)
    realized_pnl_krw: Mapped[int | None] = mapped_column(BigInteger)
    unrealized_pnl_krw: Mapped[int | None] = mapped_column(BigInteger)
    daily_limit_hit_at: Mapped[datetime | None]
    weekly_limit_hit_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class Cooldown(LedgerBase):
    """No buys of a code until a market time (R-SELL-09, R-SELL-10)."""

    __tablename__ = "cooldown"
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    until: Mapped[datetime]


class DeskLease(LedgerBase):
    """Numbered leases of the order desks; the gateway refuses an older number (O2)."""

    __tablename__ = "desk_lease"
    side: Mapped[str] = mapped_column(String(4), primary_key=True)
    lease: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str] = mapped_column(String(80))
    taken_at: Mapped[datetime]


class GatewayCall(LedgerBase):
    """Outcome of every order call by intent id (O2), in the gateway's own store."""

    __tablename__ = "gateway_call"
    intent_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    lease: Mapped[int] = mapped_column(BigInteger)
    request: Mapped[dict[str, Any]]
    outcome: Mapped[dict[str, Any] | None]
    sent_us: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class ReconciliationRow(LedgerBase):
    """One reconciliation with the broker: what agreed and both sides of what did not."""

    __tablename__ = "reconciliation"
    reconciliation_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    market_day: Mapped[date]
    trigger: Mapped[str] = mapped_column(String(20))
    matches: Mapped[int] = mapped_column(Integer)
    differences: Mapped[int] = mapped_column(Integer)
    detail: Mapped[dict[str, Any]]
    market_at: Mapped[datetime]
    __table_args__ = (Index(None, "market_day"),)


class DailyAssetSnapshot(LedgerBase):
    """Account value at the close (seed: daily_asset_snapshot)."""

    __tablename__ = "daily_asset_snapshot"
    snapshot_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    total_asset_krw: Mapped[int] = mapped_column(BigInteger)
    cash_krw: Mapped[int] = mapped_column(BigInteger)
    stock_evaluation_krw: Mapped[int] = mapped_column(BigInteger)
    unrealized_pnl_krw: Mapped[int] = mapped_column(BigInteger)
    realized_pnl_krw: Mapped[int] = mapped_column(BigInteger)
    fees_krw: Mapped[int] = mapped_column(BigInteger)
    taxes_krw: Mapped[int] = mapped_column(BigInteger)
    position_count: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool]
    known_at: Mapped[datetime]


class PermitLog(LedgerBase):
    """Every permit issued or revoked, with its checks (O6)."""

    __tablename__ = "permit_log"
    permit_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    market_day: Mapped[date]
    granted: Mapped[bool]
    document: Mapped[dict[str, Any]]
    issued_at: Mapped[datetime]
    __table_args__ = (Index(None, "market_day"),)


class AlertLog(LedgerBase):
    """Alerts as they were raised and cleared (I5)."""

    __tablename__ = "alert_log"
    alert_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    raised_at: Mapped[datetime] = mapped_column(primary_key=True)
    severity: Mapped[str] = mapped_column(String(10))
    service: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    next_step: Mapped[str] = mapped_column(Text)
    cleared_at: Mapped[datetime | None]


class ConfigRow(LedgerBase):
    """Settings the operator changes at run time (seed: config), e.g. the daily buy limit (R-TG-28)."""

    __tablename__ = "config"
    config_key: Mapped[str] = mapped_column(String(100), primary_key=True)
    config_value: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[str] = mapped_column(String(60))
    updated_at: Mapped[datetime]
