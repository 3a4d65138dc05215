"""Health of one process (the seed's HealthStatus)."""

from typing import Literal

from pydantic import Field

from jennie_core.domain.base import Message

ServiceState = Literal["healthy", "degraded", "unhealthy", "starting", "reconciling"]


class DependencyStatus(Message):
    """One dependency with the time it took to answer."""

    ok: bool
    latency_ms: float | None = None
    detail: str = ""


class HealthStatus(Message):
    """Answer of GET /health; 503 unless the state is healthy or degraded."""

    service: str
    status: ServiceState
    uptime_seconds: float
    version: str
    mode: str
    settings_hash: str
    market_time: str | None = None
    dependencies: dict[str, DependencyStatus]
    detail: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
