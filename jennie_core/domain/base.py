"""Base model, scalar types and ids shared by every message."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

KST = ZoneInfo("Asia/Seoul")

StockCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{6}$")]
"""Six ascii characters, letters allowed since 2024 (종목코드)."""

PriceKrw = Annotated[int, Field(gt=0)]
Quantity = Annotated[int, Field(gt=0)]
Score = Annotated[float, Field(ge=0, le=100)]


def _to_kst(value: datetime) -> datetime:
    return value.astimezone(KST)


MarketTime = Annotated[AwareDatetime, AfterValidator(_to_kst)]
"""An aware instant on the market's clock, always shown in KST."""


class Message(BaseModel):
    """Immutable, strict about unknown fields: a renamed field fails at the reader, not in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float")


def canonical_hash(value: Any, length: int = 16) -> str:
    """Hash of a JSON-able value with sorted keys; equal content gives equal text on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def to_epoch_us(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware instant (exact integer arithmetic)."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_epoch_us(epoch_us: int) -> datetime:
    """The inverse of `to_epoch_us`, in KST."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch_us)).astimezone(KST)
