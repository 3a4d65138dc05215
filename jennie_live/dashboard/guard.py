"""Who may speak to the dashboard: Host, session or service token, and for changes a header and our Origin."""

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jennie_live.dashboard.session import COOKIE, Sessions

CSRF_HEADER = "x-jennie-request"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROTECTED = ("/api/", "/ws", "/docs", "/openapi.json", "/redoc")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    ),
)
_CLOSE_POLICY = 4401


class Guard:
    """ASGI middleware in front of every route; /health, /metrics, /login and the page's own files need no session."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, service_token: str, hosts: Iterable[str]) -> None:
        self._app = app
        self._sessions = sessions
        self._bearer = f"Bearer {service_token}"
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _CLOSE_POLICY, "reason": refusal[1]})
        else:
            await _refuse(send, *refusal)

    def _refusal(self, scope: Scope) -> tuple[int, str, str, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return 403, "AUTH-HOST", "this address is not served here", "open the address that `jennie up` prints"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host:
            return 403, "AUTH-ORIGIN", "the request comes from another site", "use the dashboard's own page"
        if not scope["path"].startswith(PROTECTED):
            return None
        if hmac.compare_digest(headers.get("authorization", "").encode(), self._bearer.encode()):
            return None
        if not self._sessions.is_valid(_cookie(headers)):
            return 401, "AUTH-SESSION", "you are not logged in", "run `jennie login` and open the link it prints"
        if scope["type"] == "websocket" and origin is None:
            return 403, "AUTH-ORIGIN", "the connection names no origin", "use the dashboard's own page"
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and headers.get(CSRF_HEADER) is None:
            return 403, "AUTH-CSRF", f"the header {CSRF_HEADER} is missing", "use the dashboard's own page"
        return None


def _cookie(headers: Headers) -> str | None:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


async def _refuse(send: Send, status: int, rule: str, detail: str, next_step: str) -> None:
    body = orjson.dumps({"rule": rule, "detail": detail, "next_step": next_step})
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *SECURITY_HEADERS],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def wrapped(message: dict) -> None:  # type: ignore[type-arg]
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
        await send(message)

    return wrapped  # type: ignore[return-value]


def allowed_hosts(port: int, public_url: str | None) -> list[str]:
    """Host headers that are ours: loopback names with our port, and the public address if one is set."""
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    if public_url:
        hosts.append(urlsplit(public_url).netloc)
    return hosts
