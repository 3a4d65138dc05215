"""Tables of the market store: prices, flows, fundamentals, news, scores, insights (bulk, natural keys)."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Date, Float, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from jennie_infra.db.ledger import NAMING
from jennie_infra.db.types import CODE_TYPE, JsonText, UtcDateTime

CLUSTERED = {"sqlite_with_rowid": False}
"""Rows live in the primary key's tree, as in InnoDB: half the writes of a bulk load."""


class MarketBase(DeclarativeBase):
    """Base of the market tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        date: Date(),
        bool: Boolean(),
        float: Float(53),
        dict[str, Any]: JsonText(),
    }


class MarketStamp(MarketBase):
    """Which mode and account this store belongs to (B5); one row."""

    __tablename__ = "market_stamp"
    stamp: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]


class StockMaster(MarketBase):
    """Listed codes as known on a date (종목 마스터); one row per code and date, null where the source cannot tell."""

    __tablename__ = "stock_master"
    as_of: Mapped[date] = mapped_column(primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    stock_name: Mapped[str | None] = mapped_column(String(100))
    market: Mapped[str | None] = mapped_column(String(10))
    asset_kind: Mapped[str | None] = mapped_column(String(12))
    status: Mapped[str | None] = mapped_column(String(24))
    sector_large: Mapped[str | None] = mapped_column(String(60))
    sector_mid: Mapped[str | None] = mapped_column(String(60))
    sector_group: Mapped[str | None] = mapped_column(String(30))
    market_cap_on: Mapped[date | None]
    market_cap_krw: Mapped[int | None] = mapped_column(BigInteger)
    listed_shares: Mapped[int | None] = mapped_column(BigInteger)
    known_at: Mapped[datetime]


class SectorMapping(MarketBase):
    """Sub-sector to sector group (R-SECT-02)."""

    __tablename__ = "sector_mapping"
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    sub_sector: Mapped[str] = mapped_column(String(60))
    sector_group: Mapped[str] = mapped_column(String(30))
    known_at: Mapped[datetime]


class StockDailyPrice(MarketBase):
    """One session of one code; a halted session has open = high = low = 0 and is_halted."""

    __tablename__ = "stock_daily_price"
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    trade_date: Mapped[date] = mapped_column(primary_key=True)
    open_krw: Mapped[int] = mapped_column(BigInteger)
    high_krw: Mapped[int] = mapped_column(BigInteger)
    low_krw: Mapped[int] = mapped_column(BigInteger)
    close_krw: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)
    is_halted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(24))
    known_at: Mapped[datetime]
    __table_args__ = (Index(None, "trade_date"), CLUSTERED)


class StockMinutePrice(MarketBase):
    """One minute of one code."""

    __tablename__ = "stock_minute_price"
    trade_date: Mapped[date] = mapped_column(primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    open_krw: Mapped[int] = mapped_column(BigInteger)
    high_krw: Mapped[int] = mapped_column(BigInteger)
    low_krw: Mapped[int] = mapped_column(BigInteger)
    close_krw: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)


class IndexDailyPrice(MarketBase):
    """One session of one index (KOSPI, KOSDAQ, KOSPI200)."""

    __tablename__ = "index_daily_price"
    index_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    trade_date: Mapped[date] = mapped_column(primary_key=True)
    open_level: Mapped[float | None]
    high_level: Mapped[float | None]
    low_level: Mapped[float | None]
    close_level: Mapped[float]
    change_pct: Mapped[float | None]
    volume: Mapped[int | None] = mapped_column(BigInteger)
    known_at: Mapped[datetime]


class MacroDaily(MarketBase):
    """One day of one macro series; the date is that of the series' own market."""

    __tablename__ = "macro_daily"
    series: Mapped[str] = mapped_column(String(16), primary_key=True)
    observed_on: Mapped[date] = mapped_column(primary_key=True)
    close_value: Mapped[float]
    known_at: Mapped[datetime]


class StockInvestorTrading(MarketBase):
    """Net buying of one trade date (R-ENR-12): shares, and won at the close; null where unknown."""

    __tablename__ = "stock_investor_trading"
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    trade_date: Mapped[date] = mapped_column(primary_key=True)
    foreign_net_shares: Mapped[int | None] = mapped_column(BigInteger)
    institution_net_shares: Mapped[int | None] = mapped_column(BigInteger)
    foreign_net_krw: Mapped[int | None] = mapped_column(BigInteger)
    institution_net_krw: Mapped[int | None] = mapped_column(BigInteger)
    foreign_holding_pct: Mapped[float | None]
    known_at: Mapped[datetime]
    __table_args__ = (Index(None, "trade_date"), CLUSTERED)


