"""The one settings object of every trading decision (R-CFG); its hash is shown by each worker's health (R-CFG-02)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from jennie_core.domain.base import canonical_hash


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoutSettings(_Group):
    """Universe and selection (R-UNI, R-SEL, Q3)."""

    scorer: Literal["quant-1", "quant-rank-1"] = "quant-1"
    max_watchlist: int = Field(default=25, ge=1, le=50)
    universe_size: int = Field(default=200, ge=1)
    markets: tuple[str, ...] = ("KOSPI",)
    min_market_cap_krw: int = 50_000_000_000
    min_price_krw: int = 10_000
    min_listed_sessions: int = 60
    min_median_turnover_krw: int = 1_000_000_000
    exclude_preferred: bool = True
    ma_window: int = 3
    entry_threshold: float = 62.0
    exit_threshold: float = 55.0
    llm_clamp: float = 15.0
    hard_floor: float = 40.0
    min_coverage_ratio: float = 0.55


class ScannerSettings(_Group):
    """Signals and gates (R-GATE, R-STRAT). Windows are minutes from that day's open or close (T6)."""

    min_bars: int = 20
    cooldown_seconds: int = 600
    rsi_max: float = 75.0
    rsi_max_bull: float = 85.0
    volume_warning_ratio: float = 2.0
    vwap_deviation_warning_ratio: float = 0.02
    no_trade_minutes_after_open: int = 15
    danger_zone_minutes_before_close: int = 90
    entry_cutoff_minutes_before_close: int = 10
    conviction_enabled: bool = False
    conviction_min_hybrid: float = 70.0
    conviction_min_llm: float = 72.0
    conviction_max_gain_pct: float = 3.0
    conviction_end_minutes_after_open: int = 90
    momentum_confirm_bars: int = 1
    momentum_max_gain_pct: float = 7.0
    orb_enabled: bool = True
    orb_range_minutes: int = 15
    orb_min_volume_ratio: float = 2.0
    orb_min_width_pct: float = 0.5
    orb_max_width_pct: float = 5.0
    orb_end_minutes_after_open: int = 90


class RiskSettings(_Group):
    """Buy side (R-BUY, R-SIZE, R-GRD, O5)."""

    max_positions: int = 10
    max_sector_stocks: int = 3
    max_buys_per_day: int = 6
    guard_enabled: bool = True
    stop_loss_cooldown_days: int = 3
    sell_cooldown_hours: int = 24
    max_sector_value_pct: float = 30.0
    max_stock_value_pct: float = 15.0
    max_sector_value_strong_bull_pct: float = 50.0
    max_stock_value_strong_bull_pct: float = 25.0
    correlation_enabled: bool = True
    correlation_limit: float = 0.85
    cash_floor_strong_bull_pct: float = 5.0
    cash_floor_bull_pct: float = 10.0
    cash_floor_sideways_pct: float = 15.0
    cash_floor_bear_pct: float = 25.0
    signal_validity_seconds: int = 60
    max_adverse_move_pct: float = 1.5
    daily_loss_limit_pct: float = 2.0
    weekly_loss_limit_pct: float = 5.0
    risk_per_trade_pct: float = 1.0
    max_portfolio_heat_pct: float = 5.0


class OrderSettings(_Group):
    """Order handling (R-ORD) in market time."""

    limit_premium_ratio: float = 0.003
    limit_timeout_seconds: int = 10
    confirm_poll_seconds: int = 3
    confirm_polls: int = 5
    unknown_inquiries: int = 3
    unknown_settle_seconds: int = 60
    sell_lock_seconds: int = 60
    buy_lock_seconds: int = 180
    commission_ratio: float = Field(default=0.00015, ge=0, lt=0.01)


class SellSettings(_Group):
    """Exit rules (R-EXIT) and monitor (R-MON)."""

    hard_stop_pct: float = 10.0
    atr_multiplier: float = 2.0
    stop_loss_pct: float = 5.0
    trailing_enabled: bool = True
    trailing_activation_pct: float = 5.0
    trailing_min_profit_pct: float = 3.0
    rsi_overbought: float = 75.0
    rsi_min_profit_pct: float = 3.0
    profit_target_pct: float = 10.0
    max_holding_days: int = 30
    profit_floor_activation_pct: float = 15.0
    profit_floor_pct: float = 10.0
    breakeven_activation_pct: float = 3.0
    breakeven_floor_pct: float = 0.3
    time_tighten_max_pp: float = 2.0
    min_transaction_krw: int = 500_000
    sweep_seconds: int = 60
    stale_price_seconds: int = 60


class TradingSettings(_Group):
    """All decision parameters; the defaults are the shipped ones."""

    scout: ScoutSettings = ScoutSettings()
    scanner: ScannerSettings = ScannerSettings()
    risk: RiskSettings = RiskSettings()
    orders: OrderSettings = OrderSettings()
    sell: SellSettings = SellSettings()

    def settings_hash(self) -> str:
        """Twelve hex digits over every value."""
        return canonical_hash(self.model_dump(mode="json"), 12)
