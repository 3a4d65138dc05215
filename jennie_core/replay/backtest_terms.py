"""What a backtest assumes beside the trading settings; the values are part of its hash and stand in its report."""

from datetime import date
from typing import Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from jennie_core.domain.macro import SectorBudget, TradingContext
from jennie_core.domain.watchlist import HotWatchlist

BPS = 10_000


class BacktestTerms(BaseModel):
    """Fill model of daily bars (R-BT-02, R-BT-04); commission and taxes are those of live trading."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed_cash_krw: int = Field(default=100_000_000, ge=1_000_000, le=1_000_000_000_000)
    slippage_bps: int = Field(default=10, ge=0, le=500, description="worse than the price that triggered, each side")
    volume_share_pct: float = Field(default=1.0, gt=0, le=100, description="most of a bar's volume that one day takes")
    delisting_haircut_pct: float = Field(
        default=50.0, ge=0, le=100, description="taken off the last close of a holding whose last bar is a halt"
    )
    score_horizon_sessions: int = Field(default=5, ge=1, le=60, description="sessions a score is judged over")


class DayPlan(Protocol):
    """What the data plane knew before a session opened: `scoring.history.ScoutDay` is one."""

    @property
    def market_day(self) -> date:
        """The session that may trade by it."""
        ...

    @property
    def as_of(self) -> date:
        """The session before: nothing later went into it."""
        ...

    @property
    def context(self) -> TradingContext:
        """Regime and multipliers."""
        ...

    @property
    def watchlist(self) -> HotWatchlist:
        """What may be bought, best first."""
        ...

    @property
    def budget(self) -> SectorBudget:
        """Sector caps."""
        ...

    @property
    def scores(self) -> pl.DataFrame:
        """Scored universe: code, hybrid_score, ..."""
        ...
