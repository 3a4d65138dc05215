"""The forced-liquidation set: read at settled marks, emptied only after a fill (R-LIQ-04)."""

from redis.exceptions import RedisError

from jennie_infra import liquidation
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.liquidation import LiquidationState
from jennie_infra.settings import Settings
from jennie_infra.telemetry import get_logger


class LiquidationSet:
    """Codes to sell whatever the rules say, and whether that is armed."""

    def __init__(self, settings: Settings, redis: AsyncRedis) -> None:
        self._settings = settings
        self._redis = redis
        self._state = LiquidationState()

    @property
    def codes(self) -> frozenset[str]:
        """Marked codes."""
        return frozenset(self._state.codes)

    @property
    def armed(self) -> bool:
        """Whether they are to be sold."""
        return self._state.armed

    async def refresh(self) -> None:
        """Read the set; an unreachable Redis keeps what is known."""
        try:
            self._state = await liquidation.load(self._settings, self._redis)
        except (RedisError, OSError):
            return

    async def sold(self, code: str) -> None:
        """A marked code is no longer held: it leaves the set, and an empty set disarms (R-LIQ-03)."""
        if code not in self._state.codes:
            return
        self._state = self._state.without(code)
        try:
            self._state = (await liquidation.load(self._settings, self._redis)).without(code)
            await liquidation.store(self._settings, self._redis, self._state)
        except (RedisError, OSError) as error:
            get_logger().warning("liquidation set not stored", code=code, error=type(error).__name__)
