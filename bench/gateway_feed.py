"""Frame in to tick on the stream: the gateway's own feed, from its socket to the store, against ready-made entries.

One process on one core is the gateway's feed as `jennie_live/gateway/app.py` wires it, tick log included; another plays
the frames; the third is the store. The floor writes entries of the same size as ready-made bytes.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import aiohttp
import orjson
import uvloop

from bench.feed_server import CODES, RECORDS_PER_FRAME
from bench.processes import BenchError, Children, free_port, listens
from bench.result import Figure, median, quantile
from jennie_infra.bus.append import Appender, bulk, xadd_prefix
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.streams import Streams
from jennie_infra.clock import MarketClock, real_now_us
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.codec_ws import WireLayout
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.reads import KisReads
from jennie_infra.telemetry import Metrics
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.polling import Poller
from jennie_live.gateway.publish import Publisher
from jennie_live.gateway.recorder import Recorder
from jennie_live.gateway.subscriptions import Claims

ROUNDS = 5
TICKS = 60_000
GOAL_PER_SECOND = 30_000
PACED_TICKS, PACED_PER_SECOND = 6_000, 2_000
GOAL_P99_MS = 2.0
MOVED_RATIO = 1.3
ENTRY = b'["000100",60000,512,123456,60100,60000,1750984215000000,1750984215000123,"0","ws"]'
FLOOR_BATCH = 200
RECEIVED_AT = 8
"""Position of the receive time in a line of the tick log."""


class _Approved:
    """Stands for the REST client: the bench has no broker that gives keys."""

    async def approval_key(self) -> str:
        """Any key."""
        return "bench"


class Gateway:
    """The feed's parts as app.py wires them for live operation, without REST and HTTP faces."""

    def __init__(self, redis: AsyncRedis, url: str, folder: Path) -> None:
        self.written: list[tuple[int, list[bytes]]] = []
        self.recorder = Recorder(folder, "rehearsal", keep_days=2)
        self.publisher = Publisher(redis, "bench", Metrics("bench"), self._note, may_conflate=False)
        claims = Claims()
        claims.put("watchlist", CODES)
        self.intake = Intake(
            self.publisher, MarketClock(), lambda market_us: None, Poller(cast(KisReads, None)), _nothing_polled,
            lambda: date(2025, 6, 27), slices=None,
        )  # fmt: skip
        who = Credentials(app_key="k", app_secret="s", account="5012345601", hts_id="bench")
        self.feed = Feed(
            url, cast(KisClient, _Approved()), who, WireLayout.parse("47/63/26"), "H0STCNI0", claims, self.intake,
            rehearsal=True, on_drift=lambda drift_us: None,
        )  # fmt: skip
        self.recorder.start()
        self._tasks = [asyncio.create_task(self.publisher.run()), asyncio.create_task(self.feed.run())]

    def _note(self, day: date, lines: list[bytes]) -> None:
        self.written.append((real_now_us(), lines))
        self.recorder.put(day, lines)

    async def reach(self, ticks: int) -> None:
        """Wait until so many ticks are on the stream."""
        async with asyncio.timeout(60):
            while self.publisher.published_ticks < ticks:  # noqa: ASYNC110  a counter of the hot path, no event
                await asyncio.sleep(0.001)

    def own_times_ms(self) -> list[float]:
        """From the receipt of each tick's frame until the store had its entry."""
        return [
            (at_us - received) / 1_000
            for at_us, lines in self.written
            for line in lines
            if (received := orjson.loads(line)[RECEIVED_AT])
        ]

    async def stop(self) -> None:
        """End the tasks and close the log."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.publisher.close()
        await asyncio.to_thread(self.recorder.stop)


async def _nothing_polled(market_us: int) -> tuple[str, ...]:
    return ()


def measure(folder: Path, children: Children) -> list[Figure]:
    """Both figures."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config, port = ValkeyConfig(folder, socket_name="feed.sock"), free_port()
    children.start("feed-valkey", server_argv(config))
    children.wait("feed-valkey", lambda: config.socket_path.exists())
    children.python("feed-server", "bench.feed_server", str(port))
    children.wait("feed-server", lambda: listens(port))
    return uvloop.run(_measure(config.url, port, folder))


async def _measure(url: str, port: int, folder: Path) -> list[Figure]:
    redis = connect(url, retries=0)
    gateway = Gateway(redis, f"ws://127.0.0.1:{port}/tryitout", folder / "ticks")
    try:
        async with asyncio.timeout(30):
            while len(gateway.feed.subscribed) < len(CODES):  # noqa: ASYNC110  the feed has no event for it
                await asyncio.sleep(0.01)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as server:
            play = _player(server)
            return [await _throughput(gateway, redis, play), await _own_time(gateway, redis, play)]
    except TimeoutError as error:
        raise BenchError(f"the feed does not go on: {gateway.intake.dropped()} {gateway.feed.last_problem}") from error
    finally:
        await gateway.stop()
        await redis.aclose()


