"""What the command handlers reach, wired once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from jennie_infra.bus.connect import SyncRedis
from jennie_infra.clock import MarketTimeUnknownError, wall_now
from jennie_infra.dagster_client import DagsterClient
from jennie_infra.db.engine import make_engine
from jennie_infra.db.read_only import ReadStore, read_only_engine
from jennie_infra.gateway_client import GatewayClient, GatewayUnavailableError
from jennie_infra.settings import Settings
from jennie_live.commands.confirmations import Confirmations
from jennie_live.commands.limits import Limits
from jennie_live.common.market_now import market_now
from jennie_live.common.runtime import Runtime

STOP_SECONDS = 0.8
NOW_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks: a chat, or a local caller with the service token (chat 0)."""

    chat: int
    said_by: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Text for the chat (Telegram HTML); `code` asks for a confirmation."""

    text: str
    code: str | None = None


Handler = Callable[["Desk", Caller, tuple[str, ...]], Awaitable[Reply]]


@dataclass
class Desk:
    """Clients and memory of the command handlers."""

    runtime: Runtime
    ledger: ReadStore
    market: ReadStore
    dagster: DagsterClient
    write_ledger: Engine
    stop_redis: SyncRedis
    limits: Limits
    confirmations: Confirmations = field(default_factory=Confirmations)

    @property
    def settings(self) -> Settings:
        """Settings of this process."""
        return self.runtime.settings

    @property
    def gateway(self) -> GatewayClient:
        """The gateway's client; raises GatewayUnavailableError when there is none."""
        if self.runtime.gateway is None:
            raise GatewayUnavailableError("no gateway is configured")
        return self.runtime.gateway

    async def market_now(self) -> datetime:
        """Market time; raises MarketTimeUnknownError."""
        return await market_now(self.runtime.redis)

    async def now(self) -> datetime:
        """Market time, or the wall clock where only a record needs a time; a dead Redis must not delay a stop."""
        try:
            return await asyncio.wait_for(self.market_now(), NOW_SECONDS)
        except (MarketTimeUnknownError, TimeoutError):
            return wall_now()

    def close(self) -> None:
        """Release the stores."""
        self.ledger.close()
        self.market.close()
        self.write_ledger.dispose()
        self.stop_redis.close()


def build_desk(runtime: Runtime) -> Desk:
    """Wire the handlers; nothing is opened yet."""
    settings = runtime.settings
    return Desk(
        runtime=runtime,
        ledger=ReadStore(
            "ledger", read_only_engine(settings.effective_ledger_url, setting="JENNIE_LEDGER_URL"), threads=1
        ),
        market=ReadStore(
            "market", read_only_engine(settings.effective_market_url, setting="JENNIE_MARKET_URL"), threads=1
        ),
        dagster=DagsterClient(settings.effective_dagster_url),
        write_ledger=make_engine(settings.effective_ledger_url, durable=True),
        # One try only: redis-py would otherwise repeat a failed command for many seconds, and a stop must not wait.
        stop_redis=SyncRedis.from_url(
            settings.effective_redis_url,
            socket_timeout=STOP_SECONDS,
            socket_connect_timeout=STOP_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=3,
        ),
        limits=Limits(runtime.redis),
    )
