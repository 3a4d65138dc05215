"""What every route of the dashboard reaches: stores, bus, Dagster, the live book; wired once."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from jennie_core.domain.base import MarketTime
from jennie_infra.bus.connect import SyncRedis
from jennie_infra.clock import wall_now
from jennie_infra.dagster_client import DagsterClient
from jennie_infra.db.engine import make_engine
from jennie_infra.db.read_only import ReadStore, read_only_engine
from jennie_infra.settings import Settings
from jennie_live.common.runtime import Runtime
from jennie_live.dashboard.book import LiveBook
from jennie_live.dashboard.broker import BrokerBalance
from jennie_live.dashboard.hub import Hub
from jennie_live.dashboard.session import Sessions

REQUESTS_KEPT = 1_000
STOP_SECONDS = 0.8
"""A stop must hold within a second, so no place may keep the others waiting for longer."""


@dataclass
class Dashboard:
    """Everything the dashboard is made of."""

    runtime: Runtime
    ledger: ReadStore
    market: ReadStore
    dagster: DagsterClient
    sessions: Sessions
    book: LiveBook
    hub: Hub
    broker: BrokerBalance
    stop_redis: SyncRedis
    stop_ledger: Engine
    _accepted: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def accept_once(self, request_id: str) -> bool:
        """False when this id was seen before: a repeated click is one order. The executors check again, durably."""
        if request_id in self._accepted:
            return False
        self._accepted[request_id] = None
        while len(self._accepted) > REQUESTS_KEPT:
            self._accepted.popitem(last=False)
        return True

    @property
    def settings(self) -> Settings:
        """Settings of this process."""
        return self.runtime.settings

    def now(self) -> MarketTime:
        """Market time, or the wall clock before the first mark (for spans of days and records of what was said)."""
        return self.runtime.clock.now() if self.runtime.clock.is_known else wall_now()

    def close(self) -> None:
        """Release the stores."""
        self.ledger.close()
        self.market.close()
        self.stop_redis.close()
        self.stop_ledger.dispose()


def impatient_redis(settings: Settings) -> SyncRedis:
    """A client that gives up at once: redis-py would otherwise repeat a failed command for many seconds."""
    return SyncRedis.from_url(
        settings.effective_redis_url,
        socket_timeout=STOP_SECONDS,
        socket_connect_timeout=STOP_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=3,
    )


def build_context(runtime: Runtime) -> Dashboard:
    """Wire the dashboard; nothing is opened yet."""
    settings = runtime.settings
    return Dashboard(
        runtime=runtime,
        ledger=ReadStore(
            "ledger", read_only_engine(settings.effective_ledger_url, setting="JENNIE_LEDGER_URL"), threads=2
        ),
        market=ReadStore(
            "market", read_only_engine(settings.effective_market_url, setting="JENNIE_MARKET_URL"), threads=2
        ),
        dagster=DagsterClient(settings.effective_dagster_url),
        sessions=Sessions(settings),
        book=LiveBook(),
        hub=Hub(),
        broker=BrokerBalance(runtime.gateway),
        stop_redis=impatient_redis(settings),
        stop_ledger=make_engine(settings.effective_ledger_url, durable=True),
    )


def of_connection(connection: HTTPConnection) -> Dashboard:
    """The context of the app that serves a request or a web socket."""
    dashboard: Dashboard = connection.app.state.dashboard
    return dashboard


Context = Annotated[Dashboard, Depends(of_connection)]
