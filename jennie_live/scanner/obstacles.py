"""Tells the dashboard what stands in the way of each watched stock now, from the scanner's own view of it."""

import time

from redis.exceptions import RedisError

from jennie_core.domain.decisions import Obstacles
from jennie_core.domain.market import ClockMark
from jennie_core.strategy.scanner import ScannerCore
from jennie_infra.bus.cache import put
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime

TELL_SECONDS = 2.0


class ObstacleBoard:
    """Writes the picture at a settled mark, at most every two seconds; nothing trades on it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told_at = 0.0

    async def tell(self, core: ScannerCore, mark: ClockMark) -> None:
        """Every refusal in force for every listed code."""
        if time.monotonic() - self._told_at < TELL_SECONDS:
            return
        self._told_at = time.monotonic()
        found = {code: tuple(core.explain(code, mark.market_us)) for code in core.codes()}
        try:
            picture = Obstacles(known_at=self._runtime.clock.now(), by_code=found)
            await put(self._runtime.redis, RedisKeys.SCAN_OBSTACLES, picture)
        except (RedisError, OSError) as error:
            get_logger().warning("obstacles not written", error=type(error).__name__)
