"""The trading permit: compiled from the day's blocking checks, revoked by any of them that fails (O6)."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import dagster as dg
from sqlalchemy import insert

from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_core.domain.permit import PermitCheck, TradingPermit
from jennie_core.krx.sessions import session_times
from jennie_infra import permit as signing
from jennie_infra.bus.cache import get_sync, put_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.ledger import PermitLog

FIRST_SESSION_KEY = "first_session"
LAST_SESSION_KEY = "last_session"
DETAIL_KEY = "detail"
NO_WATCHLIST = "none"
_LOOK_BACK = 20


class Rests(StrEnum):
    """Which partition of a checked asset the permit of day D rests on."""

    LAST_CLOSE = "the session before the market day"
    MARKET_DAY = "the market day"


@dataclass(frozen=True)
class Basis:
    """One blocking check under the permit."""

    asset: str
    check: str
    rests: Rests


BASES: tuple[Basis, ...] = (
    Basis("daily_prices", "freshness", Rests.LAST_CLOSE),
    Basis("daily_prices", "coverage", Rests.LAST_CLOSE),
    Basis("daily_prices", "ohlc_sanity", Rests.LAST_CLOSE),
    Basis("daily_prices", "uniqueness", Rests.LAST_CLOSE),
    Basis("stock_master", "master_coverage", Rests.LAST_CLOSE),
    Basis("regime_context", "regime_published", Rests.MARKET_DAY),
    Basis("universe", "universe_size", Rests.MARKET_DAY),
    Basis("quant_scores", "score_distribution", Rests.MARKET_DAY),
    Basis("hybrid_scores", "hybrid_range", Rests.MARKET_DAY),
    Basis("sector_budget", "budget_complete", Rests.MARKET_DAY),
    Basis("hot_watchlist", "watchlist_size", Rests.MARKET_DAY),
    Basis("hot_watchlist", "calendar_horizon", Rests.MARKET_DAY),
    Basis("hot_watchlist", "yesterdays_reconciliation", Rests.MARKET_DAY),
)
"""Every blocking check of the location; a test compares this with the definitions."""


def compile_permit(
    platform: Platform, instance: dg.DagsterInstance, *, market_day: date, watchlist_version: str, now: datetime
) -> TradingPermit:
    """The permit of a day: granted when each basis was judged for its partition and passed. Unknown is not passed."""
    checks = tuple(judged(instance, basis, partition_of(basis, market_day)) for basis in BASES)
    reasons = tuple(f"{check.asset}.{check.check}: {check.detail}" for check in checks if not check.passed)
    return _document(
        platform, market_day=market_day, watchlist_version=watchlist_version, now=now, checks=checks, reasons=reasons
    )


def partition_of(basis: Basis, market_day: date) -> date:
    """The session a basis must have been judged for."""
    return market_day if basis.rests is Rests.MARKET_DAY else CALENDAR.previous_session(market_day)


def judged(instance: dg.DagsterInstance, basis: Basis, session: date) -> PermitCheck:
    """The newest evaluation of a check that covers `session`; not passed when there is none."""
    key = dg.AssetCheckKey(dg.AssetKey(basis.asset), basis.check)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=_LOOK_BACK)
    for record in history:
        event = None if record.event is None else record.event.dagster_event
        if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue  # planned and never run: unknown
        evaluation = event.asset_check_evaluation_data
        texts = {name: str(value.value) for name, value in evaluation.metadata.items()}
        if _covers(texts, session):
            return PermitCheck(
                asset=basis.asset,
                check=basis.check,
                passed=evaluation.passed,
                blocking=True,
                detail=texts.get(DETAIL_KEY, ""),
            )
    return PermitCheck(
        asset=basis.asset, check=basis.check, passed=False, blocking=True, detail=f"not judged for {session}"
    )


def _covers(texts: Mapping[str, str], session: date) -> bool:
    return texts.get(FIRST_SESSION_KEY, "9999") <= session.isoformat() <= texts.get(LAST_SESSION_KEY, "0000")


def revoke(platform: Platform, *, asset: str, check: str, detail: str, now: datetime) -> TradingPermit:
    """Withdraw the permit of the market day at `now`, whatever it said, adding this reason."""
    standing = get_sync(platform.redis, RedisKeys.PERMIT_TRADING, TradingPermit).value
    same_day = standing is not None and standing.market_day == now.date()
    failed = PermitCheck(asset=asset, check=check, passed=False, blocking=True, detail=detail)
    reason = f"{asset}.{check}: {detail}"
    earlier: Sequence[str] = standing.reasons if same_day and standing is not None else ()
    permit = _document(
        platform,
        market_day=now.date(),
        watchlist_version=standing.watchlist_version if same_day and standing is not None else NO_WATCHLIST,
        now=now,
        checks=(failed,),
        reasons=tuple(dict.fromkeys((*earlier, reason))),
    )
    issue(platform, permit)
    return permit


def issue(platform: Platform, permit: TradingPermit) -> None:
    """Store a permit in the ledger, then publish it: no Redis, no permit."""
    with platform.ledger.begin() as connection:
        connection.execute(
            insert(PermitLog).values(
                permit_id=uuid.uuid4().hex,
                market_day=permit.market_day,
                granted=permit.granted,
                document=permit.model_dump(mode="json"),
                issued_at=permit.issued_at,
            )
        )
    put_sync(platform.redis, RedisKeys.PERMIT_TRADING, permit)


def _document(
    platform: Platform,
    *,
    market_day: date,
    watchlist_version: str,
    now: datetime,
    checks: tuple[PermitCheck, ...],
    reasons: tuple[str, ...],
) -> TradingPermit:
    cutoff = timedelta(minutes=platform.trading.scanner.entry_cutoff_minutes_before_close)
    permit = TradingPermit(
        mode=platform.settings.mode,
        account_hash=platform.settings.account_hash,
        market_day=market_day,
        watchlist_version=watchlist_version,
        settings_hash=platform.trading.settings_hash(),
        granted=not reasons,
        reasons=reasons,
        checks=checks,
        issued_at=now,
        expires_at=session_times(market_day).close_at - cutoff,
    )
    return signing.sign(permit, signing.permit_key(platform.settings))
