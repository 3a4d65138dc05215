"""The HTTP face of dashboard-api: guard, routes, the built page."""

import mimetypes
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.middleware.gzip import GZipMiddleware

from jennie_infra.settings import Settings, generated_secret
from jennie_infra.telemetry import register_secret
from jennie_live.common.runtime import SERVICE_TOKEN, build_runtime
from jennie_live.common.web import create_app
from jennie_live.dashboard import problems
from jennie_live.dashboard.context import build_context
from jennie_live.dashboard.guard import Guard, allowed_hosts
from jennie_live.dashboard.routes import control, entry, live, orders, portfolio, research, system
from jennie_live.dashboard.session import SESSION_KEY
from jennie_live.dashboard.worker import DashboardWorker

SERVICE = "dashboard-api"
WEB = Path(__file__).parent / "web"
_NOT_BUILT = (
    "<!doctype html><meta charset=utf-8><title>jennie</title><h1>The page is not built</h1>"
    "<p>Run <code>make web</code>, then reload. The API works without it.</p>"
)


def build(settings: Settings) -> FastAPI:
    """The app of this process; nothing is opened until it starts."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=False, needs_gateway=True)
    dashboard = build_context(runtime)
    token = generated_secret(settings, SERVICE_TOKEN)
    register_secret(generated_secret(settings, SESSION_KEY))
    app = create_app(runtime, DashboardWorker(dashboard), title="jennie dashboard")
    app.state.dashboard = dashboard
    problems.install(app)
    for module in (entry, portfolio, research, control, orders, system, live):
        app.include_router(module.router)
    _serve_page(app)
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    app.add_middleware(
        Guard,
        sessions=dashboard.sessions,
        service_token=token,
        hosts=allowed_hosts(settings.port(SERVICE), settings.public_url),
    )
    return app


def _serve_page(app: FastAPI) -> None:
    """Serve the built files; every other address that is not the API's is the page itself."""

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> Response:
        index = WEB / "index.html"
        wanted = (WEB / path).resolve()
        if path.startswith(("api/", "ws")):
            return Response(
                '{"rule":"NOT-FOUND","detail":"no such address","next_step":"see /docs"}',
                status_code=404,
                media_type="application/json",
            )
        if path and wanted.is_relative_to(WEB) and wanted.is_file():
            kind = mimetypes.guess_type(wanted.name)[0]
            cache = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            return FileResponse(wanted, media_type=kind, headers={"Cache-Control": cache})
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})
