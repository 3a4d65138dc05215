"""The owner's price alerts (R-TG-26): said once when a price reaches the set level from either side."""

import time
from typing import Any

from redis.exceptions import RedisError

from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_live.common.runtime import Runtime

REFRESH_SECONDS = 5.0


class PriceAlerts:
    """Levels by code, judged on every tick, said at the next settled mark."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._levels: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._read_at = 0.0

    def on_price(self, code: str, price_krw: int) -> None:
        """Note a crossing."""
        level = self._levels.get(code)
        if level is None:
            return
        before = self._last.get(code)
        self._last[code] = price_krw
        if before is not None and (before < level <= price_krw or price_krw <= level < before):
            self._reached[code] = price_krw

    async def tell(self) -> None:
        """Say what was reached and forget it; read the levels anew every few seconds."""
        for code, price in self._reached.items():
            level = self._levels.pop(code)
            alert_id = f"price-alert:{code}:{level}"
            await self._runtime.alert(alert_id, "info", f"{code} reached {level:,} KRW (now {price:,})")
            await self._runtime.redis.hdel(RedisKeys.PRICE_ALERTS.value, code)
        self._reached.clear()
        if time.monotonic() - self._read_at < REFRESH_SECONDS:
            return
        self._read_at = time.monotonic()
        try:
            raw: Any = await self._runtime.redis.hgetall(RedisKeys.PRICE_ALERTS.value)
        except (RedisError, OSError):
            return
        self._levels = {text(code): int(level) for code, level in raw.items() if text(level).isdigit()}
