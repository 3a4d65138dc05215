"""A relay between the gateway and the exchange's WebSocket: cuts connections and loses registrations and answers.

It runs in a thread of its own, because the drills wait in their own loop for the exchange that writes into it.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType, web

Text = str
Loses = Callable[[str, str], bool]
"""(tr_type, code) of a registration: whether it, or the answer to it, is lost."""


def _nothing(tr_type: str, code: str) -> bool:
    return False


class Relay:
    """Passes every text on; `open_now` and `most_open` say how many connections stood side by side."""

    def __init__(self) -> None:
        self.target = ""
        self.connections = 0
        self.open_now = 0
        self.most_open = 0
        self.loses_request: Loses = _nothing
        self.loses_answer: Loses = _nothing
        self._links: set[tuple[web.WebSocketResponse, ClientWebSocketResponse]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self._runner: web.AppRunner | None = None
        self.port = self._call(self._listen())

    @property
    def url(self) -> str:
        """Where the gateway connects."""
        return f"ws://127.0.0.1:{self.port}/tryitout"

    def cut(self) -> None:
        """End every connection at once, as a failing line does."""
        self._call(self._cut())

    def close(self) -> None:
        """End the relay."""
        self._call(self._cut())
        if self._runner is not None:
            self._call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _call(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(30)

    async def _listen(self) -> int:
        app = web.Application()
        app.router.add_get("/tryitout", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _cut(self) -> None:
        for below, above in list(self._links):
            await above.close()
            if below._req is not None and below._req.transport is not None:
                below._req.transport.abort()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        below = web.WebSocketResponse(max_msg_size=0, compress=False)
        await below.prepare(request)
        async with ClientSession() as http, http.ws_connect(self.target, max_msg_size=0) as above:
            link = (below, above)
            self._links.add(link)
            self.connections += 1
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
            upward = asyncio.create_task(self._upward(below, above))
            try:
                await self._downward(above, below)
            finally:
                upward.cancel()
                self._links.discard(link)
                self.open_now -= 1
        return below

    async def _upward(self, below: web.WebSocketResponse, above: ClientWebSocketResponse) -> None:
        async for message in below:
            if message.type is WSMsgType.TEXT and not self.loses_request(*_registration(message.data)):
                await above.send_str(message.data)
        await above.close()

    async def _downward(self, above: ClientWebSocketResponse, below: web.WebSocketResponse) -> None:
        async for message in above:
            if message.type is not WSMsgType.TEXT or self.loses_answer(*_registration(message.data)):
                continue
            try:
                await below.send_str(message.data)
            except (ClientError, OSError):
                return


def _registration(text: Text) -> tuple[str, str]:
    """(tr_type, code) of a request, ("", code) of an answer, two empty texts of everything else."""
    if text[:1] != "{":
        return "", ""
    document = orjson.loads(text)
    header = document.get("header", {})
    wanted = document.get("body", {}).get("input", {})
    return str(header.get("tr_type", "")), str(wanted.get("tr_key") or header.get("tr_key") or "")
