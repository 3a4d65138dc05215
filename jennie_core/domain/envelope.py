"""Envelope on every stream but the ticks (S2)."""

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message


class Envelope(Message):
    """`payload` is the JSON text of the model that `type` names."""

    message_id: str
    type: str
    schema_version: int = Field(ge=1)
    created_at: MarketTime
    payload: str
