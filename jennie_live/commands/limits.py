"""Rate of commands (R-TG-02) and number of manual trades a day (R-TG-03), kept in Redis across restarts."""

import time

from redis.exceptions import RedisError

from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import KEYS, RedisKeys

COMMAND_SECONDS = 5.0
TRADES_PER_DAY = 20


class Limits:
    """Limits per chat. Without Redis the rate is kept in memory and manual trades are refused."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis
        self._last: dict[int, float] = {}

    async def too_fast(self, chat: int) -> bool:
        """Whether this chat said something within the last five seconds."""
        try:
            life = KEYS[RedisKeys.TELEGRAM_RATE].ttl_seconds
            return not await self._redis.set(RedisKeys.TELEGRAM_RATE.of(chat=chat), "1", nx=True, ex=life)
        except (RedisError, OSError):
            now, last = time.monotonic(), self._last.get(chat)
            self._last[chat] = now
            return last is not None and now - last < COMMAND_SECONDS

    async def take_trade(self, chat: int, day: str) -> str | None:
        """Count a manual trade; None when it is allowed, else why not."""
        key = RedisKeys.TELEGRAM_TRADES.of(date=day, chat=chat)
        try:
            number = int(await self._redis.incr(key))
            if number == 1:
                await self._redis.expire(key, KEYS[RedisKeys.TELEGRAM_TRADES].ttl_seconds or 86_400)
        except (RedisError, OSError):
            return "오늘의 수동 거래 횟수를 알 수 없어 실행하지 않았습니다. /diagnose 로 Redis를 확인하세요."
        if number > TRADES_PER_DAY:
            return f"수동 거래는 하루 {TRADES_PER_DAY}회까지입니다(R-TG-03). 대시보드를 이용하세요."
        return None
