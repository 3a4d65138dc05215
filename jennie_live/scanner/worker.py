"""The scanner's loop: ticks and marks to the scanner core, its signals to `stream:buy-signals`."""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from redis.exceptions import RedisError

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.effective import Effective
from jennie_core.strategy.scanner import Decision, ScannerCore
from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.clock import real_now_us
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.common.published import Published, refresh
from jennie_live.common.runtime import Runtime
from jennie_live.common.tick_loop import follow_ticks
from jennie_live.scanner.cooldowns import read_cooldowns
from jennie_live.scanner.journal import Journal, signals_since, store
from jennie_live.scanner.obstacles import ObstacleBoard

CLAIM_SECONDS = 60.0
FLUSH_SECONDS = 2.0
STREAM_START = "0-0"


class ScannerWorker:
    """One scanner process. Everything that decides is in `ScannerCore`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._core: ScannerCore | None = None
        self._day: date | None = None
        self._watchlist = Published(RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._context = Published(RedisKeys.REGIME_CURRENT, TradingContext)
        self._risk_read = Published(RedisKeys.RISK_INTRADAY, IntradayRisk)
        self._risk: Effective[IntradayRisk] = Effective(runtime.clock)
        self._manual: dict[str, str] = {}
        self._journal = Journal()
        self._obstacles = ObstacleBoard(runtime)
        self._signals = runtime.writer(Streams.BUY_SIGNALS)
        self._claimed: list[str] = []
        self._claimed_at = 0.0
        self._flushed_at = 0.0
        self._raised = runtime.metrics.counter("buy_signals_total", "buy signals published", ("strategy",))
        self._refused = runtime.metrics.counter("buy_setups_refused_total", "setups refused", ("rule",))
        self._latency = runtime.metrics.histogram("tick_to_signal_seconds", "gateway receive to signal published")

    async def start(self) -> None:
        """Nothing to prepare: the first mark brings the day."""

    async def run(self) -> None:
        """Follow the tick stream; after a restart the day's ticks still in it rebuild the state (R-BAR-04)."""
        cursor = await self._rebuild()
        reader = CursorReader(self._runtime.redis_blocking, Streams.TICKS, start=cursor)
        await follow_ticks(self._runtime, self, reader)

    async def stop(self) -> None:
        """Write down what was decided."""
        await self._flush(force=True)

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """Degraded while the watchlist or the context is unknown: then there are no buys, and it says why."""
        core, watchlist = self._core, self._watchlist.value
        age = self._runtime.clock.seconds_since_mark()
        why = self._watchlist.problem or self._context.problem
        state: ServiceState = "healthy" if not why and core is not None else "degraded"
        return state, {
            "why": why,
            "watchlist_version": watchlist.version if watchlist else None,
            "watchlist_size": len(watchlist.entries) if watchlist else None,
            "seconds_since_mark": None if age is None else round(age, 1),
            "outside_ticks": core.outside_ticks if core else None,
            "late_ticks": core.late_ticks if core else None,
            "feed_stalled": core.feed_is_stalled if core else None,
        }

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """Redis is all it cannot do without."""
        return {}

    async def on_tick(self, tick: Tick) -> None:
        """One trade to the core."""
        if self._core is not None and (decisions := self._core.on_tick(tick)):
            await self._publish(decisions)

    async def on_mark(self, mark: ClockMark) -> None:
        """Bars close by timer; a settled mark also brings new inputs and is passed on."""
        self._roll_day(mark)
        if mark.settled:
            await self._read_inputs(mark)
        if self._core is not None and (decisions := self._core.on_mark(mark.market_us)):
            await self._publish(decisions)
        if mark.settled:
            if self._core is not None:
                await self._obstacles.tell(self._core, mark)
            await self._flush(force=False)
            await self._signals.publish_mark(mark)
            await self._runtime.watermark(mark)

    async def on_gap(self) -> None:
        """Bars that lost ticks say so."""
        if self._core is not None:
            self._core.mark_gap()

    async def on_idle(self) -> None:
        """Keep the claims alive while the feed is silent."""
        await self._claim(force=False)

    def _roll_day(self, mark: ClockMark) -> None:
        day = from_epoch_us(mark.market_us).astimezone(KST).date()
        if day != self._day:
            self._day = day
            is_session = KrxCalendar.shipped().is_session(day)
            self._core = ScannerCore(self._runtime.trading.scanner, session_times(day)) if is_session else None
            self._inputs_are_new()

    def _inputs_are_new(self) -> None:
        if self._core is not None:
            self._core.set_watchlist(self._watchlist.value, self._manual)
            self._core.set_context(self._context.value)
            self._core.set_intraday(self._risk.value)
            self._core.set_stops(self._runtime.stops.state)

    async def _read_inputs(self, mark: ClockMark) -> None:
        changed = await refresh(self._runtime.redis, self._watchlist, self._context, self._risk_read)
        self._risk.offer(self._risk_read.value)
        manual = await self._read_manual()
        core = self._core
        if core is None:
            return
        if RedisKeys.WATCHLIST_ACTIVE in changed or manual != self._manual:
            self._manual = manual
            core.set_watchlist(self._watchlist.value, manual)
            await self._claim(force=True)
        core.set_context(self._context.value)
        core.set_intraday(self._risk.value)
        core.set_stops(self._runtime.stops.state)
        found = await read_cooldowns(self._runtime.redis, self._runtime.clock, core.codes(), self._runtime.trading.risk)
        core.set_cooldowns(*(found or (None, None)))
        await self._claim(force=False)

    async def _read_manual(self) -> dict[str, str]:
        try:
            raw: Any = await self._runtime.redis.hgetall(RedisKeys.WATCHLIST_MANUAL.value)
        except (RedisError, OSError):
            return self._manual
        return {text(code): text(name) for code, name in raw.items()}

    async def _claim(self, *, force: bool) -> None:
        if self._runtime.gateway is None or self._core is None:
            return
        codes = self._core.codes()
        if not force and codes == self._claimed and time.monotonic() - self._claimed_at < CLAIM_SECONDS:
            return
        listed = {entry.code for entry in self._watchlist.value.entries} if self._watchlist.value else set()
        try:
            await self._runtime.gateway.claim_codes("watchlist", [code for code in codes if code in listed])
            await self._runtime.gateway.claim_codes("manual", [code for code in codes if code not in listed])
        except GatewayError as error:
            get_logger().warning("claim failed", error=str(error))
            return
        self._claimed, self._claimed_at = codes, time.monotonic()

    async def _publish(self, decisions: Sequence[Decision]) -> None:
        day = self._day
        if day is None:
            return
        for decision in decisions:
            if isinstance(decision, BuySignal):
                signal = decision.model_copy(update={"signalled_us": real_now_us()})
                await self._signals.publish(signal, signal.signalled_at)
                self._raised.labels(signal.signal_type.value).inc()
                self._latency.observe(max(0.0, (real_now_us() - signal.tick_received_us) / 1e6))
                self._journal.note(day, signal, signal.stock_name)
            else:
                self._refused.labels(decision.refusal.rule).inc()
                self._journal.note(day, decision, decision.code)

    async def _flush(self, *, force: bool) -> None:
        """Hand the journal to the ledger thread, at most every two seconds."""
        if self._runtime.ledger is None or (not force and time.monotonic() - self._flushed_at < FLUSH_SECONDS):
            return
        rows = self._journal.take()
        self._flushed_at = time.monotonic()
        if rows:
            await self._runtime.ledger.run(lambda connection: store(connection, rows))

    async def _rebuild(self) -> str:
        """Replay what the stream still holds of the day; returns the cursor to go on from."""
        redis = self._runtime.redis
        newest: Any = await redis.xrevrange(Streams.TICKS.value, count=1)
        if not newest:
            return "$"
        last_id = text(newest[0][0])
        self._take_time(decode_tick_entry(newest[0][1]))
        core = self._core
        if core is None:
            return last_id
        await refresh(redis, self._watchlist, self._context)
        self._manual = await self._read_manual()
        self._inputs_are_new()
        cursor, replayed = STREAM_START, 0
        while True:
            batch: Any = await redis.xrange(Streams.TICKS.value, min=f"({cursor}", max=last_id, count=5_000)
            if not batch:
                break
            cursor = text(batch[-1][0])
            items = [decode_tick_entry(fields) for _, fields in batch]
            ticks = [
                item for item in items if isinstance(item, Tick) and from_epoch_us(item.exchange_us).date() == self._day
            ]
            replayed += len(ticks)
            core.replay(ticks)
        await self._restore_signals(core)
        get_logger().info("rebuilt from the stream", ticks=replayed)
        return last_id

    def _take_time(self, item: Tick | ClockMark) -> None:
        mark = item if isinstance(item, ClockMark) else ClockMark(item.exchange_us, settled=False)
        self._runtime.clock.observe_mark(mark)
        self._roll_day(mark)

    async def _restore_signals(self, core: ScannerCore) -> None:
        if self._runtime.ledger is None:
            return
        since = from_epoch_us(self._runtime.clock.now_us()) - timedelta(
            seconds=self._runtime.trading.scanner.cooldown_seconds
        )

        day = self._day
        rows = await self._runtime.ledger.run(lambda connection: signals_since(connection, day, since))
        core.restore_signals(dict(sorted(rows, key=lambda row: row[1])))
