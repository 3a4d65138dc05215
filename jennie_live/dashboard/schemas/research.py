"""Macro, watchlist, refusals and lineage."""

from datetime import date
from typing import Any

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message
from jennie_core.domain.macro import IntradayRisk, MacroInsight, SectorAllowance, TradingContext
from jennie_core.domain.watchlist import WatchlistEntry
from jennie_live.dashboard.schemas.base import Problem, Sourced


class RegimeView(Sourced):
    """The trading context in force with the intraday throttle on top of it."""

    context: TradingContext | None
    is_expired: bool | None
    intraday: IntradayRisk | None
    intraday_problem: Problem | None = None
    effective_regime: str | None = Field(description="the harsher of context and throttle")
    effective_position_multiplier: float | None


class InsightView(Sourced):
    """One council verdict."""

    insight: MacroInsight | None
    raw_output: dict[str, Any] = Field(default_factory=dict)


class InsightDate(Message):
    """One run of the council."""

    insight_date: date
    run_id: str
    analyst: str
    market_regime: str
    sentiment_score: float
    known_at: MarketTime


class InsightDates(Sourced):
    """Days with a verdict, newest first."""

    dates: tuple[InsightDate, ...]


class FactorScores(Message):
    """Parts of the quant score of one stock; None = unknown."""

    momentum: float | None
    quality: float | None
    value: float | None
    technical: float | None
    news: float | None
    supply_demand: float | None
    sector_momentum: float | None


class RefusalView(Message):
    """A rule that refused a buy, with what it saw and what it allows."""

    stock_code: str
    stock_name: str | None = None
    service: str
    subject: str
    rule: str
    detail: str
    value: str | None
    limit: str | None
    distance: float | None = Field(default=None, description="from value to limit, None where it has none")
    price_krw: int | None
    decided_at: MarketTime
    signal_id: str | None = None


class WatchRow(Message):
    """A watchlist entry with its factors, its price and the rule that stands nearest in the way of a buy."""

    entry: WatchlistEntry
    factors: FactorScores | None
    analyst: str | None
    llm_grade: str | None
    llm_reason: str | None
    current_price_krw: int | None
    price_at: MarketTime | None
    change_pct: float | None = Field(description="against the previous close")
    is_held: bool
    refusals_today: int
    nearest_refusal: RefusalView | None


class WatchlistView(Sourced):
    """The active watchlist."""

    version: str | None
    run_id: str | None
    market_day: date | None
    market_regime: str | None
    is_expired: bool | None
    expires_at: MarketTime | None
    rows: tuple[WatchRow, ...]
    sectors: dict[str, SectorAllowance] = Field(default_factory=dict)
    manual: dict[str, str] = Field(default_factory=dict, description="codes the operator added, with names")


class WatchlistVersion(Message):
    """One published list."""

    snapshot_date: date
    version: str
    run_id: str
    market_regime: str
    size: int
    is_active: bool
    known_at: MarketTime
    names: tuple[str, ...]


class WatchlistHistory(Sourced):
    """Published lists, newest first."""

    versions: tuple[WatchlistVersion, ...]


class RuleCount(Message):
    """How often one rule refused."""

    rule: str
    count: int
    codes: int
    example: RefusalView


class Decisions(Sourced):
    """Why candidates were not bought on one day."""

    market_day: date | None
    rules: tuple[RuleCount, ...]
    refusals: tuple[RefusalView, ...]
    total: int


class ChainLink(Message):
    """One step of the way back; `found` False says that the store has no such record."""

    step: str
    found: bool
    label: str
    facts: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    at: MarketTime | None = None


class WhyChain(Sourced):
    """trade -> fills -> order -> signal -> watchlist version -> score run -> price partitions."""

    intent_id: str
    complete: bool
    links: tuple[ChainLink, ...]
