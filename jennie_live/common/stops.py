"""What a worker knows of the stops: polled five times a second of real time, closed when unreadable (O4)."""

import asyncio
import contextlib
import time
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.engine import DatabaseThread
from jennie_infra.settings import Settings
from jennie_infra.stops import join, read_stop_file, read_stop_row
from jennie_live.common.tasks import end

POLL_SECONDS = 0.2
LEDGER_POLL_SECONDS = 0.5
STALE_SECONDS = 1.0

_FLAGS = [key.value for key in (RedisKeys.EMERGENCY_PAUSE, RedisKeys.EMERGENCY_STOP, RedisKeys.STOP_STATE)]


class StopWatcher:
    """Union of the durable file, the ledger's row and the Redis flags; unknown counts as stopped for buys, never for
    exits. The ledger is read by workers that have one, in a poll of its own: a slow database never ages the others.
    """

    def __init__(self, settings: Settings, redis: AsyncRedis, ledger: DatabaseThread | None = None) -> None:
        self._settings = settings
        self._redis = redis
        self._ledger = ledger
        self._from_file = StopState()
        self._from_ledger = StopState()
        self._from_redis = StopState()
        self._readable = False
        self._checked = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> StopState:
        """The stops in force as last read."""
        joined = join(self._from_redis, self._from_file, self._from_ledger)
        return joined.model_copy(update={"halt_blocks_exits": self._settings.halt_blocks_exits})

    def refuse_buy(self) -> Refusal | None:
        """The refusal of an automatic buy, or None. A reading older than one second counts as unreadable."""
        state = self.state
        if state.halted:
            return Refusal(
                rule="O4-HALT", detail=state.reason or "full stop is set", value="halted", limit="not halted"
            )
        if state.paused:
            return Refusal(rule="O4-PAUSE", detail=state.reason or "pause is set", value="paused", limit="not paused")
        if not self._readable or time.monotonic() - self._checked > STALE_SECONDS:
            return Refusal(
                rule="O4-UNREADABLE", detail="the stop flags cannot be read", value="unknown", limit="readable"
            )
        return None

    @property
    def blocks_automatic_exits(self) -> bool:
        """Only an explicit halt with JENNIE_HALT_BLOCKS_EXITS."""
        return self.state.blocks_automatic_exits

    async def start(self) -> None:
        """First reading, then the polls in the background."""
        await self._read_ledger()
        await self.refresh()
        self._tasks = [asyncio.create_task(self._poll(), name="stops")]
        if self._ledger is not None:
            self._tasks.append(asyncio.create_task(self._poll_ledger(), name="stops-ledger"))

    async def stop(self) -> None:
        """End the polls."""
        await end(self._tasks)
        self._tasks.clear()

    async def refresh(self) -> None:
        """Read file and Redis now. Without Redis its last flags stay, and buys are refused as unreadable."""
        self._from_file = read_stop_file(self._settings) or StopState()
        try:
            raw: Any = await self._redis.mget(_FLAGS)
            paused, halted, known = raw
            said = StopState() if known is None else StopState.model_validate_json(known)
        except (RedisError, OSError, ValueError):
            self._readable = False
            return
        is_halted = said.halted or halted is not None
        is_paused = said.paused or paused is not None or is_halted
        self._from_redis = said.model_copy(update={"paused": is_paused, "halted": is_halted})
        self._readable = True
        self._checked = time.monotonic()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.refresh()

    async def _poll_ledger(self) -> None:
        while True:
            await asyncio.sleep(LEDGER_POLL_SECONDS)
            await self._read_ledger()

    async def _read_ledger(self) -> None:
        """An unreadable ledger changes nothing here: without it no intent can be stored and so no buy be sent."""
        if self._ledger is None:
            return
        with contextlib.suppress(SQLAlchemyError):
            row: StopState | None = await self._ledger.run(read_stop_row)
            self._from_ledger = row or StopState()
