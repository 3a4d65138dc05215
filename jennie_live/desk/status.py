"""What a desk says of itself: figures for /health, and every few seconds its row in Redis for the dashboard."""

import time
from dataclasses import dataclass

import orjson
from redis.exceptions import RedisError

from jennie_core.domain.health import ServiceState
from jennie_infra.bus.keys import KEYS, RedisKeys
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.desk.desk import Desk
from jennie_live.desk.reconcile import Reconciled

Detail = dict[str, str | int | float | bool | None]
STATUS_SECONDS = 5.0


@dataclass
class StatusRow:
    """Writes the status row, at most every STATUS_SECONDS of real time."""

    runtime: Runtime
    _told_at: float = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the row has aged."""
        return time.monotonic() - self._told_at >= STATUS_SECONDS

    async def tell(self, state: ServiceState, detail: Detail) -> None:
        """Write state and figures."""
        self._told_at = time.monotonic()
        runtime, key = self.runtime, RedisKeys.STATUS
        market = runtime.clock.now().isoformat() if runtime.clock.is_known else None
        raw = orjson.dumps({"service": runtime.service, "state": state, "market_time": market, **detail})
        try:
            await runtime.redis.set(key.of(service=runtime.service), raw, ex=KEYS[key].ttl_seconds)
        except (RedisError, OSError) as error:
            get_logger().warning("status not written", error=type(error).__name__)


def desk_figures(desk: Desk, last: Reconciled | None, parked: int) -> Detail:
    """Figures of the desk that both executors show."""
    return {
        "lease": desk.lease.number,
        "waits_for": desk.lease.waits_for,
        "orders_today": sum(1 for _ in desk.orders),
        "orders_unresolved": len(desk.orders.unresolved()),
        "orders_unknown": len(desk.orders.unknown()),
        "positions": len(desk.book.positions),
        "reconciliation_matches": None if last is None else last.matches,
        "reconciliation_differences": None if last is None else len(last.differences),
        "unreconciled": ",".join(sorted(desk.unreconciled)) or None,
        "parked": parked,
        "ledger_away": desk.journal.is_away,
    }
