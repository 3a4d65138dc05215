"""Macro, watchlist, refusals and lineage (R-DASH-04, R-DASH-05)."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from redis.exceptions import RedisError

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.macro import IntradayRisk, MacroInsight, SectorBudget, TradingContext
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_live.dashboard import ledger_queries, lineage, market_queries
from jennie_live.dashboard.context import Context, Dashboard
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.research import (
    Decisions,
    InsightDates,
    InsightView,
    RefusalView,
    RegimeView,
    RuleCount,
    WatchlistHistory,
    WatchlistView,
    WhyChain,
)
from jennie_live.dashboard.watch_rows import watch_rows

router = APIRouter(prefix="/api", tags=["research"])
RUN_SCOUT = "run scout_job on the System page, or wait for its next time"
RUN_COUNCIL = "run macro_council_job on the System page, or wait for its next time"


@router.get("/macro/regime")
async def regime(context: Context) -> RegimeView:
    """The trading context in force, with the monitor's intraday throttle on top (R-DASH-04)."""
    redis = context.runtime.redis
    reading = await get(redis, RedisKeys.REGIME_CURRENT, TradingContext)
    throttle = await get(redis, RedisKeys.RISK_INTRADAY, IntradayRisk)
    found, risk = reading.value, throttle.value
    effective: MarketRegime | None = found.market_regime if found else None
    if effective is not None and risk is not None and risk.minimum_regime is not None:
        effective = max(effective, risk.minimum_regime, key=lambda regime: regime.severity)
    multiplier = found.position_multiplier if found else None
    if multiplier is not None and risk is not None:
        multiplier = min(multiplier, risk.position_multiplier)
    return RegimeView(
        source="redis",
        as_of=found.known_at if found else None,
        problem=None if found else Problem(rule="REGIME-ABSENT", detail=reading.problem, next_step=RUN_COUNCIL),
        context=found,
        is_expired=None if found is None else context.now() >= found.expires_at,
        intraday=risk,
        intraday_problem=None
        if risk
        else Problem(rule="THROTTLE-ABSENT", detail=throttle.problem, next_step="check price-monitor on System"),
        effective_regime=effective.value if effective else None,
        effective_position_multiplier=None if multiplier is None else round(multiplier, 3),
    )


@router.get("/macro/insight")
async def insight(context: Context, target_date: date | None = None) -> InsightView:
    """The newest verdict, of a day if given."""
    row = await context.market.read(lambda c: market_queries.insight_row(c, target_date))
    if row is None:
        problem = Problem(rule="INSIGHT-ABSENT", detail="no verdict of the council is on record", next_step=RUN_COUNCIL)
        return InsightView(source="market", insight=None, problem=problem)
    return InsightView(
        source="market", as_of=row.known_at, insight=MacroInsight.model_validate(row.insight), raw_output=row.raw_output
    )


@router.get("/macro/dates")
async def dates(context: Context, limit: Annotated[int, Query(ge=1, le=400)] = 30) -> InsightDates:
    """Days with a verdict, newest first."""
    found = await context.market.read(lambda c: market_queries.insight_dates(c, limit))
    return InsightDates(source="market", as_of=found[0].known_at if found else None, dates=found)


@router.get("/watchlist/current")
async def watchlist(context: Context) -> WatchlistView:
    """The active list from Redis, else the newest of the store; each entry with the rule nearest in its way."""
    redis = context.runtime.redis
    reading = await get(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
    budget = (await get(redis, RedisKeys.SECTOR_BUDGET, SectorBudget)).value
    manual = await _manual_codes(context)
    listed = reading.value
    stored = [] if listed else await context.market.read(market_queries.newest_watchlist)
    if listed is None and not stored:
        problem = Problem(rule="WATCHLIST-ABSENT", detail=reading.problem, next_step=RUN_SCOUT)
        return _empty(problem, manual)
    entries = listed.entries if listed else market_queries.watchlist_entries(stored)
    rows = await watch_rows(context, entries, listed.run_id if listed else stored[0].run_id)
    return WatchlistView(
        source="redis" if listed else "market",
        as_of=listed.known_at if listed else stored[0].known_at,
        problem=None
        if listed
        else Problem(
            rule="WATCHLIST-STORED", detail="no list is in force; the last stored one is shown", next_step=RUN_SCOUT
        ),
        version=listed.version if listed else stored[0].version,
        run_id=listed.run_id if listed else stored[0].run_id,
        market_day=listed.market_day if listed else stored[0].snapshot_date,
        market_regime=listed.market_regime.value if listed else stored[0].market_regime,
        is_expired=context.now() >= listed.expires_at if listed else True,
        expires_at=listed.expires_at if listed else None,
        rows=rows,
        sectors=budget.sectors if budget else {},
        manual=manual,
    )


@router.get("/watchlist/history")
async def watchlist_history(context: Context, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> WatchlistHistory:
    """Published lists, newest first."""
    found = await context.market.read(lambda c: market_queries.watchlist_versions(c, limit))
    return WatchlistHistory(source="market", as_of=found[0].known_at if found else None, versions=found)


@router.get("/decisions")
async def decisions(
    context: Context, day: date | None = None, code: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{6}$")] = None
) -> Decisions:
    """Why candidates were not bought: refusals by rule with value and limit."""
    asked = day or context.now().date()
    found = await context.ledger.read(lambda c: ledger_queries.refusals(c, asked, code))
    grouped: dict[str, list[RefusalView]] = {}
    for refusal in found:
        grouped.setdefault(refusal.rule, []).append(refusal)
    rules = [
        RuleCount(rule=rule, count=len(group), codes=len({item.stock_code for item in group}), example=group[0])
        for rule, group in grouped.items()
    ]
    return Decisions(
        source="ledger",
        as_of=found[0].decided_at if found else None,
        market_day=asked,
        rules=tuple(sorted(rules, key=lambda rule: rule.count, reverse=True)),
        refusals=found[:200],
        total=len(found),
    )


@router.get("/why/{intent_id}")
async def why(context: Context, intent_id: str) -> WhyChain:
    """A trade followed back to the price partitions it rests on."""
    links, intent = await context.ledger.read(lambda c: lineage.ledger_links(c, intent_id))
    if intent is not None:
        links += await context.market.read(
            lambda c: lineage.market_links(c, intent.stock_code, intent.watchlist_version, intent.score_run_id)
        )
    complete = intent is not None and all(link.found for link in links)
    problem = None
    if not complete:
        missing = ", ".join(link.step for link in links if not link.found)
        problem = Problem(
            rule="LINEAGE-GAP",
            detail=f"no record of: {missing}",
            next_step="manual orders have no watchlist; otherwise see the run in Dagster",
        )
    return WhyChain(
        source="ledger and market",
        as_of=intent.updated_at if intent is not None else None,
        problem=problem,
        intent_id=intent_id,
        complete=complete,
        links=tuple(links),
    )


async def _manual_codes(context: Dashboard) -> dict[str, str]:
    try:
        raw: Any = await context.runtime.redis.hgetall(RedisKeys.WATCHLIST_MANUAL.value)
    except (RedisError, OSError):
        return {}
    return {text(code): text(name) for code, name in raw.items()}


def _empty(problem: Problem, manual: dict[str, str]) -> WatchlistView:
    return WatchlistView(
        source="none",
        problem=problem,
        version=None,
        run_id=None,
        market_day=None,
        market_regime=None,
        is_expired=None,
        expires_at=None,
        rows=(),
        manual=manual,
    )
