"""What the scanner writes down: raised and suppressed signals, and why a setup was refused (R-SCAN-04, R-SCAN-05)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.signals import BuySignal
from jennie_core.strategy.scanner import Decision, SignalRefusal
from jennie_infra.db.ledger import DecisionLog, LedgerBase, SignalLog
from jennie_infra.db.upsert import insert_ignore

SERVICE = "buy-scanner"


class Journal:
    """Collects rows between flushes, so that the ledger is never written to on the path of a tick."""

    def __init__(self) -> None:
        self._rows: list[tuple[Table, dict[str, Any]]] = []

    def note(self, day: date, decision: Decision, name: str) -> None:
        """Take one decision."""
        if isinstance(decision, BuySignal):
            self._rows.append((_table(SignalLog.__tablename__), signal_row(day, decision, "raised", None)))
            return
        if decision.signal is not None:
            row = signal_row(day, decision.signal, "suppressed", decision)
            self._rows.append((_table(SignalLog.__tablename__), row))
        self._rows.append((_table(DecisionLog.__tablename__), _decision_row(day, decision)))

    def take(self) -> list[tuple[Table, dict[str, Any]]]:
        """The rows since the last call."""
        rows, self._rows = self._rows, []
        return rows


def store(connection: Connection, rows: Sequence[tuple[Table, dict[str, Any]]]) -> None:
    """Write rows; one that is there already stays as it is (the executor's outcome wins over `raised`)."""
    for table, row in rows:
        insert_ignore(connection, table, row)


def signals_since(connection: Connection, day: date | None, since: datetime) -> list[Any]:
    """(code, time) of the day's buy signals from an instant on, raised or suppressed."""
    query = select(SignalLog.stock_code, SignalLog.raised_at).where(
        SignalLog.market_day == day, SignalLog.side == "buy", SignalLog.raised_at >= since
    )
    return list(connection.execute(query))


def signal_row(day: date, signal: BuySignal, outcome: str, refusal: SignalRefusal | None) -> dict[str, Any]:
    """Columns of signal_log for a signal."""
    why = None if refusal is None else refusal.refusal
    return {
        "signal_id": signal.signal_id,
        "side": "buy",
        "market_day": day,
        "stock_code": signal.stock_code,
        "stock_name": signal.stock_name,
        "strategy": signal.signal_type.value,
        "price_krw": signal.signal_price_krw,
        "outcome": outcome,
        "refusal_rule": None if why is None else why.rule,
        "refusal_text": None if why is None else why.detail,
        "refusal_value": None if why is None or why.value is None else str(why.value)[:60],
        "refusal_limit": None if why is None or why.limit is None else str(why.limit)[:60],
        "payload": signal.model_dump(mode="json"),
        "raised_at": signal.signalled_at,
        "settled_at": None if why is None else signal.signalled_at,
    }


def _decision_row(day: date, decision: SignalRefusal) -> dict[str, Any]:
    refusal = decision.refusal
    minute = decision.market_us // 60_000_000
    return {
        "decision_id": canonical_hash([day, SERVICE, decision.code, decision.signal_type, refusal.rule, minute], 32),
        "market_day": day,
        "service": SERVICE,
        "stock_code": decision.code,
        "subject": decision.signal_type.value,
        "rule": refusal.rule,
        "detail": refusal.detail,
        "value": None if refusal.value is None else str(refusal.value)[:60],
        "limit_value": None if refusal.limit is None else str(refusal.limit)[:60],
        "price_krw": decision.price_krw,
        "decided_at": decision.market_time,
    }


def _table(name: str) -> Table:
    return LedgerBase.metadata.tables[name]
