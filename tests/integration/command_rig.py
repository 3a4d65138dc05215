"""Runs the real command-handler against a stub of the Bot API, a real Redis, a real ledger and a stub gateway."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine, insert

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import ClockMark, Quote
from jennie_core.domain.orders import AccountBalance
from jennie_infra.bus.connect import connect
from jennie_infra.bus.streams import Entry, Streams, decode_entry
from jennie_infra.bus.ticks import TickWriter
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import ActivePortfolio
from jennie_infra.db.schema import upgrade
from jennie_infra.settings import Settings, generated_secret
from jennie_live.commands.app import build
from jennie_live.common.runtime import SERVICE_TOKEN

TOKEN = "987654321:AAzzYYxxWWvvUUttSSrrQQppOOnnMMll"
CHAT, STRANGER = 4_711, 666
DAY = date(2025, 6, 27)
NOW = datetime.combine(DAY, clock_time(10, 0), tzinfo=KST)
DEADLINE_SECONDS = 15.0


async def until(condition: Callable[[], Any], *, seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true value of a condition (plain or awaitable); fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def free_port_base() -> int:
    """A base at which the ports of the catalogue are free now."""
    while True:
        base = random.randint(12_000, 48_000)
        with contextlib.ExitStack() as stack:
            try:
                for port in (8080, 8090, 8091, 3000):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", base + port))
            except OSError:
                continue
            return base


@contextlib.asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[uvicorn.Server]:
    """Serve an app in the test's own loop."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or task.done())
        if task.done():
            task.result()
        yield server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 20)


@dataclass
class StubTelegram:
    """getUpdates, sendMessage and answerCallbackQuery as the Bot API speaks them, with faults to switch."""

    app: FastAPI = field(default_factory=FastAPI)
    updates: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    ignores_offset: bool = False
    faults: list[JSONResponse] = field(default_factory=list)
    send_fault: JSONResponse | None = None
    offsets: list[int | None] = field(default_factory=list)
    next_id: int = 100

    def __post_init__(self) -> None:
        @self.app.post("/bot{token}/{method}")
        async def call(token: str, method: str, request: Request) -> Any:
            if token != TOKEN:
                return problem(401, "Unauthorized")
            body = await request.json()
            if method == "getUpdates":
                return await self._get_updates(body)
            if method == "sendMessage":
                if self.send_fault is not None:
                    return self.send_fault
                self.sent.append(body)
                return {
                    "ok": True,
                    "result": {"message_id": len(self.sent), "date": 0, "chat": {"id": body["chat_id"]}},
                }
            return {"ok": True, "result": True}

    async def _get_updates(self, body: dict[str, Any]) -> Any:
        if self.faults:
            return self.faults.pop(0)
        offset = body.get("offset")
        self.offsets.append(offset)
        for _ in range(10):
            waiting = [u for u in self.updates if self.ignores_offset or offset is None or u["update_id"] >= offset]
            if waiting:
                return {"ok": True, "result": waiting}
            await asyncio.sleep(0.05)
        return {"ok": True, "result": []}

    def say(self, text: str, *, chat: int = CHAT, age: float = 0.0, update_id: int | None = None) -> int:
        """Put a message into the bot's queue."""
        if update_id is None:
            update_id = self.next_id
            self.next_id += 1
        message = {"message_id": update_id, "date": int(time.time() - age), "chat": {"id": chat}, "text": text}
        self.updates.append({"update_id": update_id, "message": message})
        return update_id

    def press(self, data: str, *, chat: int = CHAT) -> None:
        """Press an inline button."""
        message = {"message_id": 1, "date": int(time.time()), "chat": {"id": chat}, "text": ""}
        self.updates.append(
            {"update_id": self.next_id, "callback_query": {"id": "1", "data": data, "message": message}}
        )
        self.next_id += 1

    def texts(self, chat: int = CHAT) -> list[str]:
        """What a chat was told."""
        return [body["text"] for body in self.sent if body["chat_id"] == chat]

    async def answer(self, text: str, *, chat: int = CHAT) -> str:
        """Say something and wait for what comes back."""
        before = len(self.texts(chat))
        self.say(text, chat=chat)
        await until(lambda: len(self.texts(chat)) > before)
        return self.texts(chat)[before]


