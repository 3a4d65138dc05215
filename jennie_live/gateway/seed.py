"""Claims for the first seconds after a start, until the workers state theirs: held codes must not go dark (I6)."""

import asyncio

from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.kis.errors import KisError
from jennie_infra.kis.reads import KisReads
from jennie_infra.telemetry import get_logger
from jennie_live.gateway.subscriptions import Claims

CALLER = "gateway-start"
SEED_SECONDS = 3.0


async def seed_claims(claims: Claims, reads: KisReads, redis: AsyncRedis) -> None:
    """The broker's holdings and open orders, and the active watchlist by rank; earlier claims are left alone.

    What cannot be read in time stays unclaimed, and the log says so.
    """
    watchlist = await get(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
    if watchlist.value is not None and not claims.of("watchlist"):
        entries = sorted(watchlist.value.entries, key=lambda entry: entry.rank)
        claims.put("watchlist", [entry.code for entry in entries])
    try:
        async with asyncio.timeout(SEED_SECONDS):
            held = [holding.stock_code for holding in (await reads.balance(CALLER)).holdings]
            if not claims.of("held"):
                claims.put("held", held)
            working = [order.stock_code for order in await reads.open_orders(CALLER)]
            if not claims.of("open_orders"):
                claims.put("open_orders", working)
    except (KisError, TimeoutError) as error:
        get_logger().warning("holdings unknown at the start, waiting for the workers' claims", error=str(error))
