"""Signing and checking the trading permit (O6)."""

import hashlib
import hmac
from datetime import datetime

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.permit import TradingPermit
from jennie_core.strategy.permit_terms import terms_refusal
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
    return terms_refusal(permit, now=now, settings_hash=settings_hash, watchlist_version=watchlist_version)


def _mac(permit: TradingPermit, key: bytes) -> str:
    text = permit.model_copy(update={"signature": ""}).model_dump_json()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
