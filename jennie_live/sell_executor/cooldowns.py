"""Cooldowns after a sell: in the ledger with the fill, mirrored in Redis for the scanner (R-SELL-09, R-SELL-10)."""

from collections.abc import Iterable

from redis.exceptions import RedisError
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import SellReason
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.cooldowns import cooldowns_after_sell
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.db.repositories import cooldowns
from jennie_infra.db.repositories.cooldowns import CooldownKind, CooldownUntil
from jennie_infra.telemetry import get_logger

REDIS_KEYS = {
    CooldownKind.STOP_LOSS: RedisKeys.BUY_COOLDOWN_STOPLOSS,
    CooldownKind.SELL: RedisKeys.BUY_COOLDOWN_SELL,
}


class SellCooldowns:
    """Writes the cooldowns that a booked sell begins."""

    def __init__(self, settings: RiskSettings, redis: AsyncRedis) -> None:
        self._settings = settings
        self._redis = redis

    def store(self, connection: Connection, booked: Booked) -> None:
        """Keep them, in the transaction of the fill."""
        for cooldown in self.after(booked):
            cooldowns.put(connection, cooldown)

    def after(self, booked: Booked) -> list[CooldownUntil]:
        """What a sell begins: every sell rests its code, a stop loss rests it longer."""
        intent = booked.intent
        ends = cooldowns_after_sell(SellReason(intent.reason), intent.updated_at, self._settings)
        found = [CooldownUntil(intent.stock_code, CooldownKind.SELL, ends.sell_until)]
        if ends.stop_loss_until is not None:
            found.append(CooldownUntil(intent.stock_code, CooldownKind.STOP_LOSS, ends.stop_loss_until))
        return found

    async def mirror(self, found: Iterable[CooldownUntil]) -> None:
        """Show them in Redis. Raises RedisError or OSError when it does not answer."""
        for cooldown in found:
            key = REDIS_KEYS[cooldown.kind]
            await self._redis.set(
                key.of(code=cooldown.stock_code), cooldown.until.isoformat(), ex=KEYS[key].ttl_seconds
            )

    async def try_mirror(self, booked: Booked) -> None:
        """Show those of a booking; without Redis the ledger's stand, and a restart mirrors them (drill 22)."""
        try:
            await self.mirror(self.after(booked))
        except (RedisError, OSError) as error:
            get_logger().warning("cooldown not mirrored", code=booked.intent.stock_code, error=type(error).__name__)
