"""The wiring of one worker: settings to clients, opened and closed in one place."""

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from jennie_core.domain.base import Message
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_core.domain.market import ClockMark
from jennie_core.domain.signals import Alert
from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.bus.connect import AsyncRedis, connect, connect_blocking, text, wait_until_ready
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter, ensure_groups, publish_watermark
from jennie_infra.clock import MarketClock, wall_now
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.schema import claim_stamp, require_current
from jennie_infra.gateway_client import GatewayClient
from jennie_infra.settings import Settings, generated_secret
from jennie_infra.telemetry import Metrics, configure_logging, get_logger, register_secret
from jennie_live.common.stops import StopWatcher

SERVICE_TOKEN = "service_token"
PING_SECONDS = 1.0
"""/health answers even while Redis swallows every command and the client would go on trying."""


class ForeignStoreError(Exception):
    """Redis belongs to another mode or account (B5)."""


@dataclass
class Runtime:
    """Everything a worker is made of. `ledger` and `gateway` are None for workers that do not need them."""

    service: str
    settings: Settings
    trading: TradingSettings
    redis: AsyncRedis
    redis_blocking: AsyncRedis
    clock: MarketClock
    metrics: Metrics
    stops: StopWatcher
    ledger: DatabaseThread | None = None
    gateway: GatewayClient | None = None
    started_at: float = field(default_factory=time.monotonic)
    state: ServiceState = "starting"
    _alerts: set[str] = field(default_factory=set)

    @property
    def consumer(self) -> str:
        """Name of this process as a stream consumer."""
        return f"{self.service}@{socket.gethostname()}:{os.getpid()}"

    @property
    def stamp(self) -> str:
        """Mode and account of this process (B5)."""
        return f"{self.settings.mode.value}/{self.settings.account_hash}"

    async def open(self) -> None:
        """Wait for Redis, check stamps and schema, open the clients. Raises when the stores are not this process's."""
        await wait_until_ready(self.redis)
        key = RedisKeys.STORE_STAMP.value
        if not await self.redis.set(key, self.stamp, nx=True):
            found = await self.redis.get(key)
            if found is not None and text(found) != self.stamp:
                raise ForeignStoreError(f"Redis belongs to {text(found)}, this process runs as {self.stamp}")
        await ensure_groups(self.redis)
        if self.ledger is not None:
            require_current("ledger", self.ledger.engine)
            claim_stamp("ledger", self.ledger.engine, self.stamp)
        if self.gateway is not None:
            await self.gateway.open()
        await self.stops.start()

    async def close(self) -> None:
        """Close in reverse order; what was handed to the ledger thread is finished first."""
        await self.stops.stop()
        if self.gateway is not None:
            await self.gateway.close()
        if self.ledger is not None:
            self.ledger.close()
        await self.redis_blocking.aclose()
        await self.redis.aclose()

    def writer(self, stream: Streams) -> StreamWriter:
        """A writer for a declared stream."""
        return StreamWriter(self.redis, stream)

    async def watermark(self, mark: ClockMark) -> None:
        """Say that all that `mark` caused is done (T3)."""
        await publish_watermark(self.redis, self.service, mark.market_us)

    async def alert(
        self, alert_id: str, severity: str, message: str, next_step: str = "", *, changed: bool = False
    ) -> None:
        """Raise an alert once; it is silent until cleared (I5), or until its condition `changed` to another degree."""
        if changed or alert_id not in self._alerts:
            self._alerts.add(alert_id)
            get_logger().warning("alert", alert_id=alert_id, severity=severity, text=message)
            await self._publish_alert(alert_id, severity, message, next_step, cleared=False)

    def take_over_alert(self, alert_id: str) -> None:
        """An earlier process of this service raised this alert and cannot say its end: this one will."""
        self._alerts.add(alert_id)

    async def clear_alert(self, alert_id: str, message: str = "cleared") -> None:
        """Say that a raised alert is over."""
        if alert_id in self._alerts:
            self._alerts.discard(alert_id)
            await self._publish_alert(alert_id, "info", message, "", cleared=True)

    async def _publish_alert(
        self, alert_id: str, severity: str, message: str, next_step: str, *, cleared: bool
    ) -> None:
        at = self.clock.now() if self.clock.is_known else wall_now()
        alert: Message = Alert.model_validate(
            {
                "alert_id": alert_id,
                "severity": severity,
                "service": self.service,
                "text": message,
                "next_step": next_step,
                "cleared": cleared,
                "raised_at": at,
            }
        )
        await self.writer(Streams.ALERTS).publish(alert, at)

    async def redis_status(self) -> DependencyStatus:
        """Time of a PING."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self.redis.ping()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            return DependencyStatus(ok=False, detail=type(error).__name__)
        return DependencyStatus(ok=True, latency_ms=round((time.monotonic() - start) * 1000, 3))


def build_runtime(service: str, settings: Settings, *, needs_ledger: bool, needs_gateway: bool) -> Runtime:
    """Make the clients of a worker; nothing is opened yet."""
    configure_logging(service, settings.log_level)
    token = generated_secret(settings, SERVICE_TOKEN)
    register_secret(token)
    redis = connect(settings.effective_redis_url)
    ledger = DatabaseThread(make_engine(settings.effective_ledger_url, durable=True), service) if needs_ledger else None
    return Runtime(
        service=service,
        settings=settings,
        trading=settings.trading(),
        redis=redis,
        redis_blocking=connect_blocking(settings.effective_redis_url),
        clock=MarketClock(),
        metrics=Metrics(service),
        stops=StopWatcher(settings, redis, ledger),
        ledger=ledger,
        gateway=GatewayClient(settings.url("kis-gateway"), token, service) if needs_gateway else None,
    )
