"""Moves market time, in slices on demand or freely with the wall clock."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from jennie_sim.market.hours import DAY_MS, SECOND_MS, from_instant, to_instant
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.feed import Feed, Sent

STEP_SECONDS = 0.05


class TimeError(ValueError):
    """Market time cannot be moved as asked."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one advance has done."""

    now: datetime
    ticks_sent: int
    notices_sent: int
    orders_matched: int

    def as_dict(self) -> dict[str, object]:
        """For the admin port."""
        return {
            "now": self.now.isoformat(),
            "ticks_sent": self.ticks_sent,
            "notices_sent": self.notices_sent,
            "orders_matched": self.orders_matched,
        }


class Engine:
    """The only place that moves the exchange's clock; one mover at a time."""

    def __init__(self, broker: Broker, feed: Feed) -> None:
        self._broker = broker
        self._feed = feed
        self._lock = asyncio.Lock()
        self._runner: asyncio.Task[None] | None = None
        self.speed: float | None = None

    async def advance(self, until: datetime) -> Slice:
        """Move to `until` (docs/decisions/0001): match, send in exchange-time order, close with the heartbeat.

        To the present instant it only sends the heartbeat once more, so a caller may repeat what got no answer.
        """
        if self.speed is not None:
            raise TimeError("the exchange runs freely; stop it first (speed null)")
        until_ms = from_instant(self._broker.market.day, until)
        async with self._lock:
            now_ms = self._broker.now_ms
            if until_ms == now_ms:
                return await self._repeat_heartbeat()
            if not now_ms < until_ms < DAY_MS:
                raise TimeError(
                    f"market time stands at {self._broker.now.isoformat()}, cannot go to {until.isoformat()}"
                )
            width = max((until_ms - now_ms) / SECOND_MS, self._broker.settings.slice_seconds)
            self._broker.limits.widen(width)
            return await self._move(until_ms, heartbeat=True)

    async def _repeat_heartbeat(self) -> Slice:
        await self._feed.deliver(self._broker.now_ms, self._broker.now_ms, [], heartbeat=True)
        return Slice(self._broker.now, 0, 0, 0)

    async def _move(self, until_ms: int, heartbeat: bool) -> Slice:
        exchange = self._broker.exchange
        after_ms, fills_before = exchange.now_ms, len(exchange.fills)
        notices = exchange.advance(until_ms)
        sent: Sent = await self._feed.deliver(after_ms, until_ms, notices, heartbeat)
        return Slice(
            now=to_instant(self._broker.market.day, until_ms),
            ticks_sent=sent.ticks,
            notices_sent=sent.notices,
            orders_matched=len(exchange.fills) - fills_before,
        )

    async def run(self, speed: float | None) -> None:
        """Let time pass `speed` times as fast as the wall clock; None stops it."""
        await self.stop()
        if speed is None:
            return
        if speed <= 0:
            raise TimeError("speed must be positive")
        self.speed = speed
        self._broker.limits.widen(STEP_SECONDS * speed)
        self._runner = asyncio.create_task(self._flow(speed), name="market time")

    async def stop(self) -> None:
        """Stop running freely."""
        runner, self._runner, self.speed = self._runner, None, None
        if runner is not None:
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)

    async def _flow(self, speed: float) -> None:
        start_ms, started = self._broker.now_ms, time.monotonic()
        beat_ms = int(self._broker.settings.heartbeat_seconds * SECOND_MS)
        while True:
            await asyncio.sleep(STEP_SECONDS)
            until_ms = min(start_ms + int((time.monotonic() - started) * SECOND_MS * speed), DAY_MS - 1)
            async with self._lock:
                before_ms = self._broker.now_ms
                if until_ms > before_ms:
                    await self._move(until_ms, heartbeat=until_ms // beat_ms != before_ms // beat_ms)
            if until_ms >= DAY_MS - 1:
                self.speed = None
                return
