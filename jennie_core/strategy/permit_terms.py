"""What a genuine trading permit allows (O6); its signature, mode and account are judged before."""

from datetime import datetime

from jennie_core.domain.base import KST
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.permit import TradingPermit


def terms_refusal(
    permit: TradingPermit, *, now: datetime, settings_hash: str, watchlist_version: str | None
) -> Refusal | None:
    """Why the permit does not allow opening a position now; `watchlist_version` None = the buy stands on no list."""
    if permit.settings_hash != settings_hash:
        return Refusal(
            rule="PERMIT",
            detail="the permit was issued for other settings",
            value=permit.settings_hash,
            limit=settings_hash,
        )
    if not permit.granted:
        detail = "; ".join(permit.reasons) or "not granted"
        return Refusal(rule="PERMIT", detail=detail, value="withheld", limit="granted")
    if now >= permit.expires_at:
        return Refusal(
            rule="PERMIT", detail="the permit has expired", value=now.isoformat(), limit=permit.expires_at.isoformat()
        )
    if now.astimezone(KST).date() != permit.market_day:
        return Refusal(
            rule="PERMIT",
            detail="the permit is for another market day",
            value=now.astimezone(KST).date().isoformat(),
            limit=permit.market_day.isoformat(),
        )
    if watchlist_version is not None and permit.watchlist_version != watchlist_version:
        return Refusal(
            rule="PERMIT",
            detail="the permit covers another watchlist",
            value=watchlist_version,
            limit=permit.watchlist_version,
        )
    return None
