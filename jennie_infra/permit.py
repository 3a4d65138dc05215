"""Signing and checking the trading permit (O6)."""

import hashlib
import hmac
from datetime import datetime

from jennie_core.domain.base import KST
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.permit import TradingPermit
from jennie_infra.settings import Settings, generated_secret

KEY_NAME = "permit_key"


def permit_key(settings: Settings) -> bytes:
    """The installation's HMAC key, made at first start."""
    return generated_secret(settings, KEY_NAME).encode()


def sign(permit: TradingPermit, key: bytes) -> TradingPermit:
    """The same permit with its signature."""
    return permit.model_copy(update={"signature": _mac(permit, key)})


def check(
    permit: TradingPermit | None,
    key: bytes,
    *,
    now: datetime,
    mode: str,
    account_hash: str,
    settings_hash: str,
    watchlist_version: str | None = None,
) -> Refusal | None:
    """None when the permit allows opening a position now, else the refusal that says why not (rule PERMIT)."""
    if permit is None:
        return Refusal(
            rule="PERMIT", detail="no trading permit; see the asset checks in Dagster", value="none", limit="a permit"
        )
    if not hmac.compare_digest(permit.signature.encode(), _mac(permit, key).encode()):
        return Refusal(
            rule="PERMIT",
            detail="the permit's signature does not fit this installation",
            value=permit.signature[:12] or "none",
            limit="signed by this installation",
        )
    if permit.mode.value != mode or permit.account_hash != account_hash:
        return Refusal(
            rule="PERMIT",
            detail="the permit belongs to another mode or account",
            value=f"{permit.mode.value}/{permit.account_hash}",
            limit=f"{mode}/{account_hash}",
        )
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


def _mac(permit: TradingPermit, key: bytes) -> str:
    text = permit.model_copy(update={"signature": ""}).model_dump_json()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
