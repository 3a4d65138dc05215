"""Outcomes of signals and refusals of candidates: nothing vanishes (I3)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.decisions import Refusal
from jennie_infra.db.repositories.tables import DECISION_LOG, SIGNAL_LOG
from jennie_infra.db.upsert import insert_ignore

RAISED = "raised"
ENTRY_ID = "entry_id"
"""Key of the payload under which the outcome keeps the entry that it answers."""
TEXT_LENGTH = 60


def settle_signal(connection: Connection, row: Mapping[str, Any], refusal: Refusal | None) -> bool:
    """Write the one outcome of a signal; False when it already has one. A row that only says `raised` is completed."""
    outcome = {"outcome": row["outcome"], "settled_at": row["settled_at"], **_refusal_columns(refusal)}
    if insert_ignore(connection, SIGNAL_LOG, {**row, **outcome}):
        return True
    changed = connection.execute(
        update(SIGNAL_LOG)
        .where(SIGNAL_LOG.c.signal_id == row["signal_id"], SIGNAL_LOG.c.outcome == RAISED)
        .values(**outcome, payload=row["payload"])
    )
    return bool(changed.rowcount)


def settled_by(connection: Connection, signal_id: str) -> str | None:
    """Entry of the stream that got the outcome of a signal; None when the signal or its entry is not known."""
    payload = connection.execute(select(SIGNAL_LOG.c.payload).where(SIGNAL_LOG.c.signal_id == signal_id)).scalar()
    return None if payload is None else payload.get(ENTRY_ID)


def settled_ids(connection: Connection, day: date, side: str) -> set[str]:
    """Signals of a day that have their outcome."""
    statement = select(SIGNAL_LOG.c.signal_id).where(
        SIGNAL_LOG.c.market_day == day, SIGNAL_LOG.c.side == side, SIGNAL_LOG.c.outcome != RAISED
    )
    return set(connection.execute(statement).scalars())


def note_decision(
    connection: Connection,
    *,
    decision_id: str,
    market_day: date,
    service: str,
    stock_code: str,
    subject: str,
    refusal: Refusal,
    price_krw: int | None,
    decided_at: datetime,
) -> bool:
    """Keep one refusal; False when this decision is already kept."""
    columns = _refusal_columns(refusal)
    row = {
        "decision_id": decision_id[:64],
        "market_day": market_day,
        "service": service,
        "stock_code": stock_code,
        "subject": subject[:40],
        "rule": refusal.rule[:40],
        "detail": refusal.detail,
        "value": columns["refusal_value"],
        "limit_value": columns["refusal_limit"],
        "price_krw": price_krw,
        "decided_at": decided_at,
    }
    return insert_ignore(connection, DECISION_LOG, row)


def _refusal_columns(refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return dict.fromkeys(("refusal_rule", "refusal_text", "refusal_value", "refusal_limit"))
    return {
        "refusal_rule": refusal.rule[:40],
        "refusal_text": refusal.detail,
        "refusal_value": None if refusal.value is None else str(refusal.value)[:TEXT_LENGTH],
        "refusal_limit": None if refusal.limit is None else str(refusal.limit)[:TEXT_LENGTH],
    }
