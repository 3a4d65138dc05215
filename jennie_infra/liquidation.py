"""The forced-liquidation set (R-LIQ): in Redis for the monitor, in a file for the day Redis forgets (O4).

The file is written first. So what was marked or armed outlives an empty Redis, and what was cleared stays cleared.
"""

from typing import Any

from jennie_core.domain.base import Message, StockCode
from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.settings import Settings, write_private
from jennie_infra.telemetry import get_logger

FILE_NAME = "liquidation.json"


class LiquidationState(Message):
    """Codes to be sold whatever the rules say, and whether that is armed."""

    codes: tuple[StockCode, ...] = ()
    armed: bool = False

    def with_code(self, code: StockCode) -> "LiquidationState":
        """With one more code."""
        return LiquidationState(codes=tuple(sorted({*self.codes, code})), armed=self.armed)

    def without(self, code: StockCode) -> "LiquidationState":
        """With one code less; an empty set disarms (R-LIQ-03)."""
        left = tuple(each for each in self.codes if each != code)
        return LiquidationState(codes=left, armed=self.armed and bool(left))


async def load(settings: Settings, redis: AsyncRedis) -> LiquidationState:
    """The set in force. Where Redis knows none and the file does, Redis has forgotten it and is told again.

    Raises RedisError or OSError when Redis cannot be reached.
    """
    members: Any = await redis.smembers(RedisKeys.FORCED_LIQUIDATION.value)
    if members:
        armed = await redis.get(RedisKeys.FORCED_LIQUIDATION_ARMED.value) is not None
        return LiquidationState(codes=tuple(sorted(text(member) for member in members)), armed=armed)
    kept = read_file(settings)
    if kept is None or not kept.codes:
        return LiquidationState()
    get_logger().warning("liquidation set restored from its file", codes=kept.codes, armed=kept.armed)
    await _mirror(redis, kept)
    return kept


async def store(settings: Settings, redis: AsyncRedis, state: LiquidationState) -> None:
    """Put a set in force: file, then Redis. Raises OSError with nothing changed when the file cannot be written."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    write_private(settings.state_dir / FILE_NAME, state.model_dump_json())
    await _mirror(redis, state)


def read_file(settings: Settings) -> LiquidationState | None:
    """The set as the file has it; None when there is none or it cannot be read (said in the log)."""
    path = settings.state_dir / FILE_NAME
    try:
        return LiquidationState.model_validate_json(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        get_logger().error("liquidation set cannot be read", file=str(path), error=type(error).__name__)
        return None


async def _mirror(redis: AsyncRedis, state: LiquidationState) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(RedisKeys.FORCED_LIQUIDATION.value, RedisKeys.FORCED_LIQUIDATION_ARMED.value)
        if state.codes:
            pipe.sadd(RedisKeys.FORCED_LIQUIDATION.value, *state.codes)
        if state.armed:
            pipe.set(RedisKeys.FORCED_LIQUIDATION_ARMED.value, "1")
        await pipe.execute()
