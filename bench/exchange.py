"""The bench's exchange: the rehearsal exchange's protocol and order books with a paced feed, and the stop watch.

One process sends the frames of both chains and receives the orders of both, so both are timed by the same clock and the
same server. `POST /bench/run` plays windows and answers with the time from frame to order of each trigger.

Arguments: session pack, port.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvicorn
import uvloop

from bench.pattern import CODES, LATE_FROM, LATE_SECOND, RISE_RATIO, SIZE, Trade, window
from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.krx.ticks import floor_to_tick
from jennie_sim.app import SimHttp, SimWebSocket
from jennie_sim.engine import Engine
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.market import Market
from jennie_sim.market.pack import Listed, read_pack
from jennie_sim.market.tape import Col, Tape
from jennie_sim.protocol import frames
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.feed import Feed
from jennie_sim.protocol.rest import serve_rest
from jennie_sim.protocol.session import TRADE, Session
from jennie_sim.protocol.subscriptions import Subscriptions
from jennie_sim.protocol.trade_record import TradeRecord
from jennie_sim.settings import SimSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

START_MS = 9 * 60 * MINUTE_MS
STEP_SECONDS = 0.002
BELOW_MARKET = 0.90
"""The pattern trades below the day's real prices, so that a limit buy rests and is cancelled: codes stay free."""
SETTLE_SECONDS = 0.4
CHAINS = ("real", "bare")


@dataclass(slots=True)
class Sample:
    """One trigger: when its frame left and when its order came (monotonic nanoseconds)."""

    code: str
    sent_ns: int
    received_ns: int | None = None


