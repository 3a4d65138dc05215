"""Is the watchlist one that may be bought from?"""

import polars as pl

from jennie_assets import records
from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.scoring.analyst import FALLBACK_ALARM_RATIO, fallback_ratio
from jennie_core.scoring.sectors import SECTOR_GROUPS
from jennie_infra.bus.cache import fresh, get_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.repositories import market_scores as scores

LEAST_UNIVERSE = 10
LEAST_HORIZON_DAYS = 60
LEAST_SPREAD = 1.0
MEDIAN_BOUNDS = (15.0, 85.0)
MOST_TURNOVER = 0.6


@checked(asset="universe", level=Level.BLOCKING)
def universe_size(run: RunFacts, platform: Platform) -> Verdict:
    """The universe is neither nearly empty nor beyond its limit."""
    rows = platform.artifacts.read("universe", run.day, run.run_id).height
    most = platform.trading.scout.universe_size * 2
    return Verdict(LEAST_UNIVERSE <= rows <= most, f"{rows} stocks (bounds {LEAST_UNIVERSE}..{most})")


@checked(asset="quant_scores", level=Level.BLOCKING)
def score_distribution(run: RunFacts, platform: Platform) -> Verdict:
    """Scores lie in 0..100, differ from each other and are not all high or all low."""
    scored = platform.artifacts.read("quant_scores", run.day, run.run_id)["total_quant_score"].drop_nulls()
    if scored.len() == 0:
        return Verdict(False, "no stock has a score")
    low, median, high = (scored.quantile(q) for q in (0.0, 0.5, 1.0))
    spread = scored.std()
    if low is None or median is None or high is None or not isinstance(spread, float):
        return Verdict(False, f"{scored.len()} scores are too few to judge")
    sound = low >= 0 and high <= 100 and spread >= LEAST_SPREAD and MEDIAN_BOUNDS[0] <= median <= MEDIAN_BOUNDS[1]
    detail = f"{scored.len()} scores from {low:.1f} to {high:.1f}, median {median:.1f}, deviation {spread:.1f}"
    return Verdict(sound, detail)


@checked(asset="analyst_scores", level=Level.WARN)
def analyst_answers(run: RunFacts, platform: Platform) -> Verdict:
    """At most a fifth of the candidates lacks an opinion (R-ANL-07)."""
    from jennie_core.scoring.analyst import candidates

    scored = platform.artifacts.read("quant_scores", run.day, run.run_id)
    wanted = candidates(scored).height
    given = platform.artifacts.read("analyst_scores", run.day, run.run_id).height
    silent = 0.0 if wanted == 0 else 1.0 - given / wanted
    return Verdict(silent <= FALLBACK_ALARM_RATIO, f"{given} of {wanted} candidates have an opinion")


@checked(asset="hybrid_scores", level=Level.BLOCKING)
def hybrid_range(run: RunFacts, platform: Platform) -> Verdict:
    """Every hybrid score is within the clamp around its quant score (R-ANL-06)."""
    judged = platform.artifacts.read("hybrid_scores", run.day, run.run_id)
    clamp = platform.trading.scout.llm_clamp + 0.1
    beyond = judged.filter((pl.col("hybrid_score") - pl.col("total_quant_score")).abs() > clamp)
    ratio = fallback_ratio(judged)
    spoken = "nobody analysed" if ratio is None else f"{ratio:.0%} fallbacks"
    return Verdict(beyond.height == 0, f"{beyond.height} scores beyond the clamp, {spoken}")


@checked(asset="sector_budget", level=Level.BLOCKING)
def budget_complete(run: RunFacts, platform: Platform) -> Verdict:
    """The stored budget has a row for each of the fifteen sectors."""
    with platform.market.connect() as connection:
        budget = scores.active_budget(connection, run.day)
    missing = list(SECTOR_GROUPS) if budget is None else [name for name in SECTOR_GROUPS if name not in budget.sectors]
    return Verdict(not missing, f"missing: {', '.join(missing)}" if missing else f"{len(SECTOR_GROUPS)} sectors")


@checked(asset="hot_watchlist", level=Level.BLOCKING)
def watchlist_size(run: RunFacts, platform: Platform) -> Verdict:
    """The published list is this run's, in force, and within its limit."""
    reading = fresh(get_sync(platform.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist), run.now)
    if reading.value is None:
        return Verdict(False, reading.problem)
    size, most = len(reading.value.entries), platform.trading.scout.max_watchlist
    if reading.value.run_id != run.run_id:
        return Verdict(False, f"the published list is of run {reading.value.run_id}")
    return Verdict(size <= most, f"{size} stocks of at most {most}, version {reading.value.version}")


@checked(asset="hot_watchlist", level=Level.WARN)
def watchlist_not_empty(run: RunFacts, platform: Platform) -> Verdict:
    """The list holds at least one stock; an empty one buys nothing."""
    with platform.market.connect() as connection:
        _, entries = scores.active_entries(connection, run.day, run.day)
    return Verdict(bool(entries), f"{len(entries)} stocks")


@checked(asset="hot_watchlist", level=Level.WARN)
def watchlist_turnover(run: RunFacts, platform: Platform) -> Verdict:
    """Most of the list of the session before is still on it."""
    before = CALENDAR.previous_session(run.day)
    with platform.market.connect() as connection:
        _, now = scores.active_entries(connection, run.day, run.day)
        _, earlier = scores.active_entries(connection, before, before)
    if not earlier:
        return Verdict(True, f"no list on {before} to compare with")
    gone = {entry.code for entry in earlier} - {entry.code for entry in now}
    return Verdict(
        len(gone) / len(earlier) <= MOST_TURNOVER,
        f"{len(gone)} of {len(earlier)} left",
        {"gone": ", ".join(sorted(gone))},
    )


@checked(asset="hot_watchlist", level=Level.BLOCKING)
def calendar_horizon(run: RunFacts, platform: Platform) -> Verdict:
    """The market day is a known session and the calendar knows at least 60 days more (T6)."""
    if CALENDAR.is_session(run.day) is not True:
        return Verdict(False, f"{run.day} is not a known KRX session")
    ahead = CALENDAR.known_days_ahead(run.day)
    return Verdict(ahead >= LEAST_HORIZON_DAYS, f"{ahead} days known ahead of {run.day}")


@checked(asset="hot_watchlist", level=Level.BLOCKING)
def yesterdays_reconciliation(run: RunFacts, platform: Platform) -> Verdict:
    """The last reconciliation of the session before left no difference; a session with fills must have one."""
    before = CALENDAR.previous_session(run.day)
    last = records.last_reconciliation(platform, before)
    if last is not None:
        return Verdict(
            last["differences"] == 0, f"{last['differences']} differences, {last['matches']} matches on {before}"
        )
    booked = len(records.fills(platform, before))
    if booked:
        return Verdict(False, f"{booked} fills on {before} were never reconciled")
    return Verdict(True, f"no trading on {before}")


@checked(asset="trading_permit", level=Level.WARN)
def permit_granted(run: RunFacts, platform: Platform) -> Verdict:
    """The permit allows opening positions."""
    reading = get_sync(platform.redis, RedisKeys.PERMIT_TRADING, TradingPermit)
    if reading.value is None:
        return Verdict(False, reading.problem)
    return Verdict(reading.value.granted, "; ".join(reading.value.reasons) or f"until {reading.value.expires_at:%H:%M}")


CHECKS = (
    universe_size, score_distribution, analyst_answers, hybrid_range, budget_complete, watchlist_size,
    watchlist_not_empty, watchlist_turnover, calendar_horizon, yesterdays_reconciliation, permit_granted,
)  # fmt: skip
