"""The forced-liquidation set: read at settled marks, emptied only after a fill (R-LIQ-04)."""

from typing import Any

from redis.exceptions import RedisError

from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.keys import RedisKeys


class LiquidationSet:
    """Codes to sell whatever the rules say, and whether that is armed."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis
        self.codes: frozenset[str] = frozenset()
        self.armed = False

    async def refresh(self) -> None:
        """Read both keys; an unreachable Redis keeps what is known."""
        try:
            members: Any = await self._redis.smembers(RedisKeys.FORCED_LIQUIDATION.value)
            self.armed = await self._redis.get(RedisKeys.FORCED_LIQUIDATION_ARMED.value) is not None
        except (RedisError, OSError):
            return
        self.codes = frozenset(text(member) for member in members)

    async def sold(self, code: str) -> None:
        """A marked code is no longer held: it leaves the set, and an empty set disarms (R-LIQ-03)."""
        if code not in self.codes:
            return
        await self._redis.srem(RedisKeys.FORCED_LIQUIDATION.value, code)
        self.codes -= {code}
        if not self.codes:
            await self._redis.delete(RedisKeys.FORCED_LIQUIDATION_ARMED.value)
            self.armed = False
