"""Are there enough samples to judge the scores by?"""

from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_core.scoring.quality import MIN_SAMPLES
from jennie_core.scoring.scorers import SCORERS
from jennie_infra.db.repositories import market_scores as scores


@checked(asset="score_quality", level=Level.WARN)
def enough_samples(run: RunFacts, platform: Platform) -> Verdict:
    """The scores of six sessions ago hold enough stocks."""
    scored_on = CALENDAR.previous_session(run.day, 6)
    with platform.market.connect() as connection:
        rows = scores.read_scores(connection, scored_on).height
    return Verdict(rows >= MIN_SAMPLES, f"{rows} scores on {scored_on}")


@checked(asset="other_scores", level=Level.WARN)
def scorers_side_by_side(run: RunFacts, platform: Platform) -> Verdict:
    """Every scorer has scored the stocks that the configured one has."""
    with platform.market.connect() as connection:
        stored = {
            version: set(scores.read_scores(connection, run.day, scorer_version=version)["code"]) for version in SCORERS
        }
    configured = stored[platform.trading.scout.scorer]
    uneven = sorted(version for version, codes in stored.items() if codes != configured)
    detail = ", ".join(f"{version} {len(codes)}" for version, codes in sorted(stored.items()))
    return Verdict(not uneven, f"stocks per scorer: {detail}")


CHECKS = (enough_samples, scorers_side_by_side)
