"""The HTTP face of a worker: /health (503 when it cannot do its job), /metrics, and a supervised loop."""

import asyncio
import gc
import importlib.metadata
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from jennie_core.domain.health import DependencyStatus, HealthStatus, ServiceState
from jennie_infra.settings import Settings
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.common.tasks import end

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STABLE_SECONDS = 60.0
SERVING: frozenset[ServiceState] = frozenset({"healthy", "degraded"})


class Worker(Protocol):
    """A worker's loop; `run` returns only when cancelled."""

    async def start(self) -> None:
        """Prepare state; called once after the runtime is open."""
        ...

    async def run(self) -> None:
        """Read, decide, write until cancelled."""
        ...

    async def stop(self) -> None:
        """Finish or journal what is in hand; take no new work."""
        ...

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """State and detail for /health."""
        ...

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """What the worker needs, beside Redis."""
        ...


def create_app(runtime: Runtime, worker: Worker, *, title: str) -> FastAPI:
    """FastAPI app whose lifespan opens the runtime and supervises the worker's loop."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await runtime.open()
        await worker.start()
        task = asyncio.create_task(supervise(runtime, worker.run), name="worker")
        try:
            yield
        finally:
            await end([task])
            await worker.stop()
            await runtime.close()

    app = FastAPI(title=title, version=version(), lifespan=lifespan, docs_url="/docs", redoc_url=None)

    @app.get("/health")
    async def health(response: Response) -> HealthStatus:
        """State of this process; 503 unless it can do its job."""
        status = await health_status(runtime, worker)
        if status.status not in SERVING:
            response.status_code = 503
        return status

    @app.get("/metrics")
    async def metrics() -> Response:
        """Prometheus exposition."""
        return Response(generate_latest(runtime.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


async def health_status(runtime: Runtime, worker: Worker) -> HealthStatus:
    """The seed's HealthStatus of this process."""
    state, detail = worker.health()
    dependencies = {"redis": await runtime.redis_status(), **await worker.dependencies()}
    if not dependencies["redis"].ok or runtime.state == "unhealthy":
        state = "unhealthy"
    stop = runtime.stops.state
    detail |= {"paused": stop.paused, "halted": stop.halted, "halt_blocks_exits": stop.halt_blocks_exits}
    return HealthStatus(
        service=runtime.service,
        status=state,
        uptime_seconds=round(time.monotonic() - runtime.started_at, 1),
        version=version(),
        mode=runtime.settings.mode.value,
        settings_hash=runtime.trading.settings_hash(),
        market_time=runtime.clock.now().isoformat() if runtime.clock.is_known else None,
        dependencies=dependencies,
        detail=detail,
    )


async def supervise(runtime: Runtime, run: Callable[[], Awaitable[None]]) -> None:
    """Keep the loop running: an end or an unexpected error is logged and counted, health says unhealthy, and it starts
    again after a pause that grows with failures in a row.
    """
    failures = runtime.metrics.counter("worker_failures_total", "loop ended by an unexpected error")
    pause = FIRST_PAUSE_SECONDS
    try:
        while True:
            began = time.monotonic()
            try:
                runtime.state = "healthy"
                await run()
                get_logger().error("worker loop ended by itself")
            except Exception as error:  # noqa: BLE001 - the supervisor's loop: log with the ids, count, go on
                get_logger().exception("worker loop failed", error=str(error))
            runtime.state = "unhealthy"
            failures.inc()
            await runtime.stops.refresh()
            if time.monotonic() - began > STABLE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
    finally:
        runtime.state = "unhealthy"


def version() -> str:
    """Version of the installed package."""
    try:
        return importlib.metadata.version("jennie")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def serve(app: FastAPI, settings: Settings, service: str) -> None:
    """Run an app on the service's port until SIGTERM.

    What the start has made lives as long as the process: the garbage collector need not walk through it between a tick
    and an order.
    """
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.bind_host,
        port=settings.port(service),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        ws_max_size=1 << 20,
    )
