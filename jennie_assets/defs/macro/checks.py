"""Is the macro picture recent, and is the regime that trading obeys the one that was decided?"""

from datetime import timedelta

from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_core.domain.macro import TradingContext
from jennie_infra.bus.cache import fresh, get_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.repositories import market_prices as prices
from jennie_infra.db.repositories import market_scores as scores

MOST_DAYS_OLD = 7
LEAST_COMPLETENESS = 0.4


@checked(asset="macro_snapshot", level=Level.WARN)
def macro_is_fresh(run: RunFacts, platform: Platform) -> Verdict:
    """VIX and won per dollar were observed within a week; an older or absent one counts as unknown risk."""
    with platform.market.connect() as connection:
        recent = prices.read_macro(connection, run.day - timedelta(days=MOST_DAYS_OLD), run.day)
    missing = sorted({"VIX", "USDKRW"} - set(recent["series"]))
    return Verdict(not missing, f"nothing within {MOST_DAYS_OLD} days of {', '.join(missing)}" if missing else "recent")


@checked(asset="council_insight", level=Level.WARN)
def insight_completeness(run: RunFacts, platform: Platform) -> Verdict:
    """The council saw enough of its readings."""
    with platform.market.connect() as connection:
        insight = scores.active_insight(connection, run.day)
    if insight is None:
        return Verdict(False, f"no insight for {run.day}")
    ratio = insight.data_completeness_ratio
    return Verdict(ratio >= LEAST_COMPLETENESS, f"{ratio:.0%} of the readings known, spoken by {insight.analyst}")


@checked(asset="regime_context", level=Level.BLOCKING)
def regime_published(run: RunFacts, platform: Platform) -> Verdict:
    """regime:current holds the context of this day's insight and is in force."""
    with platform.market.connect() as connection:
        decided = scores.active_context(connection, run.day)
    reading = fresh(get_sync(platform.redis, RedisKeys.REGIME_CURRENT, TradingContext), run.now)
    if decided is None or reading.value is None:
        return Verdict(False, reading.problem or f"no context stored for {run.day}")
    same = reading.value.run_id == decided.run_id and reading.value.market_day == run.day
    return Verdict(same, f"{reading.value.market_regime.value} of run {reading.value.run_id}")


CHECKS = (macro_is_fresh, insight_completeness, regime_published)
