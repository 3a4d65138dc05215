"""What a worker knows of the stops: polled five times a second of real time, closed when unreadable (O4)."""

import asyncio
import time

from redis.exceptions import RedisError

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_infra.bus.cache import get
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.settings import Settings
from jennie_infra.stops import read_stop_file

POLL_SECONDS = 0.2
STALE_SECONDS = 1.0


class StopWatcher:
    """Union of the Redis flags and the durable file; unknown counts as stopped for buys, never for exits."""

    def __init__(self, settings: Settings, redis: AsyncRedis) -> None:
        self._settings = settings
        self._redis = redis
        self._state = StopState()
        self._readable = False
        self._checked = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> StopState:
        """The stops in force as last read."""
        return self._state

    def refuse_buy(self) -> Refusal | None:
        """The refusal of an automatic buy, or None. A reading older than one second counts as unreadable."""
        if self._state.halted:
            return Refusal(
                rule="O4-HALT", detail=self._state.reason or "full stop is set", value="halted", limit="not halted"
            )
        if self._state.paused:
            return Refusal(
                rule="O4-PAUSE", detail=self._state.reason or "pause is set", value="paused", limit="not paused"
            )
        if not self._readable or time.monotonic() - self._checked > STALE_SECONDS:
            return Refusal(
                rule="O4-UNREADABLE", detail="the stop flags cannot be read", value="unknown", limit="readable"
            )
        return None

    @property
    def blocks_automatic_exits(self) -> bool:
        """Only an explicit halt with JENNIE_HALT_BLOCKS_EXITS."""
        return self._state.blocks_automatic_exits

    async def start(self) -> None:
        """First reading, then a poll in the background."""
        await self.refresh()
        self._task = asyncio.create_task(self._poll(), name="stops")

    async def stop(self) -> None:
        """End the poll."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def refresh(self) -> None:
        """Read file and Redis now."""
        from_file = read_stop_file(self._settings) or StopState()
        try:
            paused, halted = await self._redis.mget(RedisKeys.EMERGENCY_PAUSE.value, RedisKeys.EMERGENCY_STOP.value)
            reading = await get(self._redis, RedisKeys.STOP_STATE, StopState)
            self._readable = True
        except (RedisError, OSError):
            self._readable = False
            self._state = from_file if from_file.blocks_buys else self._state
            self._checked = time.monotonic()
            return
        known = reading.value or StopState()
        said = known if known.blocks_buys else from_file
        self._state = StopState(
            paused=paused is not None or halted is not None or known.paused or from_file.paused,
            halted=halted is not None or known.halted or from_file.halted,
            reason=said.reason,
            said_by=said.said_by,
            since=said.since,
            halt_blocks_exits=self._settings.halt_blocks_exits,
        )
        self._checked = time.monotonic()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.refresh()
