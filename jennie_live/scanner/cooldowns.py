"""Cooldowns as the scanner knows them (R-GATE-09/10), in force one settled mark after they were written."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from jennie_core.domain.trading_settings import RiskSettings
from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.clock import MarketClock

Cooldowns = dict[str, datetime]


async def read_cooldowns(
    redis: AsyncRedis, clock: MarketClock, codes: Iterable[str], settings: RiskSettings
) -> tuple[Cooldowns, Cooldowns] | None:
    """(stop-loss, after-sell) ends by code; None when they cannot be read, which refuses buys (R-GATE-13)."""
    wanted = list(codes)
    if not wanted:
        return {}, {}
    keys = [RedisKeys.BUY_COOLDOWN_STOPLOSS.of(code=code) for code in wanted]
    keys += [RedisKeys.BUY_COOLDOWN_SELL.of(code=code) for code in wanted]
    try:
        raws = await redis.mget(keys)
        stop_loss = _known(wanted, raws[: len(wanted)], clock, timedelta(days=settings.stop_loss_cooldown_days))
        after_sell = _known(wanted, raws[len(wanted) :], clock, timedelta(hours=settings.sell_cooldown_hours))
    except (RedisError, OSError, ValueError):
        return None
    return stop_loss, after_sell


def _known(codes: list[str], raws: list[bytes | str | None], clock: MarketClock, life: timedelta) -> Cooldowns:
    """Ends whose writing time (end minus life) every reader can have seen (decision 0001)."""
    ends: Cooldowns = {}
    for code, raw in zip(codes, raws, strict=True):
        if raw is not None:
            until = datetime.fromisoformat(text(raw))
            if clock.may_use(until - life):
                ends[code] = until
    return ends
