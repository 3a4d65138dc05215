"""A TCP proxy between the gateway and the exchange's REST port: pass, cut, refuse or black-hole.

It runs in a thread of its own: the drills' own loop stands still while it speaks to the exchange's admin port.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

CHUNK = 65_536


class Line(StrEnum):
    """What happens to connections; CUT ends those that are open and lets new ones pass."""

    PASS = "pass"
    CUT = "cut"
    REFUSE = "refuse"
    BLACK_HOLE = "black-hole"


class Proxy:
    """Connections to `port` go to `target` on loopback, as the present mode has it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._mode = Line.PASS
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._thread.start()
        self._do(self._listen())

    @property
    def url(self) -> str:
        """Address to give to the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, mode: Line) -> None:
        """Change the mode; returns when it is in force for old and new connections."""
        self._do(self._change(mode))

    def close(self) -> None:
        """End everything."""
        self._do(self._change(Line.REFUSE))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: "asyncio._CoroutineLike[None]") -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)

    async def _change(self, mode: Line) -> None:
        if mode in (Line.CUT, Line.REFUSE):
            for writer in self._writers:
                writer.transport.abort()
        self._mode = Line.PASS if mode is Line.CUT else mode
        if mode is Line.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        elif mode is not Line.REFUSE and self._server is None:
            await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            answers, there = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(there)
            await asyncio.gather(self._pump(reader, there), self._pump(answers, writer))
        except OSError:
            pass
        finally:
            for each in (writer, there):
                if each is not None:
                    self._writers.discard(each)
                    each.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """What arrives in a black hole is lost for ever: neither requests nor answers come out later."""
        while data := await source.read(CHUNK):
            if self._mode is not Line.BLACK_HOLE:
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()


@contextmanager
def proxy_to(target: int) -> Iterator[Proxy]:
    """A proxy for the length of a drill."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
