"""From the universe to the hot watchlist and the trading permit; one partition is one market day, runs append (B4)."""

import dagster as dg
import polars as pl

from jennie_assets.analyst import opinions
from jennie_assets.inputs import Knowledge, market_readings
from jennie_assets.partitions import SESSIONS, sessions_before
from jennie_assets.platform import Platform
from jennie_assets.regime import regime_of
from jennie_assets.run_facts import facts, frame_version
from jennie_core.scoring.analyst import fallback_ratio
from jennie_core.scoring.analyst import hybrid_scores as judge
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.smoothing import smoothed_scores
from jennie_core.scoring.universe import select_universe
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.db.repositories import market_scores as scores

GROUP = "scout"
OWNERS = ["team:data-plane"]
MOST_TITLES = 5


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
        regime = regime_of(connection, run.day)
    scorer = SCORERS[platform.trading.scout.scorer]
    scored = scorer.scores(members, regime=regime.market_regime)
    platform.artifacts.write("quant_scores", run.day, run.run_id, scored)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=scored.height,
            source="universe",
            version=frame_version(scored, ["code", "total_quant_score", "coverage_ratio"]),
            run_id=run.run_id,
            scorer=scorer.version,
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
    deps=[quant_scores, "regime_context", "news_sentiment"],
    pool="llm",
)
def analyst_scores(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Opinions on every candidate; `analyst` says who spoke: `rules` or a model."""
    run = facts(context, platform)
    scored = platform.artifacts.read("quant_scores", run.day, run.run_id)
    known = Knowledge(run.day)
    with platform.market.connect() as connection:
        regime = regime_of(connection, run.day)
        news = reference.read_headlines(connection, known.first_headline, known.known_by)
    titles = dict(news.group_by("code").agg(pl.col("title").tail(MOST_TITLES)).iter_rows())
    frame = opinions(platform, scored, regime=regime.market_regime, headlines=titles, now=run.now)
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
        history = scores.score_history(connection, run.day, settings.ma_window - 1, scorer_version=settings.scorer)
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


def _number(value: object) -> float | str:
    return round(value, 4) if isinstance(value, float) else "unknown"
