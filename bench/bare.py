"""The bare chain: the same hops as the real one, written the usual way, with one commit of the same row and no logic.

exchange -WebSocket-> gateway -XADD-> strategy -XADD-> executor -POST-> gateway -POST-> exchange. Each role is a process
of uvicorn, FastAPI and Pydantic with httpx, redis-py and SQLAlchemy. A trigger is known by its size; nothing
is decided.

Arguments: role. Addresses come from BARE_* variables.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

import httpx
import redis.asyncio as aioredis
import uvicorn
import websockets
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import insert

from bench.pattern import SIZE
from jennie_core.domain.base import KST
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import OrderIntent

TICKS, SIGNALS, GROUP = "bare:ticks", "bare:signals", "executor"
TICK_LENGTH = 100_000
MARKET_AT = datetime(2025, 6, 27, 9, 30, tzinfo=KST)


class BareTick(BaseModel):
    """A trade as the chain passes it on."""

    code: str
    time: str
    price: int
    size: int
    cumulative: int
    ask: int
    bid: int


class BareSignal(BaseModel):
    """What the strategy asks for."""

    signal_id: str
    code: str
    price: int


class BareOrder(BaseModel):
    """What the executor sends."""

    intent_id: str
    code: str
    quantity: int
    price: int


def gateway() -> FastAPI:
    """Frames to the tick stream, orders to the exchange."""
    redis = _redis()
    http = httpx.AsyncClient(base_url=os.environ["BARE_EXCHANGE"], timeout=10)

    async def feed() -> None:
        address = os.environ["BARE_EXCHANGE"].replace("http://", "ws://") + "/bare"
        async with websockets.connect(address, ping_interval=None) as socket:
            async for frame in socket:
                fields = str(frame).split("|", 3)[3].split("^")
                tick = BareTick(
                    code=fields[0],
                    time=fields[1],
                    price=int(fields[2]),
                    size=int(fields[12]),
                    cumulative=int(fields[13]),
                    ask=int(fields[10]),
                    bid=int(fields[11]),
                )
                await redis.xadd(TICKS, {"payload": tick.model_dump_json()}, maxlen=TICK_LENGTH, approximate=True)

    app = FastAPI(lifespan=_running(feed))

    @app.post("/order")
    async def order(order: BareOrder) -> dict[str, Any]:
        reply = await http.post("/bare/order", json=order.model_dump())
        reply.raise_for_status()
        body: dict[str, Any] = reply.json()
        return body

    return app


def strategy() -> FastAPI:
    """Ticks to signals: a large trade is a signal."""
    redis = _redis()

    async def loop() -> None:
        cursor = "$"
        while True:
            for _, entries in _batches(await redis.xread({TICKS: cursor}, count=1_000, block=1_000)):
                for entry_id, fields in entries:
                    cursor = entry_id
                    tick = BareTick.model_validate_json(fields[b"payload"])
                    if tick.size > SIZE:
                        signal = BareSignal(signal_id=uuid.uuid4().hex, code=tick.code, price=tick.price)
                        await redis.xadd(SIGNALS, {"payload": signal.model_dump_json()})

    return FastAPI(lifespan=_running(loop))


def executor() -> FastAPI:
    """Signals to orders, each behind the commit of its intent."""
    redis = _redis()
    engine = make_engine(os.environ["BARE_LEDGER"], durable=True)
    http = httpx.AsyncClient(base_url=os.environ["BARE_GATEWAY"], timeout=10)

    async def loop() -> None:
        await redis.xgroup_create(SIGNALS, GROUP, id="$", mkstream=True)
        while True:
            reply = await redis.xreadgroup(GROUP, "one", {SIGNALS: ">"}, count=10, block=1_000)
            for _, entries in _batches(reply):
                for entry_id, fields in entries:
                    signal = BareSignal.model_validate_json(fields[b"payload"])
                    order = BareOrder(intent_id=uuid.uuid4().hex, code=signal.code, quantity=10, price=signal.price)
                    await asyncio.to_thread(_store, engine, order, signal)
                    answer = await http.post("/order", json=order.model_dump())
                    answer.raise_for_status()
                    await redis.xack(SIGNALS, GROUP, entry_id)

    return FastAPI(lifespan=_running(loop))


def _store(engine: Any, order: BareOrder, signal: BareSignal) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(OrderIntent).values(
                intent_id=order.intent_id,
                account_hash="bare",
                market_day=date(2025, 6, 27),
                stock_code=order.code,
                stock_name=order.code,
                side="buy",
                order_type="limit",
                quantity=order.quantity,
                limit_price_krw=order.price,
                reference_price_krw=order.price,
                lease=1,
                state="intent",
                source_id=signal.signal_id,
                reason="MOMENTUM",
                context={"sector_group": "bench", "market_regime": "BULL", "trade_tier": "TIER1"},
                created_at=MARKET_AT,
                market_at=MARKET_AT,
                updated_at=MARKET_AT,
            )
        )


def _redis() -> aioredis.Redis:
    client: aioredis.Redis = aioredis.Redis.from_url(os.environ["BARE_REDIS"])
    return client


def _batches(reply: Any) -> list[tuple[Any, Any]]:
    """(stream, entries) pairs of a reply in RESP2 or RESP3 shape."""
    if not reply:
        return []
    if isinstance(reply, dict):
        return [(name, rows[0] if rows and isinstance(rows[0], list) else rows) for name, rows in reply.items()]
    return list(reply)


def _running(work: Callable[[], Awaitable[None]]) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.ensure_future(work())

        def ended(done: Any) -> None:
            if not done.cancelled() and done.exception() is not None:
                sys.stderr.write(f"{done.exception()!r}\n")
                os._exit(1)

        task.add_done_callback(ended)
        yield
        task.cancel()

    return lifespan


ROLES = {"gateway": gateway, "strategy": strategy, "executor": executor}

if __name__ == "__main__":
    uvicorn.run(
        ROLES[sys.argv[1]](), host="127.0.0.1", port=int(os.environ["BARE_PORT"]), access_log=False, log_level="warning"
    )
