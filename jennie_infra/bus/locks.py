"""Owner-checked locks and numbered leases (drill 5)."""

import secrets
from dataclasses import dataclass

from jennie_infra.bus.connect import AsyncRedis, text

_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
_RENEW = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end"
)


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock that could not be taken."""

    key: str
    owner: str


class Lock:
    """A lock with a life; only its owner can release or renew it."""

    def __init__(self, client: AsyncRedis, key: str, owner: str, life_ms: int) -> None:
        self._client = client
        self.key = key
        self.token = f"{owner}:{secrets.token_hex(8)}"
        self._life_ms = life_ms

    async def acquire(self) -> LockHolder | None:
        """Take the lock; None on success, else who holds it."""
        if await self._client.set(self.key, self.token, nx=True, px=self._life_ms):
            return None
        holder = await self._client.get(self.key)
        return LockHolder(self.key, text(holder).rpartition(":")[0] if holder is not None else "released meanwhile")

    async def renew(self) -> bool:
        """Extend the life; False when it was lost."""
        return bool(await self._client.eval(_RENEW, 1, self.key, self.token, str(self._life_ms)))

    async def release(self) -> bool:
        """Give the lock back; False when it was not ours any more."""
        return bool(await self._client.eval(_RELEASE, 1, self.key, self.token))
