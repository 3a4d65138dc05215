"""Macro insight, trading context, sector budget and intraday risk."""

from datetime import date

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, Score
from jennie_core.domain.enums import (
    IntradayRiskLevel,
    MarketRegime,
    PoliticalRisk,
    SectorTier,
    Sentiment,
    SignalType,
    VixRegime,
)


class TradingContext(Message):
    """What the regime means for trading today (R-REG-06); published at `regime:current` by the data plane only."""

    market_day: date
    run_id: str
    market_regime: MarketRegime
    position_multiplier: float = Field(ge=0, le=2, description="0 means no buys (R-THR-07)")
    stop_loss_multiplier: float = Field(ge=0.5, le=2)
    vix_regime: VixRegime | None = None
    risk_off_level: int = Field(ge=0, le=10)
    favor_sectors: tuple[str, ...] = ()
    avoid_sectors: tuple[str, ...] = ()
    strategies_to_avoid: tuple[SignalType, ...] = ()
    is_high_volatility: bool = False
    known_at: MarketTime
    expires_at: MarketTime


class MacroInsight(Message):
    """The council's verdict of one run (R-CNL-08); `analyst` says who spoke: `rules` or a model's name."""

    insight_date: date
    run_id: str
    analyst: str
    sentiment: Sentiment
    sentiment_score: Score
    regime_hint: str = Field(max_length=50)
    market_regime: MarketRegime
    sector_signals: dict[str, str] = Field(default_factory=dict)
    key_themes: tuple[str, ...] = ()
    risk_factors: tuple[str, ...] = ()
    opportunity_factors: tuple[str, ...] = ()
    sectors_to_favor: tuple[str, ...] = ()
    sectors_to_avoid: tuple[str, ...] = ()
    strategies_to_favor: tuple[SignalType, ...] = ()
    strategies_to_avoid: tuple[SignalType, ...] = ()
    position_size_pct: int = Field(ge=50, le=130)
    stop_loss_adjust_pct: int = Field(ge=80, le=150)
    political_risk_level: PoliticalRisk = PoliticalRisk.LOW
    council_consensus: str = "partial_disagree"
    trading_reasoning: str = ""
    council_cost_usd: float = 0.0
    vix_value: float | None = None
    vix_regime: VixRegime | None = None
    usd_krw: float | None = None
    kospi_level: float | None = None
    kospi_change_pct: float | None = None
    kosdaq_level: float | None = None
    kosdaq_change_pct: float | None = None
    data_completeness_ratio: float = Field(ge=0, le=1)
    known_at: MarketTime
    expires_at: MarketTime


class SectorAllowance(Message):
    """Tier and caps of one sector (R-BUD-05)."""

    sector_group: str
    tier: SectorTier
    watchlist_cap: int = Field(ge=0)
    portfolio_cap: int = Field(ge=0)
    return_pct: float | None = None


class SectorBudget(Message):
    """Caps for every sector, published at `budget:sector:active`."""

    run_id: str
    market_day: date
    sectors: dict[str, SectorAllowance]
    known_at: MarketTime
    expires_at: MarketTime

    def portfolio_cap(self, sector_group: str) -> int:
        """Most stocks that may be held of a sector; 3 for a sector without an own row (R-BUD-07)."""
        allowance = self.sectors.get(sector_group)
        return 3 if allowance is None else allowance.portfolio_cap


class IntradayRisk(Message):
    """The monitor's throttle (R-THR), written to `risk:intraday`."""

    level: IntradayRiskLevel
    position_multiplier: float = Field(ge=0, le=1)
    minimum_regime: MarketRegime | None = Field(
        default=None, description="the regime is treated as at least this harsh"
    )
    kospi_change_pct: float | None = None
    vix_value: float | None = None
    recovery_started_at: MarketTime | None = None
    known_at: MarketTime
    expires_at: MarketTime
