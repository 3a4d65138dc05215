"""Wiring: a session pack and settings become one process with a broker port and an admin port."""

import asyncio
import contextlib
import json
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from jennie_sim.admin.app import Admin
from jennie_sim.engine import Engine
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.ledger import Ledger
from jennie_sim.market.market import Market
from jennie_sim.market.pack import SessionPack
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.feed import Feed
from jennie_sim.protocol.rest import Receive, Scope, Send, serve_rest
from jennie_sim.protocol.subscriptions import Subscriptions
from jennie_sim.settings import SimSettings

LOOPBACK = "127.0.0.1"
log = logging.getLogger("jennie_sim")


class PortTakenError(OSError):
    """Somebody else listens on a wanted port."""


class SimHttp(H11Protocol):
    """h11 keeps the case of header names, which published clients depend on; `jennie.abort` cuts the connection."""

    def connection_made(self, transport: Any) -> None:
        """Give the application a way to reset this connection."""
        super().connection_made(transport)
        inner: Any = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["jennie.abort"] = transport.abort
            await inner(scope, receive, send)

        self.app = app


class SimWebSocket(WebSocketsSansIOProtocol):
    """Offers the socket itself to the application, so that a whole slice is one write."""

    def handle_connect(self, event: Any) -> None:
        """Add the protocol to the scope before the application starts."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["jennie.socket"] = self


class QuietServer(uvicorn.Server):
    """Leaves signals to the process, which has two servers to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing to capture."""
        yield


@dataclass(slots=True)
class Sim:
    """One exchange, wired; `broker_app` is the ASGI application of the broker port."""

    broker: Broker
    engine: Engine
    admin: Admin
    subscriptions: Subscriptions

    @classmethod
    def build(
        cls, market: Market, settings: SimSettings, admin_token: str, start_ms: int, ledger: Ledger | None = None
    ) -> "Sim":
        """Wire everything for one traded day."""
        exchange = Exchange(market, start_ms=start_ms, commission_ratio=settings.commission_ratio, ledger=ledger)
        broker = Broker.of(exchange, settings)
        subscriptions = Subscriptions(broker)
        feed = Feed(broker, subscriptions)
        engine = Engine(broker, feed)
        return cls(broker, engine, Admin(broker, engine, feed, subscriptions, admin_token), subscriptions)

    async def broker_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """REST and WebSocket on one port; any path."""
        if scope["type"] == "http":
            await serve_rest(self.broker, scope, receive, send)
        elif scope["type"] == "websocket":
            await self.subscriptions.serve(scope, receive, send)


def listen(port: int) -> socket.socket:
    """A loopback socket on `port` (0 = any free one); raises PortTakenError."""
    # The protocol is named so that asyncio sets TCP_NODELAY; without it a reply can wait 40 ms for an acknowledgement.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, port))
    except OverflowError as error:
        made.close()
        raise PortTakenError(f"port {port} does not exist; choose one from 0 (any) to 65535") from error
    except OSError as error:
        made.close()
        raise PortTakenError(f"port {port} is taken; choose another one or end what listens there") from error
    return made


def read_or_make_token(path: Path) -> str:
    """The admin token of a private file; made when the file is missing or empty."""
    if path.exists() and (token := path.read_text().strip()):
        return token
    token = secrets.token_urlsafe(24)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(token + "\n")
    return token


def _config(app: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        **more,
    )


async def serve(sim: Sim, port: int, admin_port: int, speed: float | None) -> None:
    """Serve both ports until SIGTERM or SIGINT."""
    broker_socket, admin_socket = listen(port), listen(admin_port)
    # Heartbeats are the protocol's own: clients that ignore WebSocket pings must not be cut off.
    broker_config = _config(
        sim.broker_app, http=SimHttp, ws=SimWebSocket, ws_per_message_deflate=False, ws_ping_interval=None,
        timeout_keep_alive=3_600,
    )  # fmt: skip
    servers = [QuietServer(broker_config), QuietServer(_config(sim.admin.app(), timeout_keep_alive=3_600))]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await sim.engine.run(speed)
    ports = {"port": broker_socket.getsockname()[1], "admin_port": admin_socket.getsockname()[1]}
    serving = [
        asyncio.create_task(server.serve(sockets=[sock]))
        for server, sock in zip(servers, (broker_socket, admin_socket), strict=True)
    ]
    # uvicorn tells of its start by a flag only
    while not all(server.started for server in servers) and not any(task.done() for task in serving):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    broker = sim.broker
    facts = {"event": "listening", **ports, "day": broker.market.day.isoformat(), "now": broker.now.isoformat()}
    print(json.dumps(facts), flush=True)  # noqa: T201  the one line a caller waits for
    await asyncio.gather(*serving)
    await sim.engine.stop()
    broker.exchange.books.ledger.close()


def run_sim(
    pack: SessionPack,
    *,
    port: int,
    admin_port: int,
    admin_token_file: Path,
    settings: SimSettings,
    start_ms: int,
    speed: float | None = None,
    ledger_file: Path | None = None,
) -> None:
    """Run the exchange until it is told to stop; both ports on loopback only."""
    token = read_or_make_token(admin_token_file)
    sim = Sim.build(Market(pack), settings, token, start_ms, Ledger(ledger_file))
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(sim, port, admin_port, speed))
    else:
        uvloop.run(serve(sim, port, admin_port, speed))
    log.info("exchange stopped")
    sys.stdout.flush()
