"""Floors of the machine in this session: one Redis hop and one HTTP round trip, without anything of ours."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from bench.processes import Children, free_port, listens
from bench.result import Figure, quantile
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv

STREAM, BACK = "floor:there", "floor:back"
PER_SECOND = 100
SAMPLES = 300
BODY = b'{"intent_id":"0123456789abcdef0123456789abcdef","code":"005930","quantity":10,"price":60000}'


def measure(folder: Path, children: Children) -> list[Figure]:
    """Both floors, paced like orders: sleeping processors must wake, as they must for an order."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    hop, trip = _redis_hop(folder, children), _http_round_trip(children)
    return [
        _figure("bare Redis hop (XADD to XREAD)", hop),
        _figure("bare HTTP round trip", trip),
    ]


def _figure(name: str, values: list[float]) -> Figure:
    detail: dict[str, object] = {"p99_ms": round(quantile(values, 0.99), 4), "per_second": PER_SECOND}
    return Figure(name=f"{name}, p50", value=quantile(values, 0.5), unit="ms", samples=len(values), detail=detail)


def _redis_hop(folder: Path, children: Children) -> list[float]:
    config = ValkeyConfig(folder, socket_name="floor.sock")
    children.start("floor-valkey", server_argv(config))
    children.wait("floor-valkey", lambda: config.socket_path.exists())
    children.python("floor-reader", "bench.floors", "read", config.url)
    values: list[float] = []
    with redis.Redis.from_url(config.url) as client:
        children.wait("floor-reader", lambda: bool(client.exists(BACK)))
        cursor: bytes | str = "0-0"
        for _ in _paced():
            client.xadd(STREAM, {"at": str(time.monotonic_ns())}, maxlen=1_000)
        client.xadd(STREAM, {"end": "1"})
        deadline = time.monotonic() + 10
        while len(values) < SAMPLES and time.monotonic() < deadline:
            for entry_id, fields in client.xrange(BACK, min=f"({_text(cursor)}", count=1_000):
                cursor = entry_id
                if b"took" in fields:
                    values.append(int(fields[b"took"]) / 1e6)
    return values


def read_back(url: str) -> None:
    """The reading process: says how long each entry took, after all have come."""
    with redis.Redis.from_url(url) as client:
        client.xadd(BACK, {"ready": "1"})
        cursor: bytes | str = "0-0"
        took: list[int] = []
        while True:
            for entry_id, fields in _rows(client.xread({STREAM: _text(cursor)}, block=1_000)):
                cursor = entry_id
                if b"end" in fields:
                    for value in took:
                        client.xadd(BACK, {"took": str(value)})
                    return
                took.append(time.monotonic_ns() - int(fields[b"at"]))


def _rows(reply: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    if not reply:
        return []
    groups = list(reply.values()) if isinstance(reply, dict) else [rows for _, rows in reply]  # type: ignore[attr-defined]
    found: list[tuple[bytes, dict[bytes, bytes]]] = []
    for rows in groups:
        found += rows[0] if rows and isinstance(rows[0], list) else rows
    return found


def _http_round_trip(children: Children) -> list[float]:
    port = free_port()
    children.python("floor-http", "bench.floors", "serve", str(port))
    children.wait("floor-http", lambda: listens(port))
    request = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    values: list[float] = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in _paced():
            started = time.monotonic_ns()
            connection.sendall(request)
            reply = b""
            while not reply.endswith(b"}"):
                reply += connection.recv(4_096)
            values.append((time.monotonic_ns() - started) / 1e6)
    return values


class _Answering(asyncio.Protocol):
    """Answers every request that has arrived whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        """One small request comes in one piece or in few."""
        self._seen += data
        if self._seen.endswith(b"}"):
            self._seen = b""
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}')  # type: ignore[attr-defined]


async def serve(port: int) -> None:
    """The answering process."""
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", port)
    await server.serve_forever()


def _paced() -> Iterator[int]:
    """`SAMPLES` turns at `PER_SECOND`."""
    began = time.monotonic()
    for turn in range(SAMPLES):
        time.sleep(max(0.0, began + turn / PER_SECOND - time.monotonic()))
        yield turn


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read_back(sys.argv[2])
    else:
        asyncio.run(serve(int(sys.argv[2])))