class StockFundamentals(MarketBase):
    """Ratios as known on a date; null where unknown."""

    __tablename__ = "stock_fundamentals"
    as_of: Mapped[date] = mapped_column(primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    per: Mapped[float | None]
    pbr: Mapped[float | None]
    roe: Mapped[float | None]
    net_income_krw: Mapped[float | None]
    total_equity_krw: Mapped[float | None]
    fiscal_period: Mapped[str | None] = mapped_column(String(10))
    filed_on: Mapped[date | None]
    known_at: Mapped[datetime]


class StockConsensus(MarketBase):
    """Analyst consensus as known on a date."""

    __tablename__ = "stock_consensus"
    as_of: Mapped[date] = mapped_column(primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    forward_per: Mapped[float | None]
    forward_eps: Mapped[float | None]
    forward_roe: Mapped[float | None]
    target_price_krw: Mapped[int | None] = mapped_column(BigInteger)
    analyst_count: Mapped[int | None] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(String(20))
    known_at: Mapped[datetime]


class StockDisclosure(MarketBase):
    """One filing (공시)."""

    __tablename__ = "stock_disclosure"
    receipt_number: Mapped[str] = mapped_column(String(20), primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    disclosed_on: Mapped[date]
    title: Mapped[str] = mapped_column(String(500))
    report_type: Mapped[str] = mapped_column(String(40))
    known_at: Mapped[datetime]
    __table_args__ = (Index(None, "stock_code", "disclosed_on"),)


class StockNewsSentiment(MarketBase):
    """One headline with its sentiment; `status` is scored, fallback or failed, never a silent 50 (R-NEWS-09)."""

    __tablename__ = "stock_news_sentiment"
    article_key: Mapped[str] = mapped_column(String(32), primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE)
    news_date: Mapped[date]
    headline: Mapped[str] = mapped_column(String(500))
    press: Mapped[str | None] = mapped_column(String(60))
    sentiment_score: Mapped[float | None]
    sentiment_reason: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10))
    analyst: Mapped[str] = mapped_column(String(40))
    known_at: Mapped[datetime]
    __table_args__ = (Index(None, "stock_code", "news_date"), Index(None, "news_date"))


class DailyQuantScore(MarketBase):
    """Quant, analyst and hybrid score of a stock by one scorer in one run (seed: daily_quant_score); append-only (B4).

    `feeds_watchlist` says that the scorer was the configured one; only its newest run of a day `is_active`.
    """

    __tablename__ = "daily_quant_score"
    score_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    stock_name: Mapped[str] = mapped_column(String(100))
    scorer_version: Mapped[str] = mapped_column(String(20), primary_key=True)
    settings_hash: Mapped[str] = mapped_column(String(16))
    total_quant_score: Mapped[float | None]
    coverage_ratio: Mapped[float]
    momentum_score: Mapped[float | None]
    quality_score: Mapped[float | None]
    value_score: Mapped[float | None]
    technical_score: Mapped[float | None]
    news_score: Mapped[float | None]
    supply_demand_score: Mapped[float | None]
    sector_momentum_score: Mapped[float | None]
    llm_score: Mapped[float | None]
    hybrid_score: Mapped[float | None]
    smoothed_score: Mapped[float | None]
    analyst: Mapped[str | None] = mapped_column(String(40))
    llm_grade: Mapped[str | None] = mapped_column(String(1))
    llm_reason: Mapped[str | None] = mapped_column(Text)
    risk_tag: Mapped[str | None] = mapped_column(String(20))
    trade_tier: Mapped[str | None] = mapped_column(String(8))
    is_tradable: Mapped[bool]
    is_final_selected: Mapped[bool]
    exclusion: Mapped[str | None] = mapped_column(String(120))
    sector_group: Mapped[str | None] = mapped_column(String(30))
    feeds_watchlist: Mapped[bool]
    is_active: Mapped[bool]
    known_at: Mapped[datetime]
    __table_args__ = (Index(None, "score_date", "is_active"),)


class WatchlistHistory(MarketBase):
    """Published watchlists (seed: watchlist_history)."""

    __tablename__ = "watchlist_history"
    snapshot_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stock_code: Mapped[str] = mapped_column(CODE_TYPE, primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    rank_number: Mapped[int] = mapped_column(Integer)
    entry: Mapped[dict[str, Any]]
    market_regime: Mapped[str] = mapped_column(String(12))
    is_active: Mapped[bool]
    known_at: Mapped[datetime]


class DailyMacroInsight(MarketBase):
    """Council verdicts (seed: daily_macro_insight), one per run, raw outputs kept."""

    __tablename__ = "daily_macro_insight"
    insight_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    analyst: Mapped[str] = mapped_column(String(40))
    sentiment_score: Mapped[float]
    market_regime: Mapped[str] = mapped_column(String(12))
    insight: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    raw_output: Mapped[dict[str, Any]]
    is_active: Mapped[bool]
    known_at: Mapped[datetime]


class SectorBudgetHistory(MarketBase):
    """Published sector budgets."""

    __tablename__ = "sector_budget_history"
    budget_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    budget: Mapped[dict[str, Any]]
    is_active: Mapped[bool]
    known_at: Mapped[datetime]


class DailyBriefing(MarketBase):
    """The briefing as sent (R-BRF)."""

    __tablename__ = "daily_briefing"
    briefing_date: Mapped[date] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    writer: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    known_at: Mapped[datetime]
