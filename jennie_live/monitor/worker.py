"""The monitor's loop: ticks and marks to the monitor core, its orders to `stream:sell-orders`."""

import time
from collections.abc import Sequence
from datetime import date

import orjson
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import SellOrder
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.effective import Effective
from jennie_core.strategy.exits import profit_pct
from jennie_core.strategy.monitor import MonitorCore
from jennie_core.strategy.quiet_price import in_continuous_trading, quiet_limit_us, quoted_tick
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_infra.clock import real_now_us
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.common.published import Published, refresh
from jennie_live.common.runtime import Runtime
from jennie_live.common.tick_loop import follow_ticks
from jennie_live.monitor.alerts import PriceAlerts
from jennie_live.monitor.daily import daily_indicators
from jennie_live.monitor.liquidation import LiquidationSet
from jennie_live.monitor.positions import PositionFeed
from jennie_live.monitor.throttle import ThrottleLoop
from jennie_live.monitor.watermarks import Watermarks

CLAIM_SECONDS = 60.0
SNAPSHOT_SECONDS = 1.0
SILENT_FEED_SECONDS = 10.0


class MonitorWorker:
    """One monitor process. Everything that decides is in `MonitorCore` and `IntradayThrottle`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._core: MonitorCore | None = None
        self._throttle: ThrottleLoop | None = None
        self._day: date | None = None
        self._ticks = CursorReader(runtime.redis_blocking, Streams.TICKS)
        self._feed = PositionFeed(runtime)
        self._watermarks = Watermarks(runtime)
        self._context = Published(RedisKeys.REGIME_CURRENT, TradingContext)
        self._risk: Effective[IntradayRisk] = Effective(runtime.clock)
        self._liquidation = LiquidationSet(runtime.settings, runtime.redis)
        self._price_alerts = PriceAlerts(runtime)
        self._orders = runtime.writer(Streams.SELL_ORDERS)
        self._with_indicators: set[str] = set()
        self._claimed: list[str] | None = None
        self._claimed_at = 0.0
        self._snapshot_at = 0.0
        self._raised = runtime.metrics.counter("sell_orders_total", "sell orders raised", ("reason",))
        self._latency = runtime.metrics.histogram("tick_to_exit_seconds", "gateway receive to sell order published")

    async def start(self) -> None:
        """Nothing to prepare: the first mark brings the day."""

    async def run(self) -> None:
        """Follow the tick stream from its end; positions come from the ledger, prices from the next ticks.

        After a failure of the loop it goes on where it stopped reading, with positions read again if they can be.
        """
        if self._core is not None:
            await self._read_positions_again(self._core)
        await follow_ticks(self._runtime, self, self._ticks, conflates=self._runtime.settings.conflates)

    async def stop(self) -> None:
        """Write the watermarks down."""
        self._keep_watermarks()
        await self._watermarks.finish()

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """Degraded while the regime is unknown: exits then use the tightest values, and it says so."""
        age = self._runtime.clock.seconds_since_mark()
        core = self._core
        state: ServiceState = "healthy" if core is not None and core.context.is_fresh else "degraded"
        return state, {
            "why": self._context.problem,
            "held": len(core.codes()) if core else None,
            "regime": None if core is None or core.context.regime is None else core.context.regime.value,
            "regime_age_seconds": core.context.age_seconds if core else None,
            "intraday_risk": None if self._risk.value is None else self._risk.value.level.value,
            "liquidation_armed": self._liquidation.armed,
            "seconds_since_mark": None if age is None else round(age, 1),
        }

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """Redis is all it cannot do without."""
        return {}

    async def on_tick(self, tick: Tick) -> None:
        """One trade to the core."""
        self._price_alerts.on_price(tick.code, tick.price_krw)
        if self._core is not None and (orders := self._core.on_tick(tick)):
            await self._publish(orders)

    async def on_mark(self, mark: ClockMark) -> None:
        """Locks, sweeps and silences by market time; a settled mark also brings new inputs and is passed on."""
        await self._roll_day(mark)
        if mark.settled:
            await self._read_inputs(mark)
        if self._core is not None and (orders := self._core.on_mark(mark.market_us)):
            await self._publish(orders)
        if mark.settled:
            await self._tell()
            self._keep_watermarks()
            await self._watermarks.write_when_due()
            await self._orders.publish_mark(mark)
            await self._runtime.watermark(mark)

    async def on_gap(self) -> None:
        """The newest price of each code decides; a gap is only counted."""

    async def on_idle(self) -> None:
        """A feed without marks is silent: that is said, and cleared when it speaks again."""
        age = self._runtime.clock.seconds_since_mark()
        if age is not None and age > SILENT_FEED_SECONDS:
            await self._runtime.alert("feed-silent", "critical", f"no clock mark for {age:.0f} s", "check kis-gateway")
        await self._claim(force=False)

    async def _roll_day(self, mark: ClockMark) -> None:
        day = from_epoch_us(mark.market_us).astimezone(KST).date()
        if day == self._day:
            return
        self._keep_watermarks()
        await self._watermarks.finish()
        self._with_indicators.clear()
        self._claimed = None
        self._core = self._throttle = None
        if KrxCalendar.shipped().is_session(day):
            times = session_times(day)
            core = MonitorCore(self._runtime.trading, times)
            core.set_positions(await self._feed.load(), mark.market_us)
            self._core, self._throttle = core, ThrottleLoop(self._runtime, times)
        self._day = day

    async def _read_positions_again(self, core: MonitorCore) -> None:
        """The ledger's positions; while it is away, those in memory hold, so that exits outlive it (I6)."""
        self._keep_watermarks()
        await self._watermarks.finish()
        try:
            positions = await self._feed.load()
        except SQLAlchemyError as error:
            get_logger().warning("positions not read again", error=type(error).__name__)
            return
        core.set_positions(positions, self._runtime.clock.now_us())

    def _keep_watermarks(self) -> None:
        if self._core is not None:
            self._watermarks.take(self._core.drain_watermarks())

    async def _read_inputs(self, mark: ClockMark) -> None:
        core, throttle = self._core, self._throttle
        if core is None or throttle is None:
            return
        await self._runtime.clear_alert("feed-silent", "marks are back")
        await refresh(self._runtime.redis, self._context)
        core.set_context(self._context.value)
        for event in await self._feed.due():
            core.apply_event(event, mark.market_us)
            if event.position.quantity == 0:
                await self._liquidation.sold(event.position.stock_code)
                self._with_indicators.discard(event.position.stock_code)
        self._risk.offer(await throttle.on_mark(self._runtime.clock.now(), self._context.value))
        core.set_intraday(self._risk.value)
        core.set_stops(self._runtime.stops.state)
        await self._liquidation.refresh()
        core.set_liquidation(self._liquidation.codes, armed=self._liquidation.armed)
        await self._learn_indicators(core)
        await self._confirm_quiet_prices(core, mark)
        await self._claim(force=False)

    async def _learn_indicators(self, core: MonitorCore) -> None:
        if self._runtime.gateway is None or self._day is None:
            return
        for code in core.codes():
            if code not in self._with_indicators:
                found = await daily_indicators(self._runtime.gateway, code, self._day)
                if found is not None:
                    core.set_indicators(code, found)
                    self._with_indicators.add(code)

    async def _confirm_quiet_prices(self, core: MonitorCore, mark: ClockMark) -> None:
        """A held stock of which nothing was heard for a while is asked for by quote before its price counts as stale.

        So is one that is quiet with a reason (halt, volatility interruption): the reason ends some time.
        """
        if self._runtime.gateway is None or self._day is None:
            return
        if not in_continuous_trading(session_times(self._day), mark.market_us):
            return
        for code in core.unheard(mark.market_us, quiet_limit_us(self._runtime.trading.sell)):
            try:
                quote = await self._runtime.gateway.quote(code)
            except GatewayError as error:
                get_logger().warning("quiet price not confirmed", code=code, error=str(error))
                continue
            if quote.status is ListingStatus.HALTED:
                core.set_halted(code, "거래정지")
            else:
                await self.on_tick(quoted_tick(quote, mark.market_us, real_now_us()))

    async def _claim(self, *, force: bool) -> None:
        if self._runtime.gateway is None or self._core is None:
            return
        codes = self._core.codes()
        if not force and codes == self._claimed and time.monotonic() - self._claimed_at < CLAIM_SECONDS:
            return
        try:
            await self._runtime.gateway.claim_codes("held", codes)
        except GatewayError as error:
            get_logger().warning("claim failed", error=str(error))
            return
        self._claimed, self._claimed_at = codes, time.monotonic()

    async def _publish(self, orders: Sequence[SellOrder]) -> None:
        for order in orders:
            stamped = order.model_copy(update={"signalled_us": real_now_us()})
            await self._orders.publish(stamped, order.raised_at)
            self._raised.labels(order.sell_reason.value).inc()
            if order.tick_received_us is not None:
                self._latency.observe(max(0.0, (real_now_us() - order.tick_received_us) / 1e6))

    async def _tell(self) -> None:
        """Alerts of the core, price alerts, and the live snapshot for the dashboard (R-MON-09)."""
        core = self._core
        if core is None:
            return
        for alert in core.drain_alerts():
            await self._runtime.writer(Streams.ALERTS).publish(alert, alert.raised_at)
        await self._price_alerts.tell()
        if time.monotonic() - self._snapshot_at < SNAPSHOT_SECONDS:
            return
        self._snapshot_at = time.monotonic()
        try:
            await self._runtime.redis.set(
                RedisKeys.LIVE_POSITIONS.value,
                orjson.dumps(self._snapshot(core)),
                ex=KEYS[RedisKeys.LIVE_POSITIONS].ttl_seconds,
            )
        except (RedisError, OSError) as error:
            get_logger().warning("snapshot not written", error=type(error).__name__)

    def _snapshot(self, core: MonitorCore) -> dict[str, object]:
        rows: list[dict[str, object]] = []
        for code in core.codes():
            held = core.held(code)
            if held is None:
                continue
            context = held.context
            known = context.price_krw > 0 and context.average_price_krw > 0
            rows.append(
                {
                    "stock_code": code,
                    "stock_name": held.position.stock_name,
                    "sector_group": held.position.sector_group,
                    "quantity": context.quantity,
                    "average_price_krw": context.average_price_krw,
                    "price_krw": context.price_krw if context.price_krw > 0 else None,
                    "profit_pct": round(profit_pct(context.price_krw, context.average_price_krw), 2) if known else None,
                    "high_watermark_krw": context.high_watermark_krw,
                    "holding_days": context.holding_days,
                    "is_stale": held.is_stale,
                    "quiet_reason": held.quiet_reason,
                }
            )
        return {"as_of": self._runtime.clock.now().isoformat(), "positions": rows}
