"""Writes ticks, notices and marks to their streams: all that is due in few writes, in exact order."""

import asyncio
from collections.abc import Callable
from datetime import date

from prometheus_client import Counter as Metric
from redis.exceptions import RedisError

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice
from jennie_infra.bus.append import Appender, bulk, xadd, xadd_prefix
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import STREAMS, Streams, encode_mark, encode_message, encode_watermark
from jennie_infra.bus.ticks import FIELD, encode_tick
from jennie_infra.clock import real_now_us
from jennie_infra.telemetry import Metrics, get_logger
from jennie_infra.ticklog import mark_line, notice_line, tick_line

Item = Tick | ClockMark | ExecutionNotice
Record = Callable[[date, list[bytes]], None]

_TICKS, _WATERMARKS = STREAMS[Streams.TICKS], STREAMS[Streams.WATERMARKS]
_TICK = xadd_prefix(Streams.TICKS.value, _TICKS.trim_length, 1) + bulk(FIELD)
_TICK_MARK = xadd_prefix(Streams.TICKS.value, _TICKS.trim_length, 2)
_NOTICE_MARK = xadd_prefix(Streams.NOTICES.value, None, 2)  # trimmed by its readers, acknowledged entries only (S2)
_NOTICE = xadd_prefix(Streams.NOTICES.value, None, 5)
_WATERMARK = xadd_prefix(Streams.WATERMARKS.value, _WATERMARKS.trim_length, 2)

CONFLATE_ABOVE = 20_000
MOST_AT_ONCE = 2_000
"""Items of one write: their encoded forms are in memory two and three times until the store has answered (drill 19)."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class Publisher:
    """Takes items from the feed and writes all that is due at once; while it waits, the next batch gathers.

    When Redis fails, ticks of the failed batch are dropped and counted (an older price is of no use and a repeated one
    would be counted twice); notices and marks are written again until they arrive, notices being known by their keys.
    """

    def __init__(
        self, redis: AsyncRedis, service: str, metrics: Metrics, record: Record, *, may_conflate: bool
    ) -> None:
        self._service = service
        self._appender = Appender(redis)
        self._record = record
        self._may_conflate = may_conflate
        self._pending: list[Item] = []
        self._due = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._written = metrics.counter("published_total", "entries written to the streams", ("kind",))
        self._lost: Metric = metrics.counter("ticks_lost_total", "ticks that did not reach the stream", ("reason",))
        self._frame_time = metrics.histogram("gateway_frame_seconds", "frame received to entry written")
        self.failing = False
        self.conflated = 0
        self.lost = 0
        self.published_ticks = 0

    @property
    def waiting(self) -> int:
        """Items not written yet."""
        return len(self._pending)

    def add(self, item: Item) -> None:
        """Take one item; order is kept."""
        self._pending.append(item)
        self._due.set()

    async def run(self) -> None:
        """Write until cancelled; a write under way goes on, and `flush` waits for it."""
        while True:
            await self._due.wait()
            self._due.clear()
            self._writing = asyncio.create_task(self._flush(), name="write")
            await asyncio.shield(self._writing)

    async def flush(self) -> None:
        """Write what is due now, behind a write that is under way."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._flush()

    async def _flush(self) -> None:
        batch, self._pending = self._pending, []
        if len(batch) > CONFLATE_ABOVE and self._may_conflate:
            batch = self._conflate(batch)
        for start in range(0, len(batch), MOST_AT_ONCE):
            await self._write(batch[start : start + MOST_AT_ONCE])

    async def _write(self, batch: list[Item]) -> None:
        encoded = [encode_tick(item) if isinstance(item, Tick) else b"" for item in batch]
        pause = FIRST_PAUSE_SECONDS
        while not await self._try(batch, encoded):
            lost = sum(isinstance(item, Tick) for item in batch)
            self.lost += lost
            self._lost.labels("redis").inc(lost)
            batch, encoded = _without_ticks(batch)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        self._after(batch, encoded)

    async def _try(self, batch: list[Item], encoded: list[bytes]) -> bool:
        commands: list[bytes] = []
        for item, raw in zip(batch, encoded, strict=True):
            if isinstance(item, Tick):
                commands.append(_TICK + bulk(raw))
            elif isinstance(item, ClockMark):
                fields = encode_mark(item)
                commands += (xadd(_TICK_MARK, fields), xadd(_NOTICE_MARK, fields))
                if item.settled:
                    commands.append(xadd(_WATERMARK, encode_watermark(self._service, item.market_us)))
            else:
                commands.append(xadd(_NOTICE, encode_message(item, item.exchange_at)))
        try:
            await self._appender.append(commands)
        except (RedisError, OSError) as error:
            if not self.failing:
                get_logger().warning("streams cannot be written", error=type(error).__name__)
            self.failing = True
            return False
        self.failing = False
        return True

    async def close(self) -> None:
        """Give the connection up."""
        await self._appender.close()

    def _after(self, batch: list[Item], encoded: list[bytes]) -> None:
        lines: list[bytes] = []
        day: date | None = None
        oldest: int | None = None
        ticks = marks = notices = 0
        for item, raw in zip(batch, encoded, strict=True):
            if isinstance(item, Tick):
                ticks += 1
                oldest = item.received_us if oldest is None else oldest
                lines.append(tick_line(raw))
                day = day or from_epoch_us(item.exchange_us).date()
            elif isinstance(item, ClockMark):
                marks += 1
                lines.append(mark_line(item))
                day = day or from_epoch_us(item.market_us).date()
            else:
                notices += 1
                lines.append(notice_line(item))
                day = day or item.exchange_at.date()
        if oldest is not None:
            self._frame_time.observe(max(0, real_now_us() - oldest) / 1_000_000)
        self.published_ticks += ticks
        for kind, count in (("tick", ticks), ("mark", marks), ("notice", notices)):
            if count:
                self._written.labels(kind).inc(count)
        if day is not None:
            self._record(day, lines)

    def _conflate(self, batch: list[Item]) -> list[Item]:
        """Keep the newest tick of each code between two marks; its volume takes in those it stands for (drill 19).

        Between two phases of a code nothing is merged: an announcement is no price and takes in no trade.
        """
        kept: list[Item] = []
        newest: dict[str, int] = {}
        for item in batch:
            if not isinstance(item, Tick):
                newest.clear()
                kept.append(item)
                continue
            at = newest.get(item.code)
            earlier = None if at is None else kept[at]
            if at is not None and isinstance(earlier, Tick) and earlier.session_phase == item.session_phase:
                kept[at] = item._replace(volume=earlier.volume + item.volume)
                self.conflated += 1
                continue
            newest[item.code] = len(kept)
            kept.append(item)
        self._lost.labels("conflated").inc(len(batch) - len(kept))
        return kept


def _without_ticks(batch: list[Item]) -> tuple[list[Item], list[bytes]]:
    rest: list[Item] = [item for item in batch if not isinstance(item, Tick)]
    return rest, [b""] * len(rest)
