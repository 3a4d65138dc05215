"""Order request to bytes at the broker: an executor's call of kis-gateway until its order reaches the broker's handler.

The floor is a bare HTTP round trip with a body of the same size to the same server process, by the same client library
on the event loop that executors run on. Both are paced alike and rounds alternate; the ratio is the median of the
rounds' ratios. The feed is connected and silent: a gateway that tries to connect is not at its usual work.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvicorn
import uvloop
from rich.console import Console

from bench.processes import BenchError, Children, free_port, listens
from bench.result import Figure, median, quantile
from bench.stack import DAY, free_port_base
from jennie_core.domain.enums import Mode, OrderSide, OrderType
from jennie_core.domain.orders import OrderRequest
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.gateway_client import GatewayClient
from jennie_infra.settings import Settings, generated_secret, load_settings

ROUNDS = 6
PER_ROUND = 150
SLICE_SECONDS = 60
"""Market time stands, so that the orders of all rounds share the budget of one slice, the longest there is."""
WARM = 100
PER_SECOND = 100
TARGETS = {"p50": None, "p99": 2.0}
QUANTILES = {"p50": 0.5, "p99": 0.99}
MOVED_RATIO = 1.3
SERVICE_TOKEN = "service_token"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Round:
    """Milliseconds of one round of both."""

    bare_ms: list[float]
    ours_ms: list[float]

    def ratio(self, name: str) -> float:
        """Ours over bare at p50 or p99."""
        at = QUANTILES[name]
        return quantile(self.ours_ms, at) / quantile(self.bare_ms, at)


def measure(folder: Path, console: Console, *, rounds: int = ROUNDS) -> list[Figure]:
    """Run the bench below `folder`; raises BenchError when orders do not arrive."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    children = Children(folder / "logs")
    try:
        port = free_port()
        children.python("order-broker", "bench.order_to_broker", str(port))
        children.wait("order-broker", lambda: listens(port))
        settings = _start_gateway(folder / "home", port, children)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(_rounds(settings, port, min(rounds, ROUNDS)))
    finally:
        children.stop()
    return _figures(done, console)


def _start_gateway(folder: Path, port: int, children: Children) -> Settings:
    folder.mkdir(parents=True, mode=0o700)
    environment = {
        "JENNIE_MODE": Mode.REHEARSAL.value,
        "JENNIE_HOME": str(folder),
        "JENNIE_PORT_BASE": str(free_port_base()),
        "JENNIE_KIS_REST_URL": f"http://127.0.0.1:{port}",
        "JENNIE_KIS_WS_URL": f"ws://127.0.0.1:{port}/",
        "JENNIE_MARKET_DAY": DAY.isoformat(),
        "JENNIE_SLICE_SECONDS": str(SLICE_SECONDS),
        "JENNIE_LOG_LEVEL": "ERROR",
    }
    settings = load_settings(environment, env_file=folder / "none.env")
    children.start("valkey-order", server_argv(ValkeyConfig(settings.state_dir)))
    children.wait("valkey-order", lambda: (settings.state_dir / "redis.sock").exists())
    children.python("kis-gateway", "jennie_live.gateway", environment=environment)
    children.wait("kis-gateway", lambda: listens(settings.port("kis-gateway")))
    return settings


async def _rounds(settings: Settings, port: int, rounds: int) -> list[Round]:
    token = generated_secret(settings, SERVICE_TOKEN)
    client = GatewayClient(settings.url("kis-gateway"), token, "bench")
    await client.open()
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=60)) as session:
        try:
            await _ours(client, session, base, "warm", WARM)
            await _bare(session, base, WARM)
            return [
                Round(await _bare(session, base, PER_ROUND), await _ours(client, session, base, str(number), PER_ROUND))
                for number in range(rounds)
            ]
        finally:
            await client.close()