def _player(server: aiohttp.ClientSession) -> Callable[[int, int], Any]:
    async def play(ticks: int, per_second: int) -> None:
        async with server.get("/play", params={"ticks": ticks, "per_second": per_second}) as answer:
            answer.raise_for_status()

    return play


async def _throughput(gateway: Gateway, redis: AsyncRedis, play: Callable[[int, int], Any]) -> Figure:
    ours: list[float] = []
    floor: list[float] = []
    cpu = 0.0
    for _ in range(ROUNDS):
        floor.append(await _bare_us(redis))
        gateway.written.clear()
        wanted = gateway.publisher.published_ticks + TICKS
        before = time.process_time()
        playing = asyncio.create_task(play(TICKS, 0))
        await gateway.reach(wanted)
        cpu += time.process_time() - before
        await playing
        first = min(orjson.loads(gateway.written[0][1][0])[RECEIVED_AT], gateway.written[0][0])
        ours.append((gateway.written[-1][0] - first) / TICKS)
    return Figure(
        name="frame in to tick on the stream, one tick",
        value=median(ours),
        unit="us",
        floor=median(floor),
        ratio=median([mine / its for mine, its in zip(ours, floor, strict=True)]),
        goal=1e6 / GOAL_PER_SECOND,
        cpu_seconds=round(cpu, 2),
        samples=TICKS * ROUNDS,
        is_steady=max(floor) <= MOVED_RATIO * min(floor),
        detail={
            "ticks_per_second": [round(1e6 / each) for each in ours],
            "cpu_us_per_tick": round(cpu * 1e6 / (TICKS * ROUNDS), 2),
            "floor_per_second": [round(1e6 / each) for each in floor],
            "floor": f"XADD of ready-made entries, {FLOOR_BATCH} a write",
            "records_per_frame": RECORDS_PER_FRAME,
        },
    )


async def _own_time(gateway: Gateway, redis: AsyncRedis, play: Callable[[int, int], Any]) -> Figure:
    ours: list[tuple[float, float]] = []
    floor: list[float] = []
    middles: list[float] = []
    for _ in range(ROUNDS):
        bare = await _bare_paced_ms(redis)
        floor.append(quantile(bare, 0.99))
        middles.append(quantile(bare, 0.5))
        gateway.written.clear()
        wanted = gateway.publisher.published_ticks + PACED_TICKS
        await play(PACED_TICKS, PACED_PER_SECOND)
        await gateway.reach(wanted)
        times = gateway.own_times_ms()
        ours.append((quantile(times, 0.5), quantile(times, 0.99)))
    p99s = [p99 for _, p99 in ours]
    return Figure(
        name="frame in to tick on the stream at 2,000 ticks/s, p99",
        value=median(p99s),
        unit="ms",
        floor=median(floor),
        ratio=median([mine / its for mine, its in zip(p99s, floor, strict=True)]),
        goal=GOAL_P99_MS,
        samples=PACED_TICKS * ROUNDS,
        is_steady=max(middles) <= MOVED_RATIO * min(middles),
        detail={
            "p50_ms": [round(p50, 3) for p50, _ in ours],
            "p99_ms": [round(p99, 3) for p99 in p99s],
            "floor_p99_ms": [round(value, 3) for value in floor],
            "floor": "one write of four ready-made entries and the replies, at the same pace",
            "includes": "the store's reply",
        },
    )


async def _bare_us(redis: AsyncRedis) -> float:
    appender, command = Appender(redis), xadd_prefix(Streams.TICKS.value, 100_000, 1) + bulk(b"t") + bulk(ENTRY)
    began = time.monotonic()
    for _ in range(TICKS // FLOOR_BATCH):
        await appender.append([command] * FLOOR_BATCH)
    took = time.monotonic() - began
    await appender.close()
    return took * 1e6 / TICKS


async def _bare_paced_ms(redis: AsyncRedis) -> list[float]:
    appender, command = Appender(redis), xadd_prefix(Streams.TICKS.value, 100_000, 1) + bulk(b"t") + bulk(ENTRY)
    values: list[float] = []
    began = time.monotonic()
    for turn in range(PACED_TICKS // RECORDS_PER_FRAME):
        await asyncio.sleep(max(0.0, began + turn * RECORDS_PER_FRAME / PACED_PER_SECOND - time.monotonic()))
        started = time.monotonic()
        await appender.append([command] * RECORDS_PER_FRAME)
        values.append((time.monotonic() - started) * 1_000)
    await appender.close()
    return values
