"""What the trading plane saw and did, as assets: lineage from the watchlist to every position.

The workers write these records themselves; an asset here counts and hashes them, it never copies or changes them.
"""

from collections import Counter

import dagster as dg

from jennie_assets import records
from jennie_assets.partitions import SESSIONS
from jennie_assets.platform import Platform
from jennie_assets.run_facts import facts
from jennie_core.domain.base import from_epoch_us

GROUP = "trading"
OWNERS = ["team:trading-plane"]


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"redis"}, partitions_def=SESSIONS)
def ticks(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Trades of the day on stream:ticks (체결); registered, not copied."""
    run = facts(context, platform)
    stream = records.tick_stream(platform)
    if "problem" in stream:
        return dg.MaterializeResult(
            metadata=run.metadata(rows=0, source="stream:ticks", version="unknown", problem=stream["problem"])
        )
    ends = {
        name: "unknown" if stream[f"{name}_us"] is None else from_epoch_us(stream[f"{name}_us"]).isoformat()
        for name in ("first", "last")
    }
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=stream["length"], source="stream:ticks", version=records.version_of([stream]), **ends
        )
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"table"},
    partitions_def=SESSIONS,
    deps=["hot_watchlist", "trading_permit", ticks],
)
def buy_signals(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Buy signals of the day with the one outcome of each and the rule that refused it."""
    return _signals(context, platform, "buy")


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, deps=["regime_context", ticks])
def sell_orders(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Sell orders that the monitor raised, with their outcomes."""
    return _signals(context, platform, "sell")


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, deps=[buy_signals, sell_orders])
def order_intents(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Every intended order of the day and its state (주문)."""
    run = facts(context, platform)
    rows = records.intents(platform, run.day)
    states = Counter(f"{row['side']} {row['state']}" for row in rows)
    versions = sorted({row["watchlist_version"] for row in rows if row["watchlist_version"]})
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(rows),
            source="ledger.order_intent",
            version=records.version_of(rows),
            states=dg.MetadataValue.json(dict(states)),
            watchlist_versions=", ".join(versions),
            score_runs=", ".join(sorted({row["score_run_id"] for row in rows if row["score_run_id"]})),
        )
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, deps=[order_intents])
def fills(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Booked executions of the day with fees and taxes (체결 내역)."""
    run = facts(context, platform)
    rows = records.fills(platform, run.day)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(rows),
            source="ledger.fill",
            version=records.version_of(rows),
            bought_krw=sum(row["quantity"] * row["price_krw"] for row in rows if row["side"] == "buy"),
            sold_krw=sum(row["quantity"] * row["price_krw"] for row in rows if row["side"] == "sell"),
            fees_krw=sum(row["fee_krw"] for row in rows),
            taxes_krw=sum(row["tax_krw"] for row in rows),
        )
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, deps=[fills])
def positions(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Positions derived from fills and adjustments, and their last reconciliation with the broker (보유 종목)."""
    run = facts(context, platform)
    rows = records.positions(platform)
    last = records.last_reconciliation(platform, run.day)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(rows),
            source="ledger.active_portfolio",
            version=records.version_of(rows),
            reconciled="never" if last is None else f"{last['matches']} match, {last['differences']} differ",
        )
    )


def _signals(context: dg.AssetExecutionContext, platform: Platform, side: str) -> dg.MaterializeResult[None]:
    run = facts(context, platform)
    rows = records.signals(platform, run.day, side)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=len(rows),
            source="ledger.signal_log",
            version=records.version_of(rows),
            outcomes=dg.MetadataValue.json(dict(Counter(row["outcome"] for row in rows))),
            refused_by=dg.MetadataValue.json(dict(Counter(row["refusal_rule"] for row in rows if row["refusal_rule"]))),
        )
    )
