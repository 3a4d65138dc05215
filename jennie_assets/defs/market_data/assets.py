"""Prices, index levels, investor flows, stock master and statements, one KRX session per partition."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import dagster as dg
import polars as pl
from sqlalchemy.engine import Connection

from jennie_assets.partitions import CALENDAR, SESSIONS, key_of
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts, facts, frame_version
from jennie_core.scoring.sectors import with_sector_group
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference

GROUP = "market_data"
OWNERS = ["team:data-plane"]
CHUNK_SESSIONS = 64

Write = Callable[[Connection, pl.DataFrame, date, date], int]


def _windows(days: tuple[date, ...]) -> Iterator[tuple[date, date]]:
    for start in range(0, len(days), CHUNK_SESSIONS):
        chunk = days[start : start + CHUNK_SESSIONS]
        yield chunk[0], chunk[-1]


def _load(
    context: dg.AssetExecutionContext,
    platform: Platform,
    run: RunFacts,
    read: Callable[[date, date], pl.DataFrame],
    write: Write,
) -> dg.MaterializeResult[None]:
    """Copy the run's sessions from the source in windows, each in one transaction, and note every session's rows."""
    name = context.asset_key.to_user_string()
    total, per_day, versions, done = 0, dict.fromkeys(run.days, 0), [], 0
    for first, last in _windows(run.days):
        frame = read(first, last).filter(pl.col("trade_date").is_in(run.days))
        with platform.market.begin() as connection:
            total += write(connection, frame, first, last)
        per_day.update(frame.group_by("trade_date").len().iter_rows())
        versions.append(frame_version(frame))
        done = next(index for index, day in enumerate(run.days, start=1) if day == last)
        platform.report_progress(name, done, len(run.days))
    if len(run.days) > 1:
        for day, rows in per_day.items():
            context.add_asset_metadata({"rows": rows}, partition_key=key_of(day))
    version = versions[0] if len(versions) == 1 else frame_version(pl.DataFrame({"version": versions}))
    source = platform.source.describe()["source"]
    return dg.MaterializeResult(metadata=run.metadata(rows=total, source=source, version=version))


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="market_store",
)
def daily_prices(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Daily bars of every listed code (일봉); partition D holds day D."""
    run = facts(context, platform)
    source = platform.source
    name = source.describe()["kind"][:24]
    return _load(
        context,
        platform,
        run,
        source.daily_prices,
        lambda connection, frame, first, last: prices.write_daily_prices(connection, frame, first, last, name),
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="market_store",
)
def index_prices(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Daily levels of KOSPI, KOSDAQ and KOSPI200 (지수)."""
    run = facts(context, platform)
    return _load(context, platform, run, platform.source.index_daily, prices.write_index_prices)


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="market_store",
)
def investor_flows(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Net buying of foreigners and institutions in shares per code and trade date (수급)."""
    run = facts(context, platform)
    return _load(context, platform, run, platform.source.investor_flows, prices.write_investor_flows)


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    pool="market_store",
)
def stock_master(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Listed codes with market, kind, status, sector and newest market value (종목 마스터), as known on the session."""
    run = facts(context, platform)
    source = platform.source
    master = with_sector_group(source.stock_master(run.day))
    caps = source.market_caps(run.day)
    with platform.market.begin() as connection:
        rows = reference.write_stock_master(connection, master, caps, run.day, run.now)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=rows,
            source=source.describe()["source"],
            version=frame_version(master),
            market_values_known=caps.height,
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    pool="market_store",
)
def fundamentals(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Newest filed statement and consensus per code, as known on the morning after the session (재무, 컨센서스)."""
    run = facts(context, platform)
    source = platform.source
    known_by = CALENDAR.next_session(run.day) - timedelta(days=1)
    statements, consensus = source.fundamentals(known_by), source.consensus(known_by)
    with platform.market.begin() as connection:
        rows = reference.write_fundamentals(connection, statements, run.day, run.now)
        estimates = reference.write_consensus(connection, consensus, known_by, "folder", run.now)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=rows,
            source=source.describe()["source"],
            version=frame_version(statements),
            consensus_rows=estimates,
            known_by=known_by.isoformat(),
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "rest"},
    partitions_def=SESSIONS,
    deps=["hot_watchlist", "positions"],
    pool="market_store",
)
def close_prices(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """The session's own bars after the close for listed and held codes, from the gateway; the morning load replaces them."""
    from jennie_assets.gateway_reads import closing_bars, watched_codes

    run = facts(context, platform)
    codes = watched_codes(platform, run.day)
    frame, failed = closing_bars(platform, codes, run.day)
    with platform.market.begin() as connection:
        rows = prices.upsert_close_prices(connection, frame, run.day)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=rows, source="gateway", version=frame_version(frame), codes=len(codes), unanswered=", ".join(failed)
        )
    )
