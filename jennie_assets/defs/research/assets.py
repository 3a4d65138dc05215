"""How good past scores were: rank correlation with what came after."""

import dagster as dg
import polars as pl

from jennie_assets.partitions import CALENDAR, SESSIONS, sessions_before
from jennie_assets.platform import Platform
from jennie_assets.run_facts import facts, frame_version
from jennie_core.scoring.quality import coverage_summary, forward_returns
from jennie_core.scoring.quality import score_quality as judge
from jennie_core.scoring.scorers import SCORERS
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_scores as scores

FORWARD_SESSIONS = 5


@dg.asset(
    group_name="research",
    owners=["team:research"],
    kinds={"polars"},
    partitions_def=SESSIONS,
    deps=[
        sessions_before("hybrid_scores", FORWARD_SESSIONS + 1),
        sessions_before("daily_prices", FORWARD_SESSIONS + 1),
    ],
)
def score_quality(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Rank correlation and decile spread of the scores made six sessions ago against the five-session return since."""
    run = facts(context, platform)
    scored_on = CALENDAR.previous_session(run.day, FORWARD_SESSIONS + 1)
    last = CALENDAR.previous_session(run.day)
    with platform.market.connect() as connection:
        scored = scores.read_scores(connection, scored_on)
        by_scorer = {version: scores.read_scores(connection, scored_on, scorer_version=version) for version in SCORERS}
        bars = prices.read_daily_prices(connection, CALENDAR.previous_session(scored_on), last)
    # A list for market day D was made from the close before D, so its return counts from that close.
    later = forward_returns(bars, FORWARD_SESSIONS).filter(pl.col("trade_date") == CALENDAR.previous_session(scored_on))
    returns = later.select("code", "forward_return_pct")
    quality = judge(scored.join(returns, on="code", how="left"))
    compared = {
        version: judge(frame.join(returns, on="code", how="left")).rank_ic for version, frame in by_scorer.items()
    }
    figures = {
        name: "unknown" if value is None else round(value, 4)
        for name, value in (
            ("rank_ic", quality.rank_ic),
            ("decile_spread_pct", quality.decile_spread_pct),
            ("top_decile_return_pct", quality.top_decile_return_pct),
        )
    }
    return dg.MaterializeResult(
        metadata=run.metadata(
            rows=scored.height,
            source="hybrid_scores, daily_prices",
            version=frame_version(scored),
            scored_on=scored_on.isoformat(),
            samples=quality.samples,
            rank_ic_by_scorer=dg.MetadataValue.json(compared),
            coverage=dg.MetadataValue.json(coverage_summary(scored)),
            **figures,
        )
    )
