"""The hot watchlist: what the data plane hands to the trading plane."""

from datetime import date

from pydantic import Field, model_validator

from jennie_core.domain.base import MarketTime, Message, Score, StockCode
from jennie_core.domain.enums import MarketRegime, RiskTag, TradeTier


class WatchlistEntry(Message):
    """One selected stock with the scores it was selected by (R-SEL-09)."""

    code: StockCode
    name: str
    rank: int = Field(ge=1, le=50)
    sector_group: str
    quant_score: Score
    llm_score: Score = Field(description="raw analyst score")
    hybrid_score: Score = Field(description="smoothed")
    coverage_ratio: float = Field(ge=0, le=1)
    is_tradable: bool
    trade_tier: TradeTier
    risk_tag: RiskTag
    veto_applied: bool = False
    previous_close_krw: int = Field(gt=0)
    atr_krw: float | None = Field(default=None, ge=0, description="daily ATR(14), won; None = unknown")
    first_listed_on: date = Field(description="first session on the list in an unbroken run (R-STRAT-09)")
    scored_at: MarketTime
    source: str = "scout"

    @model_validator(mode="after")
    def _blocked_is_not_tradable(self) -> "WatchlistEntry":
        if self.trade_tier is TradeTier.BLOCKED and self.is_tradable:
            raise ValueError("R-ENUM-13: a BLOCKED stock cannot be tradable")
        if self.risk_tag is RiskTag.DISTRIBUTION_RISK and not self.veto_applied:
            raise ValueError("R-ENUM-14: DISTRIBUTION_RISK requires veto_applied")
        return self


class HotWatchlist(Message):
    """The active list; `version` names the run that made it."""

    version: str
    run_id: str
    market_day: date
    market_regime: MarketRegime
    entries: tuple[WatchlistEntry, ...]
    known_at: MarketTime
    expires_at: MarketTime

    def entry(self, code: str) -> WatchlistEntry | None:
        """The entry of one code, or None when it is not on the list."""
        return next((entry for entry in self.entries if entry.code == code), None)
