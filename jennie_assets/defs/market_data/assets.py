"""Prices, index levels, investor flows, stock master and statements, one KRX session per partition."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import dagster as dg
import polars as pl
from sqlalchemy.engine import Connection

from jennie_assets.partitions import CALENDAR, SESSIONS, key_of
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts, facts, frame_version
from jennie_core.domain.base import KST, canonical_hash
from jennie_core.scoring.sectors import with_sector_group
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.sources.protocol import source_of

GROUP = "market_data"
OWNERS = ["team:data-plane"]
CHUNK_SESSIONS = 64
MORNING = time(6, 30)

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
    dataset: str,
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
    version = versions[0] if len(versions) == 1 else canonical_hash(versions, 12)
    source = source_of(platform.source, dataset)
    return dg.MaterializeResult(metadata=run.metadata(rows=total, source=source, version=version))


def morning_after(day: date) -> datetime:
    """The instant from which a session's facts count as known: 06:30 of the next session, before any decision."""
    return datetime.combine(CALENDAR.next_session(day), MORNING, KST)


def _load_each(
    context: dg.AssetExecutionContext,
    platform: Platform,
    run: RunFacts,
    load: Callable[[Connection, date], tuple[int, str]],
    dataset: str,
) -> dg.MaterializeResult[None]:
    """Load each session of the run in a transaction of its own."""
    total, versions = 0, []
    for done, day in enumerate(run.days, start=1):
        with platform.market.begin() as connection:
            rows, version = load(connection, day)
        total += rows
        versions.append(version)
        if len(run.days) > 1:
            context.add_asset_metadata({"rows": rows}, partition_key=key_of(day))
        platform.report_progress(context.asset_key.to_user_string(), done, len(run.days))
    version = versions[0] if len(versions) == 1 else canonical_hash(versions, 12)
    return dg.MaterializeResult(
        metadata=run.metadata(rows=total, source=source_of(platform.source, dataset), version=version)
    )


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
        "prices",
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
    return _load(context, platform, run, platform.source.index_daily, prices.write_index_prices, "index")


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
    return _load(context, platform, run, platform.source.investor_flows, prices.write_investor_flows, "flows")


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="market_store",
)
def stock_master(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Listed codes with market, kind, status, sector and newest market value (종목 마스터), as known on the session."""
    run = facts(context, platform)
    source = platform.source

    def load(connection: Connection, day: date) -> tuple[int, str]:
        master = with_sector_group(source.stock_master(day))
        rows = reference.write_stock_master(connection, master, source.market_caps(day), day, morning_after(day))
        return rows, frame_version(master)

    return _load_each(context, platform, run, load, "prices")


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="market_store",
)
def fundamentals(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Newest filed statement and consensus per code, as known on the morning after the session (재무, 컨센서스)."""
    run = facts(context, platform)
    source = platform.source

    def load(connection: Connection, day: date) -> tuple[int, str]:
        known_by = CALENDAR.next_session(day) - timedelta(days=1)
        statements = source.fundamentals(known_by)
        known_at = morning_after(day)
        rows = reference.write_fundamentals(connection, statements, day, known_at)
        reference.write_consensus(connection, source.consensus(known_by), known_by, "folder", known_at)
        return rows, frame_version(statements)

    return _load_each(context, platform, run, load, "statements")


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table", "rest"},
    partitions_def=SESSIONS,
    deps=["hot_watchlist", "positions"],
    pool="market_store",
)
def close_prices(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """The session's own bars of listed and held codes after the close, from the gateway, until the morning load."""
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
