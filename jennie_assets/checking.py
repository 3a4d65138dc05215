"""Asset checks: a function judges a run and says why; a failed blocking one revokes the permit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import dagster as dg

from jennie_assets import permit
from jennie_assets.alerts import clear_alert, raise_alert
from jennie_assets.partitions import SESSIONS
from jennie_assets.platform import Platform
from jennie_assets.run_facts import RunFacts, facts
from jennie_core.domain.enums import Mode

FORCED_KEY = "forced"


class Level(StrEnum):
    """What a failed check does."""

    BLOCKING = "blocking"  # stops downstreams, revokes the permit
    ERROR = "error"  # red, alerts
    WARN = "warn"  # yellow


@dataclass(frozen=True)
class Verdict:
    """Passed or not, and why in one line; `rows` are shown in the UI."""

    passed: bool
    detail: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


Judge = Callable[[RunFacts, Platform], Verdict]


def checked(*, asset: str, level: Level) -> Callable[[Judge], dg.AssetChecksDefinition]:
    """Make an asset check of a judge; its name is the function's, its description the docstring's first line."""

    def make(judge: Judge) -> dg.AssetChecksDefinition:
        name = judge.__name__
        description = (judge.__doc__ or "").strip().splitlines()[0]

        @dg.asset_check(
            asset=asset,
            name=name,
            description=description,
            blocking=level is Level.BLOCKING,
            partitions_def=SESSIONS,
        )
        def evaluate(
            context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
        ) -> dg.AssetCheckResult:
            run = facts(context, platform)
            forced = _is_forced(platform, asset, name) and not run.is_backfill
            if forced:
                verdict = Verdict(passed=False, detail="made to fail by JENNIE_FAIL_CHECK (rehearsal)")
            else:
                try:
                    verdict = judge(run, platform)
                except Exception as error:
                    _after(
                        run, platform, asset, name, level, Verdict(passed=False, detail=f"could not be judged: {error}")
                    )
                    raise
            _after(run, platform, asset, name, level, verdict)
            return dg.AssetCheckResult(
                passed=verdict.passed,
                severity=dg.AssetCheckSeverity.WARN if level is Level.WARN else dg.AssetCheckSeverity.ERROR,
                description=verdict.detail,
                metadata={
                    permit.DETAIL_KEY: verdict.detail,
                    permit.FIRST_SESSION_KEY: run.days[0].isoformat(),
                    permit.LAST_SESSION_KEY: run.days[-1].isoformat(),
                    "market_time": run.now.isoformat(),
                    FORCED_KEY: forced,
                    **verdict.metadata,
                },
            )

        return evaluate

    return make


def _is_forced(platform: Platform, asset: str, name: str) -> bool:
    wanted = platform.settings.fail_check
    return platform.settings.mode is Mode.REHEARSAL and wanted is not None and wanted in (name, f"{asset}.{name}")


def _after(run: RunFacts, platform: Platform, asset: str, name: str, level: Level, verdict: Verdict) -> None:
    """Revoke and alert. A run over old sessions says nothing about today's trading, so a backfill does neither."""
    if run.is_backfill or level is Level.WARN:
        return
    alert_id = f"check:{asset}.{name}"[:80]
    if verdict.passed:
        clear_alert(platform, alert_id, text=f"검사 {asset}.{name} 정상", now=run.now)
        return
    if level is Level.BLOCKING:
        permit.revoke(platform, asset=asset, check=name, detail=verdict.detail, now=run.now)
    raise_alert(
        platform,
        alert_id,
        text=f"검사 {asset}.{name} 실패: {verdict.detail}",
        next_step=f"Dagster에서 {asset} 자산의 검사 {name}을(를) 확인하고 다시 실행하세요",
        now=run.now,
    )
