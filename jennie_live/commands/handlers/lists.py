"""What the operator keeps: own stocks, mute, price alerts, the daily buy limit (R-TG-24..28)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.clock import wall_now
from jennie_infra.run_config import store_max_buys
from jennie_infra.telegram import escape
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.grammar import positive_int
from jennie_live.commands.stocks import find_stock

LONGEST_MUTE_MINUTES = 1_440
MOST_BUYS = 20


async def watch(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Add a stock to the operator's own list."""
    if not words:
        return Reply("사용법: <code>/watch 종목</code>")
    stock = await find_stock(desk, words[0])
    name = stock.name
    if name == stock.code:
        name = (await desk.gateway.quote(stock.code)).name
    await desk.runtime.redis.hset(RedisKeys.WATCHLIST_MANUAL.value, stock.code, name)
    return Reply(f"{escape(name)} {stock.code} 추가했습니다. 스캐너가 다음 갱신부터 봅니다.")


async def unwatch(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Remove a stock from the operator's own list."""
    if not words:
        return Reply("사용법: <code>/unwatch 종목</code>")
    stock = await find_stock(desk, words[0])
    removed = await desk.runtime.redis.hdel(RedisKeys.WATCHLIST_MANUAL.value, stock.code)
    if not removed:
        return Reply(f"{escape(stock.name)}은(는) 직접 추가한 종목이 아닙니다.")
    return Reply(f"{escape(stock.name)} 제거했습니다.")


async def mute(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Trade notices off for some minutes; stop-loss sales and fault alarms still come (R-TG-25)."""
    minutes = positive_int(words[0]) if words else None
    if minutes is None or minutes > LONGEST_MUTE_MINUTES:
        return Reply(f"사용법: <code>/mute 분</code> (1~{LONGEST_MUTE_MINUTES})")
    until = wall_now() + timedelta(minutes=minutes)
    await desk.runtime.redis.set(RedisKeys.NOTIFICATION_MUTE.value, until.isoformat(), ex=minutes * 60)
    return Reply(f"{until:%m-%d %H:%M}까지 거래 알림을 끕니다. 손절과 장애 알림은 계속 옵니다.")


async def unmute(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Trade notices on again."""
    await desk.runtime.redis.delete(RedisKeys.NOTIFICATION_MUTE.value)
    return Reply("거래 알림을 다시 켰습니다.")


async def muted_until(desk: Desk) -> datetime | None:
    """End of the mute, None when not muted or unreadable: in doubt the operator hears it."""
    try:
        raw = await desk.runtime.redis.get(RedisKeys.NOTIFICATION_MUTE.value)
        until = datetime.fromisoformat(text(raw)) if raw else None
    except (RedisError, OSError, ValueError):
        return None
    return until if until is not None and until > wall_now() else None


async def alert(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Tell when a price is reached; the monitor watches it."""
    level = positive_int(words[1]) if len(words) > 1 else None
    if level is None:
        return Reply("사용법: <code>/alert 종목 가격</code>")
    stock = await find_stock(desk, words[0])
    key = RedisKeys.PRICE_ALERTS
    await desk.runtime.redis.hset(key.value, stock.code, str(level))
    await desk.runtime.redis.expire(key.value, KEYS[key].ttl_seconds or 7 * 86_400)
    return Reply(f"{escape(stock.name)} {level:,}원에 닿으면 알립니다 (7일). 시세를 받는 종목만 감시합니다.")


async def alerts(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Price alerts in force."""
    raw: Any = await desk.runtime.redis.hgetall(RedisKeys.PRICE_ALERTS.value)
    if not raw:
        return Reply("가격 알림이 없습니다.")
    return Reply("\n".join(f"{text(code)} {int(level):,}원" for code, level in sorted(raw.items())))


async def maxbuy(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Daily buy limit, 0 to 20, kept in the ledger with who set it."""
    word = words[0] if words else ""
    number = int(word) if word.isascii() and word.isdigit() else None
    if number is None or number > MOST_BUYS:
        return Reply(f"사용법: <code>/maxbuy 0-{MOST_BUYS}</code>")
    now = await desk.now()
    await asyncio.to_thread(store_max_buys, desk.write_ledger, number, caller.said_by, now)
    return Reply(
        f"하루 매수 한도를 {number}회로 정했습니다. "
        f"설정값({desk.runtime.trading.risk.max_buys_per_day}회)보다 우선합니다."
    )
