"""Headlines before the market day, their sentiment, their vectors."""

import dagster as dg
import polars as pl

from jennie_assets.inputs import Knowledge
from jennie_assets.partitions import SESSIONS
from jennie_assets.platform import Platform
from jennie_assets.run_facts import facts, frame_version
from jennie_core.scoring.sentiment import ANALYST, score_headlines
from jennie_infra.db.repositories import market_reference as reference
from jennie_infra.sources.protocol import source_of

GROUP = "news"
OWNERS = ["team:data-plane"]
VECTOR_LIMIT = 400


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, pool="market_store")
def news_articles(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Headlines per stock of the two weeks before the market day (뉴스), each counted once."""
    run = facts(context, platform)
    known = Knowledge(run.day)
    frame = platform.source.headlines(known.first_headline, known.known_by)
    new = frame.with_columns(
        pl.lit(None, dtype=pl.Float64).alias("sentiment_score"),
        pl.lit("new").alias("status"),
        pl.lit("none").alias("analyst"),
    )
    with platform.market.begin() as connection:
        rows = reference.write_headlines(connection, new, known.first_headline, known.known_by)
    return dg.MaterializeResult(
        metadata=run.metadata(rows=rows, source=source_of(platform.source, "headlines"), version=frame_version(frame))
    )


@dg.asset(
    group_name=GROUP, owners=OWNERS, kinds={"table"}, partitions_def=SESSIONS, deps=[news_articles], pool="market_store"
)
def news_sentiment(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Sentiment 0..100 of each headline by the lexicon, marked `rules`; a title without a known word has no score."""
    run = facts(context, platform)
    known = Knowledge(run.day)
    with platform.market.begin() as connection:
        stored = reference.read_headlines(connection, known.first_headline, known.known_by)
        scored = score_headlines(stored.select("code", "published_on", "title", "press")).with_columns(
            pl.when(pl.col("sentiment_score").is_null())
            .then(pl.lit("unscored"))
            .otherwise(pl.lit("scored"))
            .alias("status")
        )
        rows = reference.write_headlines(connection, scored, known.first_headline, known.known_by)
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=rows,
            source="news_articles",
            version=frame_version(scored),
            analyst=ANALYST,
            scored=scored.filter(pl.col("sentiment_score").is_not_null()).height,
        )
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"qdrant"}, partitions_def=SESSIONS, deps=[news_articles])
def news_vectors(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Vectors of the newest headlines for the analyst's context; a failure here never blocks trading (R-NEWS-13)."""
    from jennie_infra.vectors import NewsVectors, VectorStoreError

    run = facts(context, platform)
    known = Knowledge(run.day)
    with platform.market.connect() as connection:
        stored = reference.read_headlines(connection, known.first_headline, known.known_by).tail(VECTOR_LIMIT)
    if stored.height == 0:
        return dg.MaterializeResult(metadata=run.metadata(rows=0, source="news_articles", version="empty"))
    problem, written, embedder = "", 0, "none"
    try:
        with NewsVectors.open(platform.settings) as vectors:
            embedder = vectors.embedder_name
            written = vectors.add(stored.select("code", "published_on", "title").rows(named=True))
    except VectorStoreError as error:
        problem = str(error)
        context.log.warning("vectors were not written: %s", problem)
    platform.artifacts.write("news_vectors", run.day, run.run_id, pl.DataFrame({"written": [written]}))
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=written, source="news_articles", version=frame_version(stored), embedder=embedder, problem=problem
        )
    )
