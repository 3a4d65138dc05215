"""Dagster's page answers its own origin only (H4)."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from jennie_assets.webserver import guarded
from jennie_infra.settings import load_settings


async def _ok(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("served")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("served")
    await socket.close()


def _client(**settings: object) -> TestClient:
    routes = [Route("/graphql", _ok, methods=["GET", "POST"]), WebSocketRoute("/graphql", _socket)]
    app = guarded(Starlette(routes=routes), load_settings({}, Path("absent.env"), **settings))
    return TestClient(app, base_url="http://127.0.0.1:3000")


def test_the_page_itself_is_served() -> None:
    assert _client().get("/graphql").status_code == 200
    assert _client().post("/graphql", headers={"Origin": "http://localhost:3000"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://127.0.0.1.evil.example", "null", "http://[::2]:3000"]
)
def test_a_foreign_origin_may_not_post(origin: str) -> None:
    reply = _client().post("/graphql", headers={"Origin": origin})
    assert reply.status_code == 403
    assert "refused" in reply.text


def test_a_cross_site_post_without_origin_is_refused() -> None:
    assert _client().post("/graphql", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:3000", ""])
def test_a_foreign_host_is_refused_even_for_reading(host: str) -> None:
    """A name that an attacker points at loopback (DNS rebinding) carries its own Host."""
    assert _client().get("/graphql", headers={"Host": host}).status_code == 403


def test_a_foreign_websocket_is_refused() -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        _client().websocket_connect("ws://127.0.0.1:3000/graphql", headers={"Origin": "http://evil.example"}),
    ):
        pass
    own = {"Origin": "http://127.0.0.1:3000"}
    with _client().websocket_connect("ws://127.0.0.1:3000/graphql", headers=own) as socket:
        assert socket.receive_text() == "served"


def test_the_public_address_is_served() -> None:
    client = _client(public_url="https://jennie.example")
    headers = {"Host": "jennie.example", "Origin": "https://jennie.example"}
    assert client.post("/graphql", headers=headers).status_code == 200
