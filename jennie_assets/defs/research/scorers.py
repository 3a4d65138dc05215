"""The scorers beside the configured one, on the same universe and regime: kept for comparison, never traded by."""

import dagster as dg
import polars as pl

from jennie_assets.artifacts import MissingArtifactError
from jennie_assets.partitions import SESSIONS
from jennie_assets.platform import Platform
from jennie_assets.regime import NoRegimeError, regime_of
from jennie_assets.run_facts import RunFacts, facts, frame_version
from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.analyst import hybrid_scores
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_core.scoring.scorers import SCORERS, Scorer
from jennie_core.scoring.smoothing import smoothed_scores
from jennie_infra.db.repositories import market_scores as scores


@dg.asset(
    group_name="research",
    owners=["team:research"],
    kinds={"table", "polars"},
    partitions_def=SESSIONS,
    deps=["universe", "regime_context"],
)
def other_scores(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Scores of every scorer but the configured one over the day's universe, judged by the rules' analyst alone."""
    run = facts(context, platform)
    members, regime, notes = _morning(platform, run)
    made = (
        {} if regime is None else {one.version: _store(platform, run, one, members, regime) for one in others(platform)}
    )
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=sum(frame.height for frame in made.values()),
            source="universe",
            version=frame_version(members, ["code"]),
            run_id=run.run_id,
            configured=platform.trading.scout.scorer,
            tradable=dg.MetadataValue.json({name: int(frame["is_tradable"].sum()) for name, frame in made.items()}),
            notes=notes,
        )
    )


def others(platform: Platform) -> list[Scorer]:
    """The scorers that do not feed the watchlist."""
    return [scorer for version, scorer in SCORERS.items() if version != platform.trading.scout.scorer]


def _morning(platform: Platform, run: RunFacts) -> tuple[pl.DataFrame, MarketRegime | None, str]:
    """The universe and the regime that the scout had; without them there is nothing to score, and the note says so."""
    try:
        members = platform.artifacts.read("universe", run.day, run.run_id)
        with platform.market.connect() as connection:
            return members, regime_of(connection, run.day).market_regime, ""
    except (MissingArtifactError, NoRegimeError) as error:
        return pl.DataFrame(schema={"code": pl.String}), None, str(error)


def _store(
    platform: Platform, run: RunFacts, scorer: Scorer, members: pl.DataFrame, regime: MarketRegime
) -> pl.DataFrame:
    """Score, judge, smooth over the scorer's own days and keep the rows under its version."""
    settings = platform.trading.scout
    scored = scorer.scores(members, regime=regime)
    judged = hybrid_scores(scored, rules_opinions(scored), settings=settings)
    with platform.market.begin() as connection:
        history = scores.score_history(connection, run.day, settings.ma_window - 1, scorer_version=scorer.version)
        smoothed = smoothed_scores(judged, history, market_day=run.day, window=settings.ma_window)
        scores.write_scores(
            connection,
            smoothed,
            day=run.day,
            run_id=run.run_id,
            settings_hash=platform.trading.settings_hash(),
            known_at=run.now,
            feeds_watchlist=False,
        )
    return smoothed
