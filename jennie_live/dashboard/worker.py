"""The dashboard's loop: follow ticks and alerts, keep the day's curve, offer one frame a second to the viewers."""

import asyncio
import time

from redis.exceptions import RedisError

from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.market import Tick
from jennie_core.domain.signals import Alert
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.telemetry import get_logger
from jennie_live.dashboard import ledger_queries
from jennie_live.dashboard.context import Dashboard
from jennie_live.dashboard.frame import build_frame
from jennie_live.dashboard.schemas.operation import LiveFrame
from jennie_live.dashboard.schemas.portfolio import IntradayPoint

DRAIN_SECONDS = 0.25
FRAME_SECONDS = 1.0
UNWATCHED_SECONDS = 2.0
SEED_TICKS = 3_000
SEED_ALERTS = 200
BATCH = 5_000
MOST_BATCHES = 6
"""More than this behind, the reader jumps to the end: a page needs the newest price, not every price."""


class DashboardWorker:
    """Worker protocol of the dashboard."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._ticks = CursorReader(dashboard.runtime.redis, Streams.TICKS)
        self._alerts = CursorReader(dashboard.runtime.redis, Streams.ALERTS)
        self._ledger: DependencyStatus = DependencyStatus(ok=False, detail="not read yet")
        self._skipped = dashboard.runtime.metrics.counter("dashboard_ticks_skipped_total", "batches jumped over")
        self._bad = dashboard.runtime.metrics.counter("dashboard_malformed_total", "entries that could not be read")
        self._viewers = dashboard.runtime.metrics.gauge("dashboard_viewers", "open web sockets")

    async def start(self) -> None:
        """Rebuild prices, market time and alerts from the ends of the streams."""
        redis = self._dashboard.runtime.redis
        await self._ticks.start_at_end()
        await self._alerts.start_at_end()
        for _, fields in reversed(await redis.xrevrange(Streams.TICKS.value, count=SEED_TICKS) or []):
            self._observe(fields)
        for entry_id, fields in reversed(await redis.xrevrange(Streams.ALERTS.value, count=SEED_ALERTS) or []):
            self._observe_alert(entry_id, fields)
        await self._check_ledger()

    async def run(self) -> None:
        """Drain and push until cancelled; an outage of Redis or the ledger is shown, not died of."""
        next_frame = time.monotonic()
        while True:
            try:
                await self._drain()
            except (RedisError, OSError) as error:
                get_logger().warning("streams cannot be read", error=type(error).__name__)
                await asyncio.sleep(FRAME_SECONDS)
            if time.monotonic() >= next_frame:
                watched = len(self._dashboard.hub)
                self._viewers.set(watched)
                next_frame = time.monotonic() + (FRAME_SECONDS if watched else UNWATCHED_SECONDS)
                await self._push()
            await asyncio.sleep(DRAIN_SECONDS)

    async def stop(self) -> None:
        """Release the stores."""
        self._dashboard.close()

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """Unhealthy only when the ledger cannot be read; Redis is judged by the caller."""
        age = self._dashboard.runtime.clock.seconds_since_mark()
        state: ServiceState = "healthy" if self._ledger.ok else "unhealthy"
        return state, {
            "viewers": len(self._dashboard.hub),
            "mark_age_seconds": None if age is None else round(age, 1),
            "tick_gaps": self._ticks.gaps,
        }

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """The ledger as last read, the market store now."""
        try:
            await self._dashboard.market.read(lambda connection: None)
            market = DependencyStatus(ok=True)
        except StoreUnreadableError as error:
            market = DependencyStatus(ok=False, detail=error.detail)
        await self._check_ledger()
        return {"ledger": self._ledger, "market": market}

    async def _check_ledger(self) -> None:
        start = time.monotonic()
        try:
            await self._dashboard.ledger.read(ledger_queries.latest_day)
            self._ledger = DependencyStatus(ok=True, latency_ms=round((time.monotonic() - start) * 1000, 3))
        except StoreUnreadableError as error:
            self._ledger = DependencyStatus(ok=False, detail=f"{error.detail}; {error.next_step}")

    async def _drain(self) -> None:
        for _ in range(MOST_BATCHES):
            entries = await self._ticks.read_raw(count=BATCH)
            for _, fields in entries:
                self._observe(fields)
            if len(entries) < BATCH:
                break
        else:
            await self._ticks.start_at_end()
            self._skipped.inc()
        for entry in await self._alerts.read():
            if isinstance(entry.message, Alert):
                self._dashboard.book.observe_alert(entry.message)

    def _observe(self, fields: object) -> None:
        try:
            item = decode_tick_entry(fields)  # type: ignore[arg-type]
        except ValueError:
            self._bad.inc()
            return
        if isinstance(item, Tick):
            self._dashboard.runtime.clock.observe_us(item.exchange_us)
            self._dashboard.book.observe_tick(item)
        else:
            self._dashboard.runtime.clock.observe_mark(item)

    def _observe_alert(self, entry_id: object, fields: object) -> None:
        message = decode_entry(entry_id, fields).message  # type: ignore[arg-type]
        if isinstance(message, Alert):
            self._dashboard.book.observe_alert(message)

    async def _push(self) -> None:
        frame = await build_frame(self._dashboard)
        self._remember(frame)
        store_problem = next((p for p in frame.problems if p.rule.startswith("STORE-")), None)
        if store_problem is not None:
            self._ledger = DependencyStatus(ok=False, detail=store_problem.detail)
        elif not self._ledger.ok:
            await self._check_ledger()
        if len(self._dashboard.hub):
            self._dashboard.hub.broadcast(frame.model_dump_json())

    def _remember(self, frame: LiveFrame) -> None:
        if frame.market_time is None or frame.realized_today_krw is None or frame.unrealized_krw is None:
            return
        self._dashboard.book.observe_point(
            IntradayPoint(
                at=frame.market_time,
                realized_krw=frame.realized_today_krw,
                unrealized_krw=frame.unrealized_krw,
                total_krw=frame.realized_today_krw + frame.unrealized_krw,
            )
        )
