"""The trading permit: a short signed document without which no position is opened (O6)."""

from datetime import date

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message
from jennie_core.domain.enums import Mode


class PermitCheck(Message):
    """One asset check the permit rests on."""

    asset: str
    check: str
    passed: bool
    blocking: bool
    detail: str = ""


class TradingPermit(Message):
    """Compiled by the data plane from the blocking asset checks; HMAC over every other field in `signature`."""

    mode: Mode
    account_hash: str
    market_day: date
    watchlist_version: str
    settings_hash: str
    granted: bool
    reasons: tuple[str, ...] = Field(default=(), description="why it is not granted, one line each")
    checks: tuple[PermitCheck, ...] = ()
    issued_at: MarketTime
    expires_at: MarketTime
    signature: str = ""
