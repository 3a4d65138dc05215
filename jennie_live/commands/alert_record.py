"""What was said to the operator, kept in the ledger; a ledger that is away delays the record, never the message."""

import asyncio
from collections import deque
from collections.abc import Iterable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from jennie_core.domain.signals import Alert
from jennie_infra.db.repositories import alerts
from jennie_infra.telemetry import Metrics, get_logger

MOST_WAITING = 1_000
"""Alerts that wait for a ledger; beyond, the oldest is given up and counted."""


class AlertRecord:
    """Alerts on their way into `alert_log`, in the order they were said."""

    def __init__(self, ledger: Engine, metrics: Metrics) -> None:
        self._ledger = ledger
        self._waiting: deque[Alert] = deque()
        self._lost = metrics.counter("alerts_unrecorded_total", "alerts given up while the ledger was away")

    async def keep(self, said: Iterable[Alert]) -> None:
        """Store these and what waited before them; tries again at the next call when the ledger is away."""
        self._waiting.extend(said)
        if not self._waiting:
            return
        batch = list(self._waiting)
        try:
            await asyncio.to_thread(self._store, batch)
        except SQLAlchemyError as error:
            get_logger().warning("alerts wait for the ledger", waiting=len(batch), error=type(error).__name__)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._lost.inc()
            return
        self._waiting.clear()

    def _store(self, batch: list[Alert]) -> None:
        with self._ledger.begin() as connection:
            for alert in batch:
                alerts.note(connection, alert)
