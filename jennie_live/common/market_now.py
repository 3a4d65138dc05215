"""Market time for a process that does not follow the ticks: read off the end of the tick stream (T2)."""

from datetime import datetime

from redis.exceptions import RedisError

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import Tick
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import Streams
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.clock import MarketTimeUnknownError


async def market_now(redis: AsyncRedis) -> datetime:
    """Time of the newest mark or tick; raises MarketTimeUnknownError when there is none or Redis does not answer."""
    try:
        newest = await redis.xrevrange(Streams.TICKS.value, count=1)
    except (RedisError, OSError) as error:
        raise MarketTimeUnknownError("Redis does not answer") from error
    if not newest:
        raise MarketTimeUnknownError("no clock mark has been written yet")
    item = decode_tick_entry(newest[0][1] or {})
    return from_epoch_us(item.exchange_us if isinstance(item, Tick) else item.market_us)
