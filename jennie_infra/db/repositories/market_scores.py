"""Scores, watchlists, insights, budgets, briefings: append-only per run, `is_active` marks a day's latest (B4)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.macro import MacroInsight, SectorBudget, TradingContext
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_infra.db.market import (
    DailyBriefing,
    DailyMacroInsight,
    DailyQuantScore,
    MarketBase,
    SectorBudgetHistory,
    WatchlistHistory,
)
from jennie_infra.db.repositories.market_bulk import insert_frame, read_frame
from jennie_infra.db.repositories.market_prices import table_of

SCORE_HISTORY = {"score_date": pl.Date, "code": pl.String, "hybrid_score": pl.Float64}
STORED_SCORES = {
    "code": pl.String,
    "sector_group": pl.String,
    "coverage_ratio": pl.Float64,
    "hybrid_score": pl.Float64,
    "smoothed_score": pl.Float64,
    "is_final_selected": pl.Boolean,
}


def _begin_run(connection: Connection, model: type[MarketBase], day_column: str, day: date, run_id: str) -> None:
    """Earlier runs of the day become inactive; rows of the same run, left by a retry, are dropped."""
    table = table_of(model)
    connection.execute(delete(table).where(table.c[day_column] == day, table.c.run_id == run_id))
    connection.execute(update(table).where(table.c[day_column] == day, table.c.is_active).values(is_active=False))


def write_scores(
    connection: Connection,
    frame: pl.DataFrame,
    *,
    day: date,
    run_id: str,
    settings_hash: str,
    known_at: datetime,
    feeds_watchlist: bool = True,
) -> int:
    """Store every analysed stock of a run (R-SEL-12); `frame` has the columns of `smoothed_scores` of one scorer.

    Scores that do not feed the watchlist are kept beside the others' and never become active.
    """
    t = table_of(DailyQuantScore)
    scorers = frame["scorer_version"].unique().to_list()
    same_run = (t.c.score_date == day) & (t.c.run_id == run_id) & t.c.scorer_version.in_(scorers)
    connection.execute(delete(t).where(same_run))
    if feeds_watchlist:
        connection.execute(update(t).where(t.c.score_date == day, t.c.is_active).values(is_active=False))
    subs = ("momentum", "quality", "value", "technical", "news", "supply_demand", "sector_momentum")
    rows = frame.select(
        pl.lit(day).alias("score_date"), pl.lit(run_id).alias("run_id"), pl.col("code").alias("stock_code"),
        pl.coalesce("name", "code").alias("stock_name"), "scorer_version", pl.lit(settings_hash).alias("settings_hash"),
        "total_quant_score", "coverage_ratio", *(f"{name}_score" for name in subs), "llm_score", "hybrid_score",
        "smoothed_score", "analyst", "llm_grade", "llm_reason", "risk_tag", "trade_tier", "is_tradable",
        pl.lit(value=False).alias("is_final_selected"), pl.col("blocked_by").str.slice(0, 120).alias("exclusion"),
        "sector_group", pl.lit(feeds_watchlist).alias("feeds_watchlist"), pl.lit(feeds_watchlist).alias("is_active"),
        pl.lit(known_at).alias("known_at"),
    )  # fmt: skip
    return insert_frame(connection, t, rows)


def mark_selected(connection: Connection, day: date, run_id: str, codes: list[str]) -> None:
    """Note which of a run's stocks made the list that its scores fed."""
    t = table_of(DailyQuantScore)
    run = (t.c.score_date == day) & (t.c.run_id == run_id) & t.c.feeds_watchlist
    connection.execute(update(t).where(run).values(is_final_selected=False))
    if codes:
        connection.execute(update(t).where(run, t.c.stock_code.in_(codes)).values(is_final_selected=True))


def score_history(connection: Connection, before: date, dates: int, *, scorer_version: str) -> pl.DataFrame:
    """The scorer's raw hybrid scores of its last `dates` score dates before `before` (`smoothing.HISTORY`).

    Each date's are those of its newest run, whether or not they fed the watchlist then.
    """
    t = table_of(DailyQuantScore).c
    newest = (
        select(t.score_date)
        .where(t.score_date < before, t.scorer_version == scorer_version)
        .distinct()
        .order_by(t.score_date.desc())
        .limit(dates)
    )
    days = list(connection.execute(newest).scalars())
    if not days:
        return pl.DataFrame(schema=SCORE_HISTORY)
    runs = [_newest_run(connection, day, scorer_version) for day in days]
    statement = select(t.score_date, t.stock_code, t.hybrid_score).where(
        t.score_date.in_(days), t.run_id.in_(runs), t.scorer_version == scorer_version
    )
    return read_frame(connection, statement, SCORE_HISTORY).sort("score_date", "code")


def _newest_run(connection: Connection, day: date, scorer_version: str) -> str | None:
    t = table_of(DailyQuantScore).c
    runs = select(t.run_id).where(t.score_date == day, t.scorer_version == scorer_version)
    newest: str | None = connection.execute(runs.order_by(t.known_at.desc(), t.run_id.desc()).limit(1)).scalar()
    return newest


def read_scores(connection: Connection, day: date, *, scorer_version: str | None = None) -> pl.DataFrame:
    """STORED_SCORES of the day's active run, or of one scorer's newest run, best first; empty when the day has none."""
    t = table_of(DailyQuantScore).c
    wanted = (
        t.is_active
        if scorer_version is None
        else (t.run_id == _newest_run(connection, day, scorer_version)) & (t.scorer_version == scorer_version)
    )
    statement = select(
        t.stock_code, t.sector_group, t.coverage_ratio, t.hybrid_score, t.smoothed_score, t.is_final_selected
    ).where(t.score_date == day, wanted)
    return read_frame(connection, statement, STORED_SCORES).sort("smoothed_score", "code", descending=[True, False])


