"""A bare WebSocket server that plays trade frames to the gateway's feed: as fast as they are taken, or paced.

Arguments: port. `GET /play?ticks=N&per_second=R` (R 0: as fast as possible) answers when all frames have been sent.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import datetime

import orjson
from aiohttp import WSMsgType, web

from jennie_core.domain.base import KST
from jennie_sim.protocol.session import pack_texts

DAY = datetime(2025, 6, 27, 9, 30, tzinfo=KST)
CODES = tuple(f"{number:06d}" for number in range(100, 140))
RECORDS_PER_FRAME = 4
TICKS_PER_MARKET_SECOND = 4_000
FRAMES_PER_WRITE = 64
BASE_KRW = 60_000
STEP_SECONDS = 0.002


class Tape:
    """Trades of forty codes that never stop; each continues its code's running total."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._totals = dict.fromkeys(CODES, 0)
        self._count = 0

    def frames(self, ticks: int) -> Iterator[str]:
        """The next frames."""
        for _ in range(ticks // RECORDS_PER_FRAME):
            records = "^".join(self._record() for _ in range(RECORDS_PER_FRAME))
            yield f"0|H0STCNT0|{RECORDS_PER_FRAME:03d}|{records}"

    def _record(self) -> str:
        code, size = CODES[self._count % len(CODES)], self._random.randint(1, 900)
        second = 9 * 3600 + 1800 + self._count // TICKS_PER_MARKET_SECOND
        self._count += 1
        self._totals[code] += size
        total, change = self._totals[code], 100 * self._random.randint(-30, 30)
        price, sign = BASE_KRW + change, "5" if change < 0 else "2"
        clock = f"{second // 3600:02d}{second % 3600 // 60:02d}{second % 60:02d}"
        return (
            f"{code}^{clock}^{price}^{sign}^{change}^{change * 100 / BASE_KRW:.2f}^{BASE_KRW}^{BASE_KRW}^63000^57000^"
            f"{price + 100}^{price}^{size}^{total}^{total * BASE_KRW}^8123^9044^921^108.12^702110^759144^1^0.52^61.30^"
            f"090003^{sign}^{change}^092811^5^{price - 63_000}^090141^2^{price - 57_000}^{DAY:%Y%m%d}^20^N^"
            f"1520^2211^45120^50231^0.02^1410022^108.04^0^^{BASE_KRW}^2"
        )


class Player:
    """One client; `play` writes straight to its socket."""

    def __init__(self) -> None:
        self._tape = Tape()
        self._socket: web.WebSocketResponse | None = None
        self._transport: asyncio.WriteTransport | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Acknowledge every registration."""
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.WriteTransport)
        self._socket, self._transport = socket, request.transport
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data.startswith("{"):
                wanted = orjson.loads(message.data)["body"]["input"]
                body = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS"}
                await socket.send_str(orjson.dumps({"header": wanted, "body": body}).decode())
        return socket

    async def approve(self, request: web.Request) -> web.Response:
        """An approval key for anybody."""
        return web.json_response({"approval_key": "bench"})

    async def play(self, request: web.Request) -> web.Response:
        """Send frames and answer when the socket has taken them."""
        ticks, per_second = int(request.query["ticks"]), int(request.query["per_second"])
        frames = list(self._tape.frames(ticks))
        at_once = max(1, int(per_second * STEP_SECONDS) // RECORDS_PER_FRAME) if per_second else FRAMES_PER_WRITE
        began = time.monotonic()
        for start in range(0, len(frames), at_once):
            if per_second:
                due = began + start * RECORDS_PER_FRAME / per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._write(pack_texts(frames[start : start + at_once]))
        return web.json_response({"frames": len(frames), "seconds": time.monotonic() - began})

    async def _write(self, data: bytes) -> None:
        if self._socket is None or self._transport is None:
            raise web.HTTPConflict(text="no client")
        self._transport.write(data)
        while self._transport.get_write_buffer_size() > 1 << 18:  # noqa: ASYNC110  raw transport, nothing to await
            await asyncio.sleep(0.0005)


def main() -> None:
    """Serve until SIGTERM."""
    player = Player()
    app = web.Application()
    app.router.add_get("/tryitout", player.serve)
    app.router.add_get("/play", player.play)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
