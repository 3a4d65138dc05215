"""Macro series, the council's insight and the regime that the trading plane obeys."""

from datetime import timedelta

import dagster as dg
import polars as pl

from jennie_assets.council import convene
from jennie_assets.inputs import INDEX_DAYS, MACRO_DAYS, Knowledge, market_readings
from jennie_assets.partitions import SESSIONS, sessions_before
from jennie_assets.platform import Platform
from jennie_assets.run_facts import facts, frame_version
from jennie_core.krx.sessions import session_times
from jennie_core.scoring import prompts
from jennie_core.scoring.council import CouncilError, macro_insight
from jennie_core.scoring.macro_readings import collect_readings
from jennie_core.scoring.regime import trading_context
from jennie_infra.bus.cache import put_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.db.repositories import market_scores as scores
from jennie_infra.sources.protocol import source_of

GROUP = "macro"
OWNERS = ["team:data-plane"]
FOREIGN_NET = "KOSPI_FOREIGN"
FLOW_DAYS = 30


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, pool="market_store")
def macro_snapshot(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """VIX, won per dollar, US indices and foreigners' KOSPI net buying, observed before the market day."""
    run = facts(context, platform)
    known, source = Knowledge(run.day), platform.source
    first = run.day - timedelta(days=MACRO_DAYS)
    series = source.macro_daily(first, run.day)
    flows = source.market_flows(run.day - timedelta(days=FLOW_DAYS), known.last_session)
    foreign = flows.filter(pl.col("market") == "KOSPI").select(
        pl.lit(FOREIGN_NET).alias("series"),
        pl.col("trade_date").alias("observed_on"),
        pl.col("foreign_net_krw").cast(pl.Float64).alias("value"),
    )
    frame = pl.concat([series.select("series", "observed_on", "value"), foreign])
    with platform.market.begin() as connection:
        rows = prices.write_macro(connection, frame, first, known.known_by)
    newest = {
        f"newest_{name}": day.isoformat()
        for name, day in frame.group_by("series").agg(pl.col("observed_on").max()).sort("series").iter_rows()
    }
    return dg.MaterializeResult(
        metadata=run.metadata(rows=rows, source=source_of(source, "macro"), version=frame_version(frame), **newest)
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"rules", "openai"},
    partitions_def=SESSIONS,
    deps=[
        sessions_before("index_prices", 150),
        sessions_before("daily_prices", 250),
        sessions_before("stock_master", 1),
        "macro_snapshot",
        "news_sentiment",
    ],
    pool="llm",
)
def council_insight(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Verdict of the macro council (거시 협의회): strategist, risk analyst, chief judge; `analyst` says who spoke."""
    run = facts(context, platform)
    known = Knowledge(run.day)
    market, version = market_readings(platform, context.instance, known)
    with platform.market.connect() as connection:
        index = prices.read_index_prices(connection, run.day - timedelta(days=INDEX_DAYS), known.last_session)
        macro = prices.read_macro(connection, run.day - timedelta(days=MACRO_DAYS), run.day)
        news = reference.read_headlines(connection, known.last_session, known.known_by)
        bars = (
            prices.read_daily_prices(connection, known.first_price, known.last_session) if index.height == 0 else None
        )
    flows = macro.filter(pl.col("series") == FOREIGN_NET).select(
        pl.lit("KOSPI").alias("market"),
        pl.col("observed_on").alias("trade_date"),
        pl.col("value").alias("foreign_net_krw"),
    )
    readings = collect_readings(
        market_day=run.day,
        previous_session=known.last_session,
        index_daily=index,
        macro=macro.filter(pl.col("series") != FOREIGN_NET),
        readings=market,
        market_flows=flows,
        prices=bars,
    )
    titles = news.tail(prompts.MAX_HEADLINES)["title"].to_list()
    replies, raw = convene(platform, readings, headlines=titles, now=run.now)
    insight = macro_insight(
        readings, replies, run_id=run.run_id, known_at=run.now, expires_at=session_times(run.day).close_at
    )
    with platform.market.begin() as connection:
        scores.write_insight(connection, insight, raw)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=1,
            source=insight.analyst,
            version=version,
            run_id=run.run_id,
            sentiment_score=insight.sentiment_score,
            regime=insight.market_regime.value,
            completeness=insight.data_completeness_ratio,
            notes="; ".join(readings.notes),
            reasoning=insight.trading_reasoning,
        )
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"redis", "table"}, partitions_def=SESSIONS, deps=[council_insight])
def regime_context(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Trading context of the market day, published at regime:current; the insight at macro:insight:{date}."""
    run = facts(context, platform)
    with platform.market.connect() as connection:
        insight = scores.active_insight(connection, run.day)
    if insight is None:
        raise CouncilError(f"there is no council insight for {run.day}; the context in force stays")
    document = trading_context(
        insight,
        market_day=run.day,
        run_id=insight.run_id,
        known_at=run.now,
        expires_at=session_times(run.day).close_at,
    )
    with platform.market.begin() as connection:
        scores.write_context(connection, insight, document)
    put_sync(platform.redis, RedisKeys.MACRO_INSIGHT, insight, date=run.day.isoformat())
    put_sync(platform.redis, RedisKeys.REGIME_CURRENT, document)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=1,
            source="council_insight",
            version=insight.run_id,
            regime=document.market_regime.value,
            position_multiplier=document.position_multiplier,
            risk_off_level=document.risk_off_level,
            expires_at=document.expires_at.isoformat(),
        )
    )
