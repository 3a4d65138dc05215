"""Who may speak to the dashboard (R-DASH-12): Host, session or bearer, Origin and header for changes."""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from jennie_infra.settings import Settings
from jennie_live.dashboard.guard import CSRF_HEADER, Guard, allowed_hosts
from jennie_live.dashboard.session import COOKIE, Sessions

HOST = "127.0.0.1:8090"
OWN = {"origin": f"http://{HOST}"}


async def _ok(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(Settings(home=tmp_path))


@pytest.fixture
def client(sessions: Sessions) -> TestClient:
    app = Starlette(
        routes=[
            Route("/health", _ok),
            Route("/page", _ok),
            Route("/api/x", _ok, methods=["GET", "POST"]),
            WebSocketRoute("/ws", _socket),
        ]
    )
    app.add_middleware(Guard, sessions=sessions, service_token="service-token", hosts=allowed_hosts(8090, None))
    return TestClient(app, base_url=f"http://{HOST}")


def _logged_in(client: TestClient, sessions: Sessions) -> TestClient:
    client.cookies.set(COOKIE, sessions.issue())
    return client


def test_health_and_the_page_need_no_session(client: TestClient) -> None:
    assert client.get("/health").status_code == 200
    assert client.get("/page").status_code == 200


@pytest.mark.rule("R-DASH-12")
def test_the_api_needs_a_session_and_says_the_next_step(client: TestClient) -> None:
    answer = client.get("/api/x")
    assert answer.status_code == 401
    assert answer.json()["rule"] == "AUTH-SESSION"
    assert "jennie login" in answer.json()["next_step"]


def test_a_session_reads_and_the_service_token_writes(client: TestClient, sessions: Sessions) -> None:
    assert client.post("/api/x", headers={"authorization": "Bearer service-token"}).status_code == 200
    assert client.get("/api/x", headers={"authorization": "Bearer other"}).status_code == 401
    assert _logged_in(client, sessions).get("/api/x").status_code == 200


@pytest.mark.parametrize("value", ["", "x", "rehearsal/default", "rehearsal/default.abc.def"])
def test_a_made_up_cookie_is_refused(client: TestClient, value: str) -> None:
    client.cookies.set(COOKIE, value)
    assert client.get("/api/x").status_code == 401


def test_a_cookie_of_another_installation_is_refused(client: TestClient, tmp_path: Path) -> None:
    client.cookies.set(COOKIE, Sessions(Settings(home=tmp_path / "other")).issue())
    assert client.get("/api/x").status_code == 401


@pytest.mark.rule("R-DASH-12")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({CSRF_HEADER: "1"}, 200),
        ({CSRF_HEADER: "1", **OWN}, 200),
        ({CSRF_HEADER: "1", "origin": "http://evil.example"}, 403),
        ({CSRF_HEADER: "1", "origin": "null"}, 403),
        (OWN, 403),
    ],
)
def test_a_change_needs_our_header_and_no_foreign_origin(
    client: TestClient, sessions: Sessions, headers: dict[str, str], status: int
) -> None:
    assert _logged_in(client, sessions).post("/api/x", headers=headers).status_code == status


def test_a_foreign_host_is_refused_even_for_the_page(client: TestClient) -> None:
    answer = client.get("/page", headers={"host": "rebound.example:8090"})
    assert answer.status_code == 403
    assert answer.json()["rule"] == "AUTH-HOST"


@pytest.mark.parametrize(
    ("cookie", "headers"),
    [(False, OWN), (True, {}), (True, {"origin": "http://evil.example"})],
)
def test_a_web_socket_needs_session_and_our_origin(
    client: TestClient, sessions: Sessions, cookie: bool, headers: dict[str, str]
) -> None:
    if cookie:
        _logged_in(client, sessions)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"ws://{HOST}/ws", headers=headers) as socket:
        socket.receive_text()


def test_a_web_socket_of_the_page_is_served(client: TestClient, sessions: Sessions) -> None:
    with _logged_in(client, sessions).websocket_connect(f"ws://{HOST}/ws", headers=OWN) as socket:
        assert socket.receive_text() == "hello"


def test_answers_carry_the_headers_that_keep_other_sites_out(client: TestClient) -> None:
    headers: Any = client.get("/page").headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


def test_the_public_address_is_allowed_when_it_is_set() -> None:
    assert "desk.example" in allowed_hosts(8090, "https://desk.example/")
