"""Typed cache: what is written is a declared model, what is read is validated (R-BUD-08)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from redis.exceptions import RedisError

from jennie_core.domain.base import Message
from jennie_infra.bus.connect import AsyncRedis, SyncRedis
from jennie_infra.bus.keys import KEYS, RedisKeys

M = TypeVar("M", bound=Message)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A value or the reason why it is unknown; never a default in place of a failed reading (I4)."""

    value: T | None
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def _spec(key: RedisKeys, model: type[M]) -> int | None:
    spec = KEYS[key]
    if spec.model is not model:
        raise TypeError(f"{key.value} holds {spec.model}, not {model}")
    return spec.ttl_seconds


async def put(client: AsyncRedis, key: RedisKeys, value: Message, **parts: object) -> None:
    """Write a declared model under its key with its TTL."""
    await client.set(key.of(**parts), value.model_dump_json(), ex=_spec(key, type(value)))


def put_sync(client: SyncRedis, key: RedisKeys, value: Message, **parts: object) -> None:
    """As `put`, for the data plane."""
    client.set(key.of(**parts), value.model_dump_json(), ex=_spec(key, type(value)))


async def get(client: AsyncRedis, key: RedisKeys, model: type[M], **parts: object) -> Reading[M]:
    """Read a declared model; an absent, unreadable or malformed value is unknown with its reason."""
    _spec(key, model)
    try:
        return _decode(await client.get(key.of(**parts)), key, model)
    except (RedisError, OSError) as error:
        return Reading(None, f"{key.value} cannot be read: {type(error).__name__}")


def get_sync(client: SyncRedis, key: RedisKeys, model: type[M], **parts: object) -> Reading[M]:
    """As `get`, for the data plane."""
    _spec(key, model)
    try:
        return _decode(client.get(key.of(**parts)), key, model)
    except (RedisError, OSError) as error:
        return Reading(None, f"{key.value} cannot be read: {type(error).__name__}")


def fresh(reading: Reading[M], now: datetime) -> Reading[M]:
    """The reading, or unknown when its `expires_at` has passed in market time (T4)."""
    if reading.value is None:
        return reading
    expires_at: datetime | None = getattr(reading.value, "expires_at", None)
    if expires_at is not None and now >= expires_at:
        return Reading(None, f"expired at {expires_at.isoformat()}")
    return reading


def _decode(raw: Any, key: RedisKeys, model: type[M]) -> Reading[M]:
    if raw is None:
        return Reading(None, f"{key.value} is not set")
    try:
        return Reading(model.model_validate_json(raw))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return Reading(None, f"{key.value} is malformed: {where}: {first['msg']}")
