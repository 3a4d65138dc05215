"""The loop of a worker that lives on `stream:ticks`: ordered ticks and marks, malformed entries parked, gaps said."""

from typing import Protocol

import orjson

from jennie_core.domain.market import ClockMark, Tick
from jennie_infra.bus.connect import text
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams, park
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.clock import real_now_us
from jennie_live.common.conflate import newest_per_code
from jennie_live.common.runtime import Runtime

BLOCK_MS = 1_000
BATCH = 2_000


class TickHandler(Protocol):
    """What a worker does with ticks and marks, in the order of the stream."""

    async def on_tick(self, tick: Tick) -> None:
        """One trade."""
        ...

    async def on_mark(self, mark: ClockMark) -> None:
        """One clock mark; the clock has already taken it."""
        ...

    async def on_gap(self) -> None:
        """Entries were trimmed before they were read."""
        ...

    async def on_idle(self) -> None:
        """Nothing arrived for a second of real time."""
        ...


async def follow_ticks(
    runtime: Runtime, handler: TickHandler, reader: CursorReader, *, conflates: bool = False
) -> None:
    """Read `stream:ticks` until cancelled. Every entry is handled in order; a malformed one is parked and counted.

    A reader that `conflates` and is behind (a full batch came) takes of each code only the newest tick between two
    marks: exits are judged on the price that holds now, not on one that has passed (drill 19).
    """
    read = runtime.metrics.counter("ticks_read_total", "ticks taken from the stream")
    malformed = runtime.metrics.counter("ticks_malformed_total", "entries of the tick stream that could not be read")
    gaps = runtime.metrics.counter("tick_gaps_total", "reads that found entries trimmed away")
    conflated = runtime.metrics.counter("ticks_conflated_total", "ticks that gave way to a newer one of their code")
    decided = runtime.metrics.histogram("tick_to_decision_seconds", "gateway receive to the end of a tick's rules")
    known_gaps = reader.gaps
    while True:
        entries = await reader.read_raw(block_ms=BLOCK_MS, count=BATCH)
        if not entries:
            await handler.on_idle()
            continue
        if reader.gaps > known_gaps:
            gaps.inc(reader.gaps - known_gaps)
            known_gaps = reader.gaps
            await handler.on_gap()
        items: list[Tick | ClockMark] = []
        for entry_id, fields in entries:
            try:
                items.append(decode_tick_entry(fields))
            except (ValueError, TypeError, orjson.JSONDecodeError) as error:
                malformed.inc()
                await park(runtime.redis, Streams.TICKS, text(entry_id), fields, str(error))
        if conflates and len(entries) >= BATCH:
            kept = newest_per_code(items)
            conflated.inc(len(items) - len(kept))
            items = kept
        for item in items:
            if isinstance(item, Tick):
                runtime.clock.observe_us(item.exchange_us)
                await handler.on_tick(item)
                decided.observe(max(0.0, (real_now_us() - item.received_us) / 1e6))
            else:
                runtime.clock.observe_mark(item)
                await handler.on_mark(item)
        read.inc(sum(isinstance(item, Tick) for item in items))