def write_watchlist(connection: Connection, watchlist: HotWatchlist) -> None:
    """Store a published list."""
    _begin_run(connection, WatchlistHistory, "snapshot_date", watchlist.market_day, watchlist.run_id)
    rows = [
        {
            "snapshot_date": watchlist.market_day,
            "run_id": watchlist.run_id,
            "stock_code": entry.code,
            "version": watchlist.version,
            "rank_number": entry.rank,
            "entry": entry.model_dump(mode="json"),
            "market_regime": watchlist.market_regime.value,
            "is_active": True,
            "known_at": watchlist.known_at,
        }
        for entry in watchlist.entries
    ]
    if rows:
        connection.execute(insert(table_of(WatchlistHistory)), rows)


def active_entries(connection: Connection, first: date, last: date) -> tuple[date | None, tuple[WatchlistEntry, ...]]:
    """The newest active list of [first, last]: its market day and entries; (None, ()) when there is none."""
    t = table_of(WatchlistHistory).c
    inside = (t.snapshot_date >= first, t.snapshot_date <= last, t.is_active)
    day: date | None = connection.execute(
        select(t.snapshot_date).where(*inside).order_by(t.snapshot_date.desc()).limit(1)
    ).scalar()
    if day is None:
        return None, ()
    rows = connection.execute(
        select(t.entry).where(t.snapshot_date == day, t.is_active).order_by(t.rank_number)
    ).scalars()
    return day, tuple(WatchlistEntry.model_validate(row) for row in rows)


def watchlist_sizes(connection: Connection, day: date) -> Mapping[str, int]:
    """Stocks per stored run of a day."""
    t = table_of(WatchlistHistory).c
    sizes: dict[str, int] = {}
    for (run_id,) in connection.execute(select(t.run_id).where(t.snapshot_date == day)):
        sizes[run_id] = sizes.get(run_id, 0) + 1
    return sizes


def write_insight(connection: Connection, insight: MacroInsight, raw_output: Mapping[str, Any]) -> None:
    """Store a council verdict; its context is added by `write_context`."""
    _begin_run(connection, DailyMacroInsight, "insight_date", insight.insight_date, insight.run_id)
    connection.execute(
        insert(table_of(DailyMacroInsight)).values(
            insight_date=insight.insight_date,
            run_id=insight.run_id,
            analyst=insight.analyst[:40],
            sentiment_score=insight.sentiment_score,
            market_regime=insight.market_regime.value,
            insight=insight.model_dump(mode="json"),
            context={},
            raw_output=dict(raw_output),
            is_active=True,
            known_at=insight.known_at,
        )
    )


def write_context(connection: Connection, insight: MacroInsight, context: TradingContext) -> None:
    """Complete an insight's row with the trading context that was published from it."""
    t = table_of(DailyMacroInsight)
    connection.execute(
        update(t)
        .where(t.c.insight_date == insight.insight_date, t.c.run_id == insight.run_id)
        .values(context=context.model_dump(mode="json"))
    )


def active_insight(connection: Connection, day: date) -> MacroInsight | None:
    """The day's active insight."""
    t = table_of(DailyMacroInsight).c
    found = connection.execute(select(t.insight).where(t.insight_date == day, t.is_active)).scalar()
    return None if found is None else MacroInsight.model_validate(found)


def active_context(connection: Connection, day: date) -> TradingContext | None:
    """The day's active trading context."""
    t = table_of(DailyMacroInsight).c
    found = connection.execute(select(t.context).where(t.insight_date == day, t.is_active)).scalar()
    return TradingContext.model_validate(found) if found else None


def write_budget(connection: Connection, budget: SectorBudget) -> None:
    """Store a published sector budget."""
    _begin_run(connection, SectorBudgetHistory, "budget_date", budget.market_day, budget.run_id)
    connection.execute(
        insert(table_of(SectorBudgetHistory)).values(
            budget_date=budget.market_day,
            run_id=budget.run_id,
            budget=budget.model_dump(mode="json"),
            is_active=True,
            known_at=budget.known_at,
        )
    )


def active_budget(connection: Connection, day: date) -> SectorBudget | None:
    """The day's active sector budget."""
    t = table_of(SectorBudgetHistory).c
    found = connection.execute(select(t.budget).where(t.budget_date == day, t.is_active)).scalar()
    return None if found is None else SectorBudget.model_validate(found)


def write_briefing(
    connection: Connection,
    *,
    day: date,
    run_id: str,
    writer: str,
    text: str,
    sent_at: datetime | None,
    known_at: datetime,
) -> None:
    """Store a briefing as it was sent."""
    t = table_of(DailyBriefing)
    connection.execute(delete(t).where(t.c.briefing_date == day, t.c.run_id == run_id))
    connection.execute(
        insert(t).values(
            briefing_date=day, run_id=run_id, writer=writer[:40], text=text, sent_at=sent_at, known_at=known_at
        )
    )


def briefing_was_sent(connection: Connection, day: date) -> bool:
    """Whether a briefing of the day went out (R-BRF-01: once per day)."""
    t = table_of(DailyBriefing).c
    return (
        connection.execute(select(t.run_id).where(t.briefing_date == day, t.sent_at.is_not(None))).first() is not None
    )
