"""From the universe to the hot watchlist and the trading permit; one partition is one market day, runs append (B4)."""

import dagster as dg
import polars as pl

from jennie_assets import permit as permits
from jennie_assets.analyst import opinions
from jennie_assets.inputs import Knowledge, market_readings
from jennie_assets.partitions import CALENDAR, SESSIONS, sessions_before
from jennie_assets.platform import Platform
from jennie_assets.portfolio import held_per_sector
from jennie_assets.run_facts import facts, frame_version
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.sessions import session_times
from jennie_core.scoring.analyst import fallback_ratio
from jennie_core.scoring.analyst import hybrid_scores as judge
from jennie_core.scoring.budget import build_sector_budget, effective_caps
from jennie_core.scoring.quant import SCORER_VERSION
from jennie_core.scoring.quant import quant_scores as score
from jennie_core.scoring.selection import select
from jennie_core.scoring.smoothing import smoothed_scores
from jennie_core.scoring.universe import select_universe
from jennie_core.scoring.watchlist import build_watchlist
from jennie_infra.bus.cache import get_sync, put_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.repositories import market_scores as scores

GROUP = "scout"
OWNERS = ["team:data-plane"]


class NoRegimeError(LookupError):
    """The council has not spoken for the market day, so nothing may be listed under a regime."""


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet", "polars"},
    partitions_def=SESSIONS,
    deps=[
        sessions_before("daily_prices", 250),
        sessions_before("investor_flows", 60),
        sessions_before("stock_master", 1),
        sessions_before("fundamentals", 1),
        "news_sentiment",
    ],
)
def universe(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Stocks that may be looked at with their readings, and the rule that left out each other one (Q3)."""
    run = facts(context, platform)
    known = Knowledge(run.day)
    readings, version = market_readings(platform, context.instance, known)
    chosen = select_universe(
        readings, as_of=known.last_session, settings=platform.trading.scout, listed_codes=readings["code"].to_list()
    )
    members = readings.join(chosen.members.select("code", "size_rank"), on="code", how="inner", validate="1:1")
    platform.artifacts.write("universe", run.day, run.run_id, members.sort("size_rank"))
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=members.height,
            source="market store",
            version=version,
            run_id=run.run_id,
            known_until=known.last_session.isoformat(),
            excluded=dg.MetadataValue.json(chosen.reasons()),
            notes="; ".join(chosen.notes),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet", "polars"},
    partitions_def=SESSIONS,
    deps=[universe, "regime_context"],
)
def quant_scores(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Quant score of every member: points of the known parts over their maximum, and how much was known (Q1)."""
    run = facts(context, platform)
    members = platform.artifacts.read("universe", run.day, run.run_id)
    with platform.market.connect() as connection:
        regime = scores.active_context(connection, run.day)
    if regime is None:
        raise NoRegimeError(f"no trading context for {run.day}: run macro_council_job first")
    scored = score(members, regime=regime.market_regime)
    platform.artifacts.write("quant_scores", run.day, run.run_id, scored)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=scored.height,
            source="universe",
            version=frame_version(scored, ["code", "total_quant_score", "coverage_ratio"]),
            run_id=run.run_id,
            scorer=SCORER_VERSION,
            regime=regime.market_regime.value,
            median_score=_number(scored["total_quant_score"].median()),
            median_coverage=_number(scored["coverage_ratio"].median()),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet", "rules", "openai"},
    partitions_def=SESSIONS,
    deps=[quant_scores, "news_vectors"],
    pool="llm",
)
def analyst_scores(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Opinions on every candidate; `analyst` says who spoke: `rules` or a model."""
    run = facts(context, platform)
    scored = platform.artifacts.read("quant_scores", run.day, run.run_id)
    frame = opinions(platform, scored, now=run.now)
    platform.artifacts.write("analyst_scores", run.day, run.run_id, frame)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=frame.height,
            source=platform.language_model.name,
            version=frame_version(frame),
            run_id=run.run_id,
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    deps=[quant_scores, analyst_scores],
)
def hybrid_scores(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Analyst score held within 15 points of the quant score, smoothed over three sessions, with tier and risk tag."""
    run = facts(context, platform)
    settings = platform.trading.scout
    scored = platform.artifacts.read("quant_scores", run.day, run.run_id)
    judged = judge(scored, platform.artifacts.read("analyst_scores", run.day, run.run_id), settings=settings)
    with platform.market.begin() as connection:
        history = scores.score_history(connection, run.day, settings.ma_window - 1)
        smoothed = smoothed_scores(judged, history, market_day=run.day, window=settings.ma_window)
        rows = scores.write_scores(
            connection,
            smoothed,
            day=run.day,
            run_id=run.run_id,
            settings_hash=platform.trading.settings_hash(),
            known_at=run.now,
        )
    platform.artifacts.write("hybrid_scores", run.day, run.run_id, smoothed)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=rows,
            source="quant_scores, analyst_scores",
            version=frame_version(smoothed, ["code", "hybrid_score", "smoothed_score"]),
            run_id=run.run_id,
            tradable=smoothed.filter(pl.col("is_tradable")).height,
            history_days=history["score_date"].n_unique(),
            fallback_ratio=_number(fallback_ratio(judged)),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "table"},
    partitions_def=SESSIONS,
    deps=[universe, "regime_context"],
)
def sector_budget(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Tier and caps of every sector from the last session's returns, published at budget:sector:active (R-BUD)."""
    run = facts(context, platform)
    members = platform.artifacts.read("universe", run.day, run.run_id)
    with platform.market.connect() as connection:
        regime = scores.active_context(connection, run.day)
    if regime is None:
        raise NoRegimeError(f"no trading context for {run.day}: run macro_council_job first")
    budget = build_sector_budget(
        members,
        run_id=run.run_id,
        market_day=run.day,
        known_at=run.now,
        expires_at=session_times(run.day).close_at,
        favor=regime.favor_sectors,
        avoid=regime.avoid_sectors,
    )
    with platform.market.begin() as connection:
        scores.write_budget(connection, budget)
    put_sync(platform.redis, RedisKeys.SECTOR_BUDGET, budget)
    tiers = {name: row.tier.value for name, row in budget.sectors.items()}
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(budget.sectors),
            source="universe",
            version=frame_version(members, ["code", "change_pct"]),
            run_id=run.run_id,
            tiers=dg.MetadataValue.json(tiers),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "table"},
    partitions_def=SESSIONS,
    deps=[hybrid_scores, sector_budget],
)
def hot_watchlist(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """The list the trading plane may buy from, published at watchlist:active until the close of its day (R-SEL)."""
    run = facts(context, platform)
    smoothed = platform.artifacts.read("hybrid_scores", run.day, run.run_id)
    with platform.market.connect() as connection:
        regime = scores.active_context(connection, run.day)
        budget = scores.active_budget(connection, run.day)
        _, previous = scores.active_entries(connection, CALENDAR.previous_session(run.day), run.day)
    if regime is None:
        raise NoRegimeError(f"no trading context for {run.day}: run macro_council_job first")
    selected = select(
        smoothed,
        previous_codes={entry.code for entry in previous},
        sector_caps=effective_caps(budget, held_per_sector(platform)),
        settings=platform.trading.scout,
    )
    watchlist = build_watchlist(
        selected,
        run_id=run.run_id,
        market_day=run.day,
        market_regime=regime.market_regime,
        known_at=run.now,
        expires_at=session_times(run.day).close_at,
        listed_since={entry.code: entry.first_listed_on for entry in previous},
    )
    with platform.market.begin() as connection:
        scores.mark_selected(connection, run.day, run.run_id, [entry.code for entry in watchlist.entries])
        scores.write_watchlist(connection, watchlist)
    put_sync(platform.redis, RedisKeys.WATCHLIST_ACTIVE, watchlist)
    platform.artifacts.write("selection", run.day, run.run_id, selected.select("code", "is_selected", "selection_note"))
    listed = pl.DataFrame({"code": [entry.code for entry in watchlist.entries]}, schema={"code": pl.String})
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(watchlist.entries),
            source="hybrid_scores, sector_budget",
            version=frame_version(listed),
            run_id=run.run_id,
            watchlist_version=watchlist.version,
            regime=watchlist.market_regime.value,
            tradable=sum(entry.is_tradable for entry in watchlist.entries),
            entries=dg.MetadataValue.md(_as_table(watchlist)),
            notes=dg.MetadataValue.json(dict(selected.group_by("selection_note").len().sort("len").iter_rows())),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "table"},
    partitions_def=SESSIONS,
    deps=[
        hot_watchlist,
        "regime_context",
        sessions_before("daily_prices", 1),
        sessions_before("stock_master", 1),
    ],
)
def trading_permit(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Signed permission to open positions today, compiled from the blocking checks, published at permit:trading (O6)."""
    run = facts(context, platform)
    listed = get_sync(platform.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
    version = permits.NO_WATCHLIST if listed.value is None else listed.value.version
    document = permits.compile_permit(
        platform, context.instance, market_day=run.day, watchlist_version=version, now=run.now
    )
    permits.issue(platform, document)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(document.checks),
            source="asset checks",
            version=document.signature[:12],
            granted=document.granted,
            reasons="; ".join(document.reasons),
            watchlist_version=document.watchlist_version,
            expires_at=document.expires_at.isoformat(),
        )
    )


def _number(value: object) -> float | str:
    return round(value, 4) if isinstance(value, float) else "unknown"


def _as_table(watchlist: HotWatchlist) -> str:
    rows = [
        f"| {entry.rank} | {entry.code} | {entry.name} | {entry.sector_group} | {entry.hybrid_score} | {entry.trade_tier} |"
        for entry in watchlist.entries
    ]
    return "\n".join(["| # | code | name | sector | hybrid | tier |", "|---|---|---|---|---|---|", *rows])
