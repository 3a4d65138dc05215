"""Asking every process and store how it is, in parallel, each with its own deadline (R-DASH-08)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
from pydantic import ValidationError
from redis.exceptions import RedisError

from jennie_core.domain.enums import Mode
from jennie_core.domain.health import HealthStatus
from jennie_infra.db.read_only import ReadStore, StoreUnreadableError
from jennie_infra.settings import PORTS
from jennie_live.dashboard.context import Dashboard
from jennie_live.dashboard.problems import of_store
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.operation import ServiceHealth

PROBE_SECONDS = 2.5
OWN = "dashboard-api"
WORKERS = tuple(name for name in PORTS if name not in ("dagster", "sim", "sim-admin", OWN))
RESTART = "the supervisor restarts it; if it stays down see its log below or run `jennie status`"

Probe = Callable[[], Awaitable[ServiceHealth]]


async def probe_all(context: Dashboard) -> tuple[ServiceHealth, ...]:
    """Workers, Dagster, the rehearsal exchange and the stores; slow ones are cut off, none waits for another."""
    async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
        settings = context.settings
        probes: list[tuple[str, int | None, Probe]] = [
            (name, settings.port(name), partial(_worker, client, context, name)) for name in WORKERS
        ]
        probes.append(("dagster", settings.port("dagster"), lambda: _dagster(client, context)))
        probes.append(("redis", None, lambda: _redis(context)))
        probes.append(("ledger", None, lambda: _store(context.ledger)))
        probes.append(("market", None, lambda: _store(context.market)))
        if settings.mode is Mode.REHEARSAL:
            probes.append(("sim", settings.port("sim"), lambda: _open_port(settings.port("sim"))))
        return tuple(await asyncio.gather(*(_within(name, port, probe) for name, port, probe in probes)))


async def _within(name: str, port: int | None, probe: Probe) -> ServiceHealth:
    start = time.monotonic()
    try:
        found = await asyncio.wait_for(probe(), PROBE_SECONDS)
    except (TimeoutError, httpx.TimeoutException):
        return _down(name, port, "unknown", f"no answer within {PROBE_SECONDS:g} s")
    except (httpx.HTTPError, OSError, RedisError) as error:
        return _down(name, port, "down", f"not reached ({type(error).__name__})")
    except StoreUnreadableError as error:
        return ServiceHealth(service=name, port=port, state="down", latency_ms=None, problem=of_store(error))
    return found.model_copy(
        update={"service": name, "port": port, "latency_ms": round((time.monotonic() - start) * 1000, 1)}
    )


def _down(name: str, port: int | None, state: str, detail: str) -> ServiceHealth:
    problem = Problem(rule="SERVICE-DOWN", detail=f"{name}: {detail}", next_step=RESTART)
    return ServiceHealth(service=name, port=port, state=state, latency_ms=None, problem=problem)


async def _worker(client: httpx.AsyncClient, context: Dashboard, name: str) -> ServiceHealth:
    response = await client.get(f"{context.settings.url(name)}/health")
    try:
        status = HealthStatus.model_validate_json(response.content)
    except ValidationError:
        return _down(name, None, "unknown", f"answered {response.status_code}, not a health status")
    failing = [f"{key}: {value.detail}" for key, value in status.dependencies.items() if not value.ok]
    problem = None
    if response.status_code != httpx.codes.OK or failing:
        problem = Problem(rule="SERVICE-ILL", detail="; ".join(failing) or f"state {status.status}", next_step=RESTART)
    return ServiceHealth(
        service=name,
        port=None,
        state=status.status,
        latency_ms=None,
        version=status.version,
        uptime_seconds=status.uptime_seconds,
        settings_hash=status.settings_hash,
        market_time=status.market_time,
        dependencies=status.dependencies,
        detail=status.detail,
        problem=problem,
    )


async def _dagster(client: httpx.AsyncClient, context: Dashboard) -> ServiceHealth:
    response = await client.get(f"{context.settings.effective_dagster_url}/server_info")
    if response.status_code != httpx.codes.OK:
        return _down("dagster", None, "unhealthy", f"answered {response.status_code}")
    return ServiceHealth(
        service="dagster", port=None, state="healthy", latency_ms=None, version=response.json().get("dagster_version")
    )


async def _redis(context: Dashboard) -> ServiceHealth:
    await context.runtime.redis.ping()
    return ServiceHealth(service="redis", port=None, state="healthy", latency_ms=None)


async def _store(store: ReadStore) -> ServiceHealth:
    await store.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
    return ServiceHealth(service=store.name, port=None, state="healthy", latency_ms=None)


async def _open_port(port: int) -> ServiceHealth:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    return ServiceHealth(service="sim", port=port, state="healthy", latency_ms=None)
