"""One desk per side: an owner-checked lock in Redis, and a durable number that the gateway checks (O2, drill 5)."""

import asyncio
import os
import socket
import time

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.enums import Mode, OrderSide
from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.locks import Lock
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import DatabaseThread
from jennie_infra.db.repositories import leases
from jennie_infra.telemetry import get_logger

LIFE_SECONDS = 15.0
RENEW_SHARE, SAFE_SHARE = 0.2, 0.8
"""Of the life: how often the lock is renewed, and the age at which a renewal no longer proves that it is still ours."""
RETRY_SECONDS = 0.5
VARIABLE = "DESK_LEASE_SECONDS"
"""A rehearsal may shorten the life, so that a drill need not wait for it."""

_DELETE_IF = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"


class LeaseLostError(Exception):
    """Another process holds this desk now; nothing may be sent."""


class DeskLease:
    """The right to send orders of one side. Deadlines are real time (T1)."""

    def __init__(
        self,
        redis: AsyncRedis,
        ledger: DatabaseThread,
        side: OrderSide,
        owner: str,
        life_seconds: float = LIFE_SECONDS,
    ) -> None:
        self._redis = redis
        self._ledger = ledger
        self._side = side
        self._owner = owner
        self._life_seconds = life_seconds
        self._lock: Lock | None = None
        self._renewed = 0.0
        self._task: asyncio.Task[None] | None = None
        self.number = 0
        self.waits_for: str | None = None

    async def acquire(self) -> int:
        """Wait until the lock is ours, then take the next durable number."""
        key = RedisKeys.DESK_LEASE.of(side=self._side.value)
        lock = Lock(self._redis, key, self._owner, int(self._life_seconds * 1_000))
        while (holder := await lock.acquire()) is not None:
            if holder.owner != self.waits_for:
                get_logger().warning("desk is held by another process", side=self._side.value, holder=holder.owner)
                self.waits_for = holder.owner
            await self._drop_dead_holder(key)
            await asyncio.sleep(RETRY_SECONDS)
        self._lock, self._renewed, self.waits_for = lock, time.monotonic(), None
        now = wall_now()
        self.number = await self._ledger.run(
            lambda connection: leases.take_next(connection, self._side, self._owner, now=now)
        )
        self._task = asyncio.create_task(self._keep(), name=f"lease-{self._side.value}")
        return self.number

    def is_current(self) -> bool:
        """Whether the lease was renewed recently enough; a process that was stopped for long answers no."""
        return self._lock is not None and time.monotonic() - self._renewed < self._life_seconds * SAFE_SHARE

    def require(self) -> None:
        """Raise LeaseLostError unless the lease is current."""
        if not self.is_current():
            raise LeaseLostError(f"lease {self.number} of the {self._side.value} desk is no longer proven")

    async def release(self) -> None:
        """Give the lock back, if it is still ours."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        lock, self._lock = self._lock, None
        if lock is not None:
            try:
                await lock.release()
            except (RedisError, OSError) as error:
                get_logger().warning("lease not released", side=self._side.value, error=type(error).__name__)

    async def _keep(self) -> None:
        while self._lock is not None:
            await asyncio.sleep(self._life_seconds * RENEW_SHARE)
            started = time.monotonic()
            try:
                held = await self._lock.renew() or await self._retake(self._lock)
            except (RedisError, OSError):
                continue
            if not held:
                get_logger().error("desk lease lost", side=self._side.value, lease=self.number)
                self._lock = None
                return
            self._renewed = started

    async def _retake(self, lock: Lock) -> bool:
        """Hold a lock that the store forgot again, unless somebody has taken the desk since (drill 22)."""
        if await lock.acquire() is not None:
            return False
        try:
            newest = await self._ledger.run(lambda connection: leases.current(connection, self._side))
        except SQLAlchemyError as error:
            get_logger().error("lease not confirmed", side=self._side.value, error=type(error).__name__)
            newest = None
        if newest == self.number:
            get_logger().warning("desk lease taken again", side=self._side.value, lease=self.number)
            return True
        await lock.release()
        return False

    async def _drop_dead_holder(self, key: str) -> None:
        """A holder on this machine whose process is gone cannot come back: do not wait for its lock to expire."""
        token = await self._redis.get(key)
        if token is None:
            return
        owner = text(token).rpartition(":")[0]
        host, _, process = owner.rpartition("@")[2].rpartition(":")
        if host == socket.gethostname() and process.isdigit() and not _is_alive(int(process)):
            await self._redis.eval(_DELETE_IF, 1, key, text(token))


def lease_life_seconds(mode: Mode) -> float:
    """Life of the lock in real seconds; only a rehearsal looks at the environment."""
    given = os.environ.get(VARIABLE) if mode is Mode.REHEARSAL else None
    return LIFE_SECONDS if given is None else float(given)


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
