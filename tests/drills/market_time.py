"""Market time of a drill: the exchange opens a slice, everybody closes it; the test stands for scanner and monitor."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from jennie_cli.errors import UserError
from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import ClockMark
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import Streams, StreamWriter, decode_watermark
from tests.drills.books import Books

DEADLINE_SECONDS = 60.0
NUDGE_SECONDS = 1.0
SLICE = timedelta(seconds=5)
EXECUTORS = ("buy-executor", "sell-executor")


class MarketTime(Books, ABC):
    """Moves market time slice by slice (T3)."""

    redis: AsyncRedis
    now: datetime

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}
        self._cursor = "0-0"

    @abstractmethod
    def log(self, name: str) -> str:
        """The end of a process's output."""

    def forget_watermarks(self) -> None:
        """The streams begin anew."""
        self._cursor = "0-0"
        self._seen.clear()

    async def slice(self, *waits_for: str, passed: timedelta = SLICE) -> None:
        """One slice: the exchange advances, the gateway marks, scanner and monitor (we) pass the mark on."""
        self.now += passed
        self.admin.advance(self.now)
        await self._passed("kis-gateway")
        await self._pass_mark_on()
        for name in waits_for or EXECUTORS:
            await self._passed(name)

    async def slices(self, count: int, *waits_for: str) -> None:
        """Several slices."""
        for _ in range(count):
            await self.slice(*waits_for)

    async def slices_until(self, condition: Callable[[], Any], what: str, at_most: int = 40) -> None:
        """Let market time pass until a condition holds."""
        for _ in range(at_most):
            if condition():
                return
            await self.slice()
        assert condition(), f"not within {at_most} slices: {what}; {self.agree().differences}; {self.intents()}"

    async def _pass_mark_on(self) -> None:
        """What scanner and monitor do with every settled mark, also with one that comes again."""
        mark = ClockMark(to_epoch_us(self.now), settled=True)
        for stream in (Streams.BUY_SIGNALS, Streams.SELL_ORDERS):
            await StreamWriter(self.redis, stream).publish_mark(mark)

    async def _passed(self, name: str) -> None:
        deadline, nudged = time.monotonic() + DEADLINE_SECONDS, time.monotonic()
        while name not in self._seen or self._seen[name] < self.now:
            reply: Any = await self.redis.xrange(Streams.WATERMARKS.value, min=f"({self._cursor}")
            for entry_id, fields in reply:
                self._cursor = entry_id.decode()
                service, when = decode_watermark(fields)
                self._seen[service] = when
            if time.monotonic() - nudged > NUDGE_SECONDS:
                with contextlib.suppress(UserError):  # a drill may have moved the exchange ahead of the slice
                    self.admin.advance(self.now)
                if name != "kis-gateway":
                    await self._pass_mark_on()
                nudged = time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} does not pass {self.now:%H:%M:%S}: {self.log(name)}")
            await asyncio.sleep(0.002)

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait in real time, market time standing still."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}\n{self.all_logs()}")
            await asyncio.sleep(0.01)

    async def until_async(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for an asynchronous condition."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}\n{self.all_logs()}")
            await asyncio.sleep(0.01)

    @abstractmethod
    def all_logs(self) -> str:
        """The end of every process's output."""
