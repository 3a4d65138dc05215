"""The one outcome of every signal and sell order, written after the order has left (I3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import OrderSide
from jennie_infra.db.repositories import journal as rows
from jennie_infra.telemetry import Metrics, get_logger
from jennie_live.desk.journal import Journal

ORDERED = "ordered"
REFUSED = "refused"
EXPIRED = "expired"
SUPPRESSED = "suppressed"
PARKED = "parked"
DUPLICATE_RULE = "R-MSG-06"


@dataclass(frozen=True, slots=True)
class Request:
    """A buy signal or sell order as the journal keeps it."""

    request_id: str
    entry_id: str
    stock_code: str
    stock_name: str
    strategy: str
    price_krw: int
    raised_at: datetime
    payload: Mapping[str, Any]


class Outcomes:
    """Writes outcomes in the ledger's order and counts them."""

    def __init__(self, journal: Journal, service: str, side: OrderSide, metrics: Metrics) -> None:
        self._journal = journal
        self._service = service
        self._side = side
        self._count = metrics.counter("requests_total", "signals and sell orders by outcome", ("outcome", "rule"))
        self.refused: dict[str, int] = {}
        self.seen: set[str] = set()
        self._owed: set[str] = set()

    def begin_day(self, settled: set[str], acted_on: set[str]) -> None:
        """Requests that have their outcome, and those that led to an intent: neither may act again."""
        self.seen = settled | acted_on
        self._owed = acted_on - settled

    def is_owed(self, request_id: str) -> bool:
        """Whether a request led to an intent, yet its outcome was never written: the process died in between."""
        return request_id in self._owed

    def settle(self, request: Request, outcome: str, now: datetime, refusal: Refusal | None = None) -> None:
        """Keep the outcome; a second delivery of a settled request is kept as a refusal naming the duplicate rule."""
        self.seen.add(request.request_id)
        self._owed.discard(request.request_id)
        rule = "" if refusal is None else refusal.rule
        self._count.labels(outcome=outcome, rule=rule).inc()
        if refusal is not None:
            self.refused[rule] = self.refused.get(rule, 0) + 1
            get_logger().info(
                outcome, request=request.request_id, code=request.stock_code, rule=rule, detail=str(refusal)
            )
        row = {
            "signal_id": request.request_id,
            "side": self._side.value,
            "market_day": now.date(),
            "stock_code": request.stock_code,
            "stock_name": request.stock_name,
            "strategy": request.strategy,
            "price_krw": request.price_krw,
            "outcome": outcome,
            "payload": {**request.payload, rows.ENTRY_ID: request.entry_id},
            "raised_at": request.raised_at,
            "settled_at": now,
        }

        def work(connection: Connection) -> None:
            if rows.settle_signal(connection, row, refusal) or refusal is None:
                return
            if rows.settled_by(connection, request.request_id) == request.entry_id:
                return  # the stream delivered the same entry again: no second request, so no refusal
            rows.note_decision(
                connection,
                decision_id=canonical_hash([request.request_id, request.entry_id, rule], 32),
                market_day=now.date(),
                service=self._service,
                stock_code=request.stock_code,
                subject=request.strategy,
                refusal=refusal,
                price_krw=request.price_krw,
                decided_at=now,
            )

        self._journal.add(f"outcome of {request.request_id}", work)
