"""Is the account's value plausible, and was the day told?"""

from sqlalchemy import select

from jennie_assets import records
from jennie_assets.checking import Level, Verdict, checked
from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts
from jennie_infra.db.market import DailyBriefing

MOST_DAILY_CHANGE = 0.15


@checked(asset="daily_asset_snapshot", level=Level.ERROR)
def snapshot_plausible(run: RunFacts, platform: Platform) -> Verdict:
    """The total is positive and moved less than 15 % since the session before."""
    now = records.snapshot(platform, run.day)
    if now is None:
        return Verdict(False, f"no snapshot for {run.day}")
    before = records.snapshot(platform, CALENDAR.previous_session(run.day))
    if before is None or before["total_asset_krw"] <= 0:
        return Verdict(now["total_asset_krw"] > 0, f"{now['total_asset_krw']:,} won, nothing to compare with")
    change = now["total_asset_krw"] / before["total_asset_krw"] - 1.0
    return Verdict(abs(change) <= MOST_DAILY_CHANGE, f"{now['total_asset_krw']:,} won ({change:+.2%})")


@checked(asset="daily_briefing", level=Level.WARN)
def briefing_written(run: RunFacts, platform: Platform) -> Verdict:
    """The day has a briefing within Telegram's limit."""
    with platform.market.connect() as connection:
        text = connection.execute(
            select(DailyBriefing.text).where(DailyBriefing.briefing_date == run.day, DailyBriefing.run_id == run.run_id)
        ).scalar()
    return Verdict(text is not None and 0 < len(text) <= 4_096, "absent" if text is None else f"{len(text)} characters")


CHECKS = (snapshot_plausible, briefing_written)
