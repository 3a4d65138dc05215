"""The hand-made market of the contract files, driven in process."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jennie_sim.app import Sim
from jennie_sim.market.handmade import APP_KEY, APP_SECRET, CODE, DAY, TradeRow, at, handmade_market
from jennie_sim.market.hours import to_instant
from jennie_sim.protocol.crypto import SessionCipher
from jennie_sim.settings import SimSettings, WireRevision

FRAMES = Path(__file__).parent.parent / "frames"
KEY, IV = "abcdefghijklmnopqrstuvwxyz012345", "0123456789abcdef"
TRADES: list[TradeRow] = [
    ("09:00:00", 71_000, 500, 3),
    ("09:10:07", 71_200, 200, 5),
    ("09:30:15", 71_500, 300, 1),
    ("15:30:00", 71_800, 1_000, 3),
]
BASE_URL = "http://broker"


class Client:
    """A client of one exchange without sockets: REST through ASGI, WebSocket through two queues."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sim.broker_app), base_url=BASE_URL)
        self.headers = {"appkey": APP_KEY, "appsecret": APP_SECRET}
        self.received: asyncio.Queue[str] = asyncio.Queue()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def login(self) -> None:
        """Token and approval key."""
        keys = {"grant_type": "client_credentials", "appkey": APP_KEY}
        token = await self.http.post("/oauth2/tokenP", json=keys | {"appsecret": APP_SECRET})
        approval = await self.http.post("/oauth2/Approval", json=keys | {"secretkey": APP_SECRET})
        self.headers["authorization"] = f"Bearer {token.json()['access_token']}"
        self.approval_key = approval.json()["approval_key"]

    async def call(self, tr_id: str, method: str = "GET", path: str = "/", **params: str) -> httpx.Response:
        """One business call."""
        where = {"params": params} if method == "GET" else {"json": params}
        return await self.http.request(method, path, headers=self.headers | {"tr_id": tr_id}, **where)  # type: ignore[arg-type]

    async def connect(self) -> None:
        """Open a WebSocket session whose cipher is the one of the contract files."""

        async def send(message: Any) -> None:
            if message["type"] == "websocket.send":
                self.received.put_nowait(message["text"])
            elif message["type"] == "websocket.close":
                self.received.put_nowait("closed")

        self._sent.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": "/tryitout"}
        self._task = asyncio.create_task(self.sim.broker_app(scope, self._sent.get, send))
        await asyncio.sleep(0)
        self.sim.subscriptions.sessions[-1].cipher = SessionCipher(KEY, IV)

    async def say(self, text: str) -> str:
        """Send a text and return the next answer."""
        self._sent.put_nowait({"type": "websocket.receive", "text": text})
        return await asyncio.wait_for(self.received.get(), 5)

    async def subscribe(self, tr_id: str, tr_key: str, tr_type: str = "1") -> str:
        """Register or release; returns the answer."""
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"}
        return await self.say(json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}))

    async def advance(self, clock: str) -> list[str]:
        """Move market time; returns the texts of the slice."""
        await self.sim.engine.advance(to_instant(DAY, at(clock)))
        texts = []
        while not self.received.empty():
            texts.append(self.received.get_nowait())
        return texts

    async def close(self) -> None:
        """Disconnect."""
        self._sent.put_nowait({"type": "websocket.disconnect"})
        if self._task:
            await self._task
        await self.http.aclose()


@pytest.fixture
def settings() -> SimSettings:
    """The settings of the exchange under test; a module may override them."""
    return SimSettings(wire_revision=WireRevision.R47_63_26)


@pytest.fixture
async def client(settings: SimSettings) -> AsyncIterator[Client]:
    """A logged-in client of the hand-made market, standing at 09:10:00 before its second trade."""
    made = Client(Sim.build(handmade_market({CODE: TRADES}), settings, "token", at("09:10:00")))
    await made.login()
    yield made
    await made.close()


def load(name: str) -> Any:
    """One contract file."""
    return json.loads((FRAMES / name).read_text(encoding="utf-8"))


@pytest.fixture
def contract() -> Any:
    """Reader of contract files."""
    return load
