"""Which updates were taken, so that each acts at most once, across restarts and beside a second poller (drill 37)."""

import asyncio
import hashlib
from pathlib import Path

from redis.exceptions import RedisError

from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.settings import Settings, write_private
from jennie_infra.telemetry import get_logger

FILE_NAME = "telegram_offset"
REDIS_SECONDS = 0.4
"""A stop may stand in the update, and Redis may be what is broken."""


class Offsets:
    """The next update id, kept in a file and in Redis under the bot's own mark; the larger one holds."""

    def __init__(self, settings: Settings, redis: AsyncRedis, token: str) -> None:
        self._path: Path = settings.state_dir / FILE_NAME
        self._redis = redis
        self._bot = hashlib.sha256(token.encode()).hexdigest()[:8]
        self.next: int | None = None

    async def load(self) -> None:
        """Read both places."""
        kept = [self._parse(await asyncio.to_thread(self._read_file))]
        try:
            raw = await self._redis.get(RedisKeys.TELEGRAM_OFFSET.value)
            kept.append(self._parse(text(raw) if raw is not None else ""))
        except (RedisError, OSError) as error:
            get_logger().warning("offset not read from redis", error=type(error).__name__)
        self.next = max((number for number in kept if number is not None), default=None)

    async def take(self, update_id: int) -> bool:
        """Make an update ours before it acts; False when it was taken before or by another poller.

        Kept first, acted on second: a crash between the two loses a command, which is then answered by silence, and
        never repeats one.
        """
        if self.next is not None and update_id < self.next:
            return False
        self.next = update_id + 1
        line = f"{self._bot}:{self.next}"
        await asyncio.to_thread(self._write_file, line)
        try:
            return await asyncio.wait_for(self._claim(update_id, line), REDIS_SECONDS)
        except (RedisError, OSError, TimeoutError):
            return True

    async def _claim(self, update_id: int, line: str) -> bool:
        key = RedisKeys.TELEGRAM_SEEN.of(bot=self._bot, update_id=update_id)
        first = await self._redis.set(key, "1", nx=True, ex=KEYS[RedisKeys.TELEGRAM_SEEN].ttl_seconds)
        await self._redis.set(RedisKeys.TELEGRAM_OFFSET.value, line)
        return bool(first)

    def _parse(self, line: str) -> int | None:
        bot, _, number = line.strip().partition(":")
        return int(number) if bot == self._bot and number.isdigit() else None

    def _read_file(self) -> str:
        try:
            return self._path.read_text()
        except OSError:
            return ""

    def _write_file(self, line: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, line)
        except OSError as error:
            get_logger().error("offset not kept in its file", error=str(error))
