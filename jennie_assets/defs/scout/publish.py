"""What the scout publishes: sector budget, hot watchlist and the permit to trade by it."""

import dagster as dg
import polars as pl

from jennie_assets import permit as permits
from jennie_assets.partitions import CALENDAR, SESSIONS, sessions_before
from jennie_assets.platform import Platform
from jennie_assets.portfolio import held_per_sector
from jennie_assets.regime import regime_of
from jennie_assets.run_facts import facts, frame_version
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.sessions import session_times
from jennie_core.scoring.budget import build_sector_budget, effective_caps
from jennie_core.scoring.selection import select
from jennie_core.scoring.watchlist import build_watchlist
from jennie_infra.bus.cache import get_sync, put_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.repositories import market_scores as scores

GROUP = "scout"
OWNERS = ["team:data-plane"]


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "table"},
    partitions_def=SESSIONS,
    deps=["universe", "regime_context"],
)
def sector_budget(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Tier and caps of every sector from the last session's returns, published at budget:sector:active (R-BUD)."""
    run = facts(context, platform)
    members = platform.artifacts.read("universe", run.day, run.run_id)
    with platform.market.connect() as connection:
        regime = regime_of(connection, run.day)
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
    deps=["hybrid_scores", sector_budget],
)
def hot_watchlist(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """The list the trading plane may buy from, published at watchlist:active until the close of its day (R-SEL)."""
    run = facts(context, platform)
    smoothed = platform.artifacts.read("hybrid_scores", run.day, run.run_id)
    with platform.market.connect() as connection:
        regime = regime_of(connection, run.day)
        budget = scores.active_budget(connection, run.day)
        _, previous = scores.active_entries(connection, CALENDAR.previous_session(run.day), run.day)
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
    """Signed permission to open positions today, from the blocking checks, published at permit:trading (O6)."""
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


def _as_table(watchlist: HotWatchlist) -> str:
    rows = [
        f"| {row.rank} | {row.code} | {row.name} | {row.sector_group} | {row.hybrid_score} | {row.trade_tier.value} |"
        for row in watchlist.entries
    ]
    return "\n".join(["| # | code | name | sector | hybrid | tier |", "|---|---|---|---|---|---|", *rows])
