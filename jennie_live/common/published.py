"""Values of the data plane as a worker holds them: read at settled marks, parsed only when they changed."""

from typing import Any, Generic, TypeVar

from redis.exceptions import RedisError

from jennie_core.domain.base import Message
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import KEYS, RedisKeys

M = TypeVar("M", bound=Message)


class Published(Generic[M]):
    """One declared key; `value` is None while it is unknown, and `problem` says why."""

    def __init__(self, key: RedisKeys, model: type[M]) -> None:
        if KEYS[key].model is not model:
            raise TypeError(f"{key.value} holds {KEYS[key].model}, not {model}")
        self.key = key
        self._model = model
        self._raw: bytes | str | None = None
        self._was_read = False
        self.value: M | None = None
        self.problem = self._said = f"{key.value} was not read yet"

    def take(self, raw: bytes | str | None) -> bool:
        """Take the raw value just read; True when it changed."""
        if self._was_read and raw == self._raw:
            self.problem = self._said
            return False
        self._raw, self._was_read = raw, True
        self._parse(raw)
        self._said = self.problem
        return True

    def _parse(self, raw: bytes | str | None) -> None:
        if raw is None:
            self.value, self.problem = None, f"{self.key.value} is not set"
            return
        try:
            self.value, self.problem = self._model.model_validate_json(raw), ""
        except ValueError as error:
            self.value, self.problem = None, f"{self.key.value} is malformed: {str(error).splitlines()[0]}"

    def lose(self, why: str) -> None:
        """The store cannot be read: the last value stays, its own expiry judges it."""
        self.problem = why


async def refresh(redis: AsyncRedis, *values: Published[Any]) -> list[RedisKeys]:
    """Read several keys in one round trip; returns the keys that changed. An unreachable Redis changes nothing."""
    try:
        raws = await redis.mget([value.key.value for value in values])
    except (RedisError, OSError) as error:
        for value in values:
            value.lose(f"{value.key.value} cannot be read: {type(error).__name__}")
        return []
    return [value.key for value, raw in zip(values, raws, strict=True) if value.take(raw)]