def problem(status: int, description: str, **parameters: Any) -> JSONResponse:
    """An error as the Bot API gives it."""
    body = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return JSONResponse(body, status_code=status)


def stub_gateway() -> FastAPI:
    """Quotes and a balance."""
    app = FastAPI()

    @app.get("/api/market/snapshot")
    async def quote(code: str) -> Quote:
        return Quote(
            code=code, name="가온전자", price_krw=50_000, previous_close_krw=49_000, open_krw=49_500, high_krw=50_500,
            low_krw=49_000, volume=1_000, turnover_krw=50_000_000, upper_limit_krw=63_700, lower_limit_krw=34_300,
            change_pct=2.04, quoted_at=NOW,
        )  # fmt: skip

    @app.get("/api/account/balance")
    async def balance() -> AccountBalance:
        return AccountBalance(
            deposit_krw=10_000_000,
            cash_krw=10_000_000,
            orderable_cash_krw=10_000_000,
            total_evaluation_krw=12_000_000,
            holdings=(),
            inquired_at=NOW,
        )

    return app


class CommandRig:
    """One installation: settings, stores, market time, and what the handler wrote."""

    def __init__(self, redis_url: str, home: Path, telegram_port: int, **changes: Any) -> None:
        values: dict[str, Any] = {
            "home": home,
            "redis_url": redis_url,
            "ledger_url": f"sqlite:///{home / 'ledger.db'}",
            "market_url": f"sqlite:///{home / 'market.db'}",
            "telegram_bot_token": TOKEN,
            "telegram_api_url": f"http://127.0.0.1:{telegram_port}",
            "telegram_chat_ids": (CHAT,),
            "port_base": free_port_base(),
            "log_level": "WARNING",
        }
        self.settings = Settings(**(values | changes))
        self.engine: Engine = make_engine(self.settings.effective_ledger_url, durable=True)
        market = make_engine(self.settings.effective_market_url, durable=False)
        upgrade("ledger", self.engine)
        upgrade("market", market)
        market.dispose()
        self.redis = connect(redis_url)

    async def mark(self) -> None:
        """Let market time be known."""
        await TickWriter(self.redis).write([ClockMark(to_epoch_us(NOW), True)])

    def hold(self, code: str, quantity: int, name: str = "가온전자") -> None:
        """Put a position into the ledger."""
        with self.engine.begin() as connection:
            connection.execute(
                insert(ActivePortfolio).values(
                    stock_code=code, stock_name=name, quantity=quantity, external_quantity=0,
                    average_price_krw=48_000.0,
                    sector_group="반도체", bought_on=DAY, high_watermark_krw=None, scale_out_level=0, rsi_sold=False,
                    profit_floor_armed=False, atr_krw=None, trade_id=None, reconciled=True, updated_at=NOW,
                )
            )  # fmt: skip

    async def entries(self, stream: Streams) -> list[Entry]:
        """What stands on a stream."""
        raw: Any = await self.redis.xrange(stream.value)
        return [decode_entry(entry_id, fields) for entry_id, fields in raw]

    @contextlib.asynccontextmanager
    async def handler(self) -> AsyncIterator[httpx.AsyncClient]:
        """A running command-handler with a client that carries the service token."""
        port = self.settings.port("command-handler")
        bearer = {"Authorization": f"Bearer {generated_secret(self.settings, SERVICE_TOKEN)}"}
        async with (
            serving(build(self.settings), port),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=bearer) as client,
        ):
            yield client

    async def close(self) -> None:
        """Release the clients."""
        await self.redis.aclose()
        self.engine.dispose()