class BenchExchange:
    """Broker protocol on one port, the bare chain's socket and order endpoint, and the bench's own control."""

    def __init__(self, pack_folder: Path) -> None:
        pack = read_pack(pack_folder)
        settings = SimSettings(rest_per_second=0, slice_seconds=60)
        market = Market(pack)
        exchange = Exchange(market, start_ms=START_MS, commission_ratio=settings.commission_ratio, ledger=None)
        self._broker = Broker.of(exchange, settings)
        self._subscriptions = Subscriptions(self._broker)
        self._engine = Engine(self._broker, Feed(self._broker, self._subscriptions))
        bars = pack.bars
        self._codes = sorted(code for code, bar in bars.items() if bar.low > 2_000 and _is_plain(pack.listing[code]))[
            :CODES
        ]
        day = pack.meta.day
        self._records = [self._silence(market, code) for code in self._codes]
        self._low = [floor_to_tick(bars[code].low * BELOW_MARKET / RISE_RATIO, on=day) for code in self._codes]
        self._high = [floor_to_tick(low * RISE_RATIO + 0.5, on=day) for low in self._low]
        self._volume = {chain: [0] * CODES for chain in CHAINS}
        self._turnover = {chain: [0] * CODES for chain in CHAINS}
        self._index = dict.fromkeys(CHAINS, 0)
        self._bare: Session | None = None
        self._open: dict[str, Sample] = {}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything on one port."""
        if scope["type"] == "websocket":
            if scope["path"] == "/bare":
                await self._serve_bare(scope, receive, send)
            else:
                await self._subscriptions.serve(scope, receive, send)
        elif scope["type"] == "http":
            now_ns = time.monotonic_ns()
            path = scope["path"]
            if path.startswith("/bench/"):
                await self._control(path, receive, send)
            elif path == "/bare/order":
                order = orjson.loads(await _body(receive))
                self._stamp(order["code"], now_ns)
                await _answer(send, {"order_number": str(now_ns)})
            elif path.endswith("/order-cash"):
                body = await _body(receive)
                self._stamp(orjson.loads(body)["PDNO"], now_ns)
                await serve_rest(self._broker, scope, _replay(body, receive), send)
            else:
                await serve_rest(self._broker, scope, receive, send)

    def _stamp(self, code: str, now_ns: int) -> None:
        sample = self._open.pop(code, None)
        if sample is not None:
            sample.received_ns = now_ns

    async def _serve_bare(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        session = self._subscriptions._join(scope, send)
        self._bare = session
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            self._subscriptions.sessions.remove(session)
            self._bare = None

    async def _control(self, path: str, receive: Receive, send: Send) -> None:
        if path == "/bench/state":
            registered = max((len(session.keys_of(TRADE)) for session in self._subscriptions.sessions), default=0)
            await _answer(
                send,
                {
                    "codes": self._codes,
                    "low": self._low,
                    "bare": self._bare is not None,
                    "registered": registered,
                    "now": self._broker.now.isoformat(),
                },
            )
            return
        if path == "/bench/settle":
            await self._advance()
            await _answer(send, {"now": self._broker.now.isoformat()})
            return
        wanted = orjson.loads(await _body(receive))
        samples: list[Sample] = []
        ticks = 0
        started = time.monotonic()
        for _ in range(wanted["windows"]):
            ticks += await self._window(wanted["chain"], wanted["seconds"], samples)
        played = time.monotonic() - started
        await asyncio.sleep(SETTLE_SECONDS)
        self._open.clear()
        await _answer(
            send,
            {
                "latencies_ms": [(row.received_ns - row.sent_ns) / 1e6 for row in samples if row.received_ns],
                "triggers": len(samples),
                "ticks": ticks,
                "seconds": played,
                "now": self._broker.now.isoformat(),
            },
        )

    async def _advance(self) -> None:
        await self._engine.advance(self._broker.now + timedelta(minutes=1))

    async def _window(self, chain: str, seconds: float, samples: list[Sample]) -> int:
        """Play one window: trades at their offsets; for the real chain market time moves on behind it."""
        session = self._bare if chain == "bare" else self._session()
        if session is None:
            raise RuntimeError(f"the {chain} chain is not connected")
        trades = window(self._index[chain])
        texts = [frames.data_frame(TRADE, self._render(chain, trade)) for trade in trades]
        self._index[chain] += 1
        began = time.monotonic()
        at = 0
        while at < len(trades):
            now = (time.monotonic() - began) / seconds
            due = at
            while due < len(trades) and trades[due].offset <= now:
                due += 1
            if due > at:
                batch = trades[at:due]
                sent_ns = time.monotonic_ns()
                for trade in batch:
                    if trade.is_trigger:
                        sample = Sample(self._codes[trade.number], sent_ns)
                        self._open[sample.code] = sample
                        samples.append(sample)
                await self._subscriptions.send(session, texts[at:due])
                at = due
            await asyncio.sleep(STEP_SECONDS)
        rest = seconds - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, rest))
        if chain != "bare":
            await self._advance()
        return len(trades)

    def _silence(self, market: Market, code: str) -> TradeRecord:
        """Take the code's own trades away, so that the pattern is all it says; returns the renderer of its records."""
        bar, listed, limits = market.bar(code), market.listing[code], market.limits(code)
        market.replace_tape(code, Tape(bar, np.zeros((0, len(Col)), dtype=np.int64), [], depth=SIZE))
        return TradeRecord(
            market.tape(code),
            day=market.day,
            hours=market.hours,
            base_krw=listed.base_price_krw,
            upper_krw=limits.upper_krw,
            lower_krw=limits.lower_krw,
            previous_volume=1_000_000,
            listed_shares=listed.listed_shares,
            fields=self._broker.settings.wire_revision.trade_fields,
        )

    def _session(self) -> Session | None:
        return next((row for row in self._subscriptions.sessions if row.app_key and row.is_open), None)

    def _render(self, chain: str, trade: Trade) -> str:
        number, size = trade.number, trade.size
        low, high = self._low[number], self._high[number]
        price = high if trade.is_high else low
        at_ms = self._broker.now_ms + (LATE_SECOND * 1_000 if trade.offset > LATE_FROM else 0)
        volume, turnover = self._volume[chain], self._turnover[chain]
        volume[number] += size
        turnover[number] += size * price
        row = [at_ms, price, size, 1, volume[number], turnover[number], high, low, 90_000, 90_000]
        row += [price + 10, price, SIZE, SIZE, 1_000, 1_000, 1, 1, 1, 1]
        return self._records[number].render(row)


def _is_plain(listed: Listed) -> bool:
    return listed.status is ListingStatus.NORMAL and listed.kind is AssetKind.COMMON


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive channel that hands out the body that was read already."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Send, document: dict[str, Any]) -> None:
    body = orjson.dumps(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(pack_folder: Path, port: int) -> None:
    """Serve until SIGTERM."""
    exchange = BenchExchange(pack_folder)
    config = uvicorn.Config(
        exchange.app,
        host="127.0.0.1",
        port=port,
        http=SimHttp,
        ws=SimWebSocket,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        access_log=False,
        log_level="warning",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        timeout_keep_alive=3_600,
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
