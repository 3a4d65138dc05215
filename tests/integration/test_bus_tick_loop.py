"""The tick loop against a real server: order, malformed entries, gaps, idleness (T2, drill 24)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.market import ClockMark, Tick
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import PARKED_STREAM, Streams
from jennie_infra.bus.ticks import TickWriter, encode_tick
from jennie_infra.settings import load_settings
from jennie_live.common import tick_loop
from jennie_live.common.runtime import Runtime, build_runtime
from jennie_live.common.tick_loop import follow_ticks

T0 = 1_750_986_000_000_000
TICK = Tick("005930", 60_000, 3, 300, 60_100, 60_000, T0, T0 + 5)


class Seen:
    """Keeps what it was handed."""

    def __init__(self) -> None:
        self.items: list[Tick | ClockMark] = []
        self.gaps = 0
        self.idle = 0

    async def on_tick(self, tick: Tick) -> None:
        self.items.append(tick)

    async def on_mark(self, mark: ClockMark) -> None:
        self.items.append(mark)

    async def on_gap(self) -> None:
        self.gaps += 1

    async def on_idle(self) -> None:
        self.idle += 1


@pytest.fixture
async def runtime(redis_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = load_settings({"JENNIE_HOME": str(tmp_path), "JENNIE_REDIS_URL": redis_url}, tmp_path / "absent.env")
    made = build_runtime("test-worker", settings, needs_ledger=False, needs_gateway=False)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def seen(runtime: Runtime) -> AsyncIterator[Seen]:
    handler = Seen()
    await runtime.redis.xadd(Streams.TICKS.value, {"t": encode_tick(TICK)})
    following = asyncio.create_task(follow_ticks(runtime, handler, ticks_of(runtime)))
    await until(lambda: len(handler.items) == 1)
    yield handler
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def ticks_of(runtime: Runtime) -> CursorReader:
    """A reader of all that is in the stream."""
    return CursorReader(runtime.redis_blocking, Streams.TICKS, start="0-0")


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the loop under test tells nobody
            await asyncio.sleep(0.005)


def figure(runtime: Runtime, name: str) -> float:
    return float(runtime.metrics.registry.get_sample_value(f"jennie_{name}") or 0)


async def test_ticks_and_marks_arrive_in_order_and_move_the_clock(runtime: Runtime, seen: Seen) -> None:
    later = TICK._replace(exchange_us=T0 + 2_000_000)
    sent = [ClockMark(T0 + 1_000_000, settled=False), later, ClockMark(T0 + 5_000_000, settled=True)]
    await TickWriter(runtime.redis).write(sent)
    await until(lambda: len(seen.items) == 4)
    assert seen.items[1:] == sent
    assert runtime.clock.now_us() == T0 + 5_000_000
    assert runtime.clock.settled_us == T0 + 5_000_000
    await until(lambda: figure(runtime, "ticks_read_total") == 2)


@pytest.mark.parametrize(
    "bad",
    [
        {"t": b"\xff\xff"},
        {"t": '["005930","60000"]'},
        {"t": '["005930",60000,3,300,60100,60000,"soon",1,"0","ws"]'},
        {"mark": "99999999999999999999"},
        {"nothing": "known"},
    ],
)
async def test_a_malformed_entry_is_parked_with_its_error_and_the_rest_goes_on(
    runtime: Runtime, seen: Seen, bad: dict[Any, Any]
) -> None:
    entry: Any = await runtime.redis.xadd(Streams.TICKS.value, bad)
    await TickWriter(runtime.redis).write([TICK])
    await until(lambda: len(seen.items) == 2)
    rows: Any = await runtime.redis.xrange(PARKED_STREAM)
    ((_, fields),) = rows
    assert fields[b"parked_entry"] == entry
    assert fields[b"parked_error"]
    assert figure(runtime, "ticks_malformed_total") == 1
    assert runtime.clock.now_us() == T0


async def test_a_silent_stream_is_idle(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_loop, "BLOCK_MS", 20)
    await until(lambda: seen.idle >= 2)


async def test_entries_trimmed_before_they_were_read_are_said(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick_loop, "BATCH", 10)
    pipeline = runtime.redis.pipeline(transaction=False)
    for _ in range(100):
        pipeline.xadd(Streams.TICKS.value, {"t": encode_tick(TICK)}, maxlen=50, approximate=False)
    await pipeline.execute()
    handler = Seen()
    following = asyncio.create_task(follow_ticks(runtime, handler, ticks_of(runtime)))
    await until(lambda: len(handler.items) == 50)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert handler.gaps == 1
    assert figure(runtime, "tick_gaps_total") == 1


async def test_redis_of_another_mode_is_refused(redis_url: str, tmp_path: Path, runtime: Runtime) -> None:
    """B5: `runtime` has stamped this server as rehearsal."""
    settings = load_settings(
        {"JENNIE_HOME": str(tmp_path / "b"), "JENNIE_REDIS_URL": redis_url, "JENNIE_MODE": "paper"},
        tmp_path / "absent.env",
    )
    foreign = build_runtime("test-worker", settings, needs_ledger=False, needs_gateway=False)
    with pytest.raises(Exception, match="Redis belongs to rehearsal/default, this process runs as paper/default"):
        await foreign.open()
    await foreign.close()
