"""The intraday throttle's cycle: index from the gateway, VIX from the council, state to `risk:intraday` (R-THR)."""

from datetime import datetime

from redis.exceptions import RedisError

from jennie_core.domain.enums import IntradayRiskLevel
from jennie_core.domain.macro import IntradayRisk, MacroInsight, TradingContext
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.throttle import ThrottleUpdate
from jennie_core.strategy.throttle_cycle import ThrottleCycle
from jennie_infra.bus.cache import get, put
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime

KOSPI = "0001"
ALERT = "intraday-risk"


class ThrottleLoop:
    """One session's throttle, driven by settled marks every five minutes of market time."""

    def __init__(self, runtime: Runtime, times: SessionTimes) -> None:
        self._runtime = runtime
        self._cycle = ThrottleCycle(times)
        self._restored = False
        self.risk: IntradayRisk | None = None

    async def on_mark(self, now: datetime, context: TradingContext | None) -> IntradayRisk | None:
        """Run a cycle when one is due; the new state, or None between cycles."""
        if not self._cycle.begin(now):
            return None
        await self._restore_once()
        change = await self._kospi_change_pct() if self._cycle.needs_index(now) else None
        update = self._cycle.observe(context, change, await self._vix(now), now)
        self.risk = update.risk
        try:
            await put(self._runtime.redis, RedisKeys.RISK_INTRADAY, update.risk)
        except (RedisError, OSError) as error:
            get_logger().warning("throttle state not written", error=type(error).__name__)
        if update.level_changed:
            await self._tell(update)
        return update.risk

    async def _tell(self, update: ThrottleUpdate) -> None:
        """R-THR-10: each change of the level once; back to normal ends the alert."""
        if update.risk.level is IntradayRiskLevel.NORMAL:
            await self._runtime.clear_alert(ALERT, update.text)
        else:
            next_step = "exits go on; buys follow the multiplier"
            await self._runtime.alert(ALERT, "warning", update.text, next_step, changed=True)

    async def _restore_once(self) -> None:
        if self._restored:
            return
        self._restored = True
        stored = await get(self._runtime.redis, RedisKeys.RISK_INTRADAY, IntradayRisk)
        if stored.value is not None:
            self._cycle.restore(stored.value)

    async def _kospi_change_pct(self) -> float | None:
        if self._runtime.gateway is None:
            return None
        try:
            return (await self._runtime.gateway.index(KOSPI)).change_pct
        except GatewayError as error:
            get_logger().warning("index unknown", error=str(error))
            return None

    async def _vix(self, now: datetime) -> float | None:
        insight = await get(self._runtime.redis, RedisKeys.MACRO_INSIGHT, MacroInsight, date=now.date().isoformat())
        return None if insight.value is None else insight.value.vix_value
