"""Dagster's webserver behind a Host and Origin allow-list (H4): it has no login and takes cross-origin mutations.

A page of another site, open in the operator's browser, could otherwise start jobs here. Only loopback names and the
host of JENNIE_PUBLIC_URL are answered, and nothing that changes state is taken from a foreign origin.
"""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.types import ASGIApp, Receive, Scope, Send

from jennie_infra.settings import Settings, load_settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WORKSPACE = Path(__file__).resolve().parent.parent / "workspace.yaml"
POLICY_VIOLATION = 1008


class SameOriginOnly:
    """ASGI middleware: 403 for an unknown Host, for a foreign Origin on anything but a safe read, and on WebSockets."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": problem})
        else:
            await _refuse(send, problem)

    def _problem(self, scope: Scope) -> str | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = _host_of(f"//{headers.get(b'host', '')}")
        if host not in self._allowed:
            return f"host {host!r} is not served here; set JENNIE_PUBLIC_URL to its address"
        changes_state = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        origin = headers.get(b"origin")
        if changes_state and origin is not None and _host_of(origin) not in self._allowed:
            return f"requests from {origin} are refused"
        if changes_state and headers.get(b"sec-fetch-site", "same-origin") == "cross-site":
            return "cross-site requests are refused"
        return None


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Loopback names, and the hosts of the addresses in the settings."""
    given = [address for address in (settings.public_url, settings.dagster_url) if address is not None]
    return LOOPBACK | {host for address in given if (host := _host_of(address))}


def guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """An app behind the allow-list."""
    return SameOriginOnly(app, allowed_hosts(settings))


def build_app(settings: Settings, workspace: Path) -> ASGIApp:
    """The guarded webserver of the instance in DAGSTER_HOME."""
    instance = DagsterInstance.get()
    context = WorkspaceFileTarget([str(workspace)])
    from dagster._core.workspace.context import WorkspaceProcessContext

    process = WorkspaceProcessContext(instance, context)
    return guarded(DagsterWebserver(process).create_asgi_app(), settings)


def main() -> None:
    """Serve until stopped: `python -m jennie_assets.webserver --port 3000`."""
    settings = load_settings()
    parser = argparse.ArgumentParser(prog="jennie_assets.webserver", description=main.__doc__)
    parser.add_argument("--host", default=settings.bind_host)
    parser.add_argument("--port", type=int, default=settings.port("dagster"))
    parser.add_argument("--workspace", type=Path, default=WORKSPACE)
    options = parser.parse_args()
    if "DAGSTER_HOME" not in os.environ:
        parser.error("DAGSTER_HOME is not set; `jennie up` sets it to the dagster folder of its state")
    uvicorn.run(build_app(settings, options.workspace), host=options.host, port=options.port, log_level="warning")


async def _refuse(send: Send, problem: str) -> None:
    body = problem.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _host_of(address: str) -> str:
    """Host name of an address or origin in lower case, without its port; "" when there is none."""
    try:
        name = urlsplit(address).hostname
    except ValueError:
        return ""
    if name is None:
        return ""
    return f"[{name}]" if ":" in name else name


if __name__ == "__main__":
    main()