async def _bare(session: aiohttp.ClientSession, base: str, count: int) -> list[float]:
    body = _order("bare", 0).model_dump_json().encode()
    values: list[float] = []
    for number in range(count):
        await _pace(number)
        began_ns = time.monotonic_ns()
        async with session.post(f"{base}/bare", data=body) as reply:
            await reply.read()
        values.append((time.monotonic_ns() - began_ns) / 1e6)
    return values


async def _ours(client: GatewayClient, session: aiohttp.ClientSession, base: str, name: str, count: int) -> list[float]:
    """Each order has a quantity of its own, by which the broker tells when it came."""
    sent: dict[int, int] = {}
    for number in range(count):
        await _pace(number)
        sent[number + 1] = time.monotonic_ns()
        reply = await client.place(_order(name, number))
        if reply.outcome.kind != "accepted":
            raise BenchError(f"an order was not accepted: {reply.outcome}")
    async with session.get(f"{base}/arrivals") as answer:
        came: dict[str, int] = orjson.loads(await answer.read())
    return [(came[str(quantity)] - at_ns) / 1e6 for quantity, at_ns in sent.items()]


def _order(name: str, number: int) -> OrderRequest:
    return OrderRequest(
        intent_id=f"bench-{name}-{number}",
        lease=1,
        stock_code="005930",
        side=OrderSide.SELL,
        order_type=OrderType.MARKET,
        quantity=number + 1,
    )


async def _pace(number: int) -> None:
    """Orders do not come back to back: processors that sleep must wake."""
    await asyncio.sleep(1 / PER_SECOND)


def _figures(rounds: list[Round], console: Console) -> list[Figure]:
    middles = [quantile(each.bare_ms, 0.5) for each in rounds]
    steady = max(middles) <= MOVED_RATIO * min(middles)
    if not steady:
        console.print("[yellow]the bare round trip moved by more than 30 % between rounds: measure again[/]")
    figures: list[Figure] = []
    for name, target in TARGETS.items():
        at = QUANTILES[name]
        ours, bare = ([quantile(values, at) for values in side] for side in _sides(rounds))
        figures.append(
            Figure(
                name=f"order request to bytes at the broker, {name}",
                value=median(ours),
                unit="ms",
                floor=median(bare),
                ratio=median([each.ratio(name) for each in rounds]),
                target=target,
                samples=sum(len(each.ours_ms) for each in rounds),
                is_steady=steady,
                detail={
                    "rounds_ms": [round(value, 3) for value in ours],
                    "floor_rounds_ms": [round(value, 3) for value in bare],
                    "per_second": PER_SECOND,
                },
            )
        )
    return figures


def _sides(rounds: list[Round]) -> tuple[list[list[float]], list[list[float]]]:
    return [each.ours_ms for each in rounds], [each.bare_ms for each in rounds]


class Broker:
    """Answers a token and orders, and remembers when the bytes of each order came (monotonic nanoseconds)."""

    def __init__(self) -> None:
        self._arrivals: dict[str, int] = {}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything on one port; the feed is accepted and hears nothing."""
        now_ns = time.monotonic_ns()
        if scope["type"] != "http":
            await _silence(receive, send)
            return
        body, path = await _body(receive), scope["path"]
        if path.endswith("/order-cash"):
            self._arrivals[orjson.loads(body)["ORD_QTY"]] = now_ns
            await _answer(send, {"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "", "output": ACCEPTED})
        elif path == "/arrivals":
            await _answer(send, self._arrivals)
            self._arrivals = {}
        elif path == "/oauth2/Approval":
            await _answer(send, {"approval_key": "bench"})
        elif path == "/oauth2/tokenP":
            await _answer(send, {"access_token": "bench", "token_type": "Bearer", "expires_in": 86_400})
        else:
            await _answer(send, {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", "output": ACCEPTED})


ACCEPTED = {"KRX_FWDG_ORD_ORGNO": "91252", "ODNO": "0000000117", "ORD_TMD": "093014"}


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


async def _silence(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _answer(send: Send, document: dict[str, Any]) -> None:
    body = orjson.dumps(document)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Broker().app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        lifespan="off",
        interface="asgi3",
        timeout_keep_alive=3_600,
    )
