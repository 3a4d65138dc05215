"""Order intents: the row that exists before anything is sent, and every state it may pass through (R-DB-03, O1)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide, OrderState, OrderType
from jennie_core.strategy.intent import TRANSITIONS, Intent
from jennie_infra.db.repositories.tables import INTENT, as_dict
from jennie_infra.db.upsert import insert_ignore

UNRESOLVED = tuple(state.value for state in OrderState if not state.is_terminal)


class TransitionError(Exception):
    """An intent was asked to move to a state that its present state does not allow."""


COLUMNS = tuple(column.name for column in INTENT.columns)
_INSERT = insert(INTENT)
_BY_ID = select(INTENT).where(INTENT.c.intent_id == bindparam("intent_id"))
_LOCK_BY_ID = _BY_ID.with_for_update()
_UNRESOLVED = select(INTENT).where(INTENT.c.state.in_(UNRESOLVED)).order_by(INTENT.c.created_at, INTENT.c.intent_id)
_OF_DAY = (
    select(INTENT).where(INTENT.c.market_day == bindparam("day")).order_by(INTENT.c.created_at, INTENT.c.intent_id)
)
_BY_NUMBER = select(INTENT).where(
    INTENT.c.market_day == bindparam("day"), INTENT.c.order_number == bindparam("order_number")
)
_BY_SOURCE = select(INTENT).where(INTENT.c.source_id == bindparam("source_id")).order_by(INTENT.c.created_at)


def store(connection: Connection, intent: Intent) -> None:
    """Insert a new intent; raises IntegrityError when its id exists."""
    connection.execute(_INSERT, _as_row(intent))


def store_once(connection: Connection, intent: Intent) -> bool:
    """Insert an intent unless its id exists; False when it did."""
    return insert_ignore(connection, INTENT, _as_row(intent))


def _as_row(intent: Intent) -> dict[str, Any]:
    row = {name: getattr(intent, name) for name in COLUMNS}
    return row | {"side": intent.side.value, "order_type": intent.order_type.value, "state": intent.state.value}


def find(connection: Connection, intent_id: str, *, lock: bool = False) -> Intent | None:
    """The intent of an id; with `lock`, held against other writers until the transaction ends."""
    row = connection.execute(_LOCK_BY_ID if lock else _BY_ID, {"intent_id": intent_id}).mappings().first()
    return None if row is None else from_row(as_dict(row))


def unresolved(connection: Connection, side: OrderSide | None = None) -> list[Intent]:
    """Intents whose fate is open, oldest first; of both sides unless one is given."""
    found = [from_row(as_dict(row)) for row in connection.execute(_UNRESOLVED).mappings()]
    return [intent for intent in found if side in (None, intent.side)]


def of_day(connection: Connection, day: date, side: OrderSide | None = None) -> list[Intent]:
    """Every intent of a market day, oldest first."""
    found = [from_row(as_dict(row)) for row in connection.execute(_OF_DAY, {"day": day}).mappings()]
    return [intent for intent in found if side in (None, intent.side)]


def by_order_number(connection: Connection, day: date, order_number: str) -> Intent | None:
    """The intent that owns a broker order of a day."""
    row = connection.execute(_BY_NUMBER, {"day": day, "order_number": order_number}).mappings().first()
    return None if row is None else from_row(as_dict(row))


def by_source(connection: Connection, source_id: str) -> list[Intent]:
    """Intents that a signal or sell order led to."""
    return [from_row(as_dict(row)) for row in connection.execute(_BY_SOURCE, {"source_id": source_id}).mappings()]


def transition(connection: Connection, intent_id: str, state: OrderState, *, now: datetime, **changes: Any) -> None:
    """Move an intent to `state` and set `changes`; the same state again only sets the changes.

    The check and the write are one statement, so two writers cannot pass each other. Raises TransitionError when the
    stored state does not allow the move.
    """
    allowed = [state.value, *(before.value for before, after in TRANSITIONS.items() if state in after)]
    statement = (
        update(INTENT)
        .where(INTENT.c.intent_id == intent_id, INTENT.c.state.in_(allowed))
        .values(state=state.value, updated_at=now, **changes)
    )
    if connection.execute(statement).rowcount == 0:
        found = find(connection, intent_id)
        raise TransitionError(f"{intent_id}: {found.state.value if found else 'absent'} cannot become {state.value}")


def note_unknown_check(connection: Connection, intent_id: str, checks: int, *, now: datetime) -> None:
    """Count an inquiry that found no trace of an order of unknown fate."""
    connection.execute(
        update(INTENT).where(INTENT.c.intent_id == intent_id).values(unknown_checks=checks, updated_at=now)
    )


def buys_started(connection: Connection, day: date) -> int:
    """Buys of a day that filled or still may (R-BUY-08), from the intents, not from Redis."""
    statement = select(INTENT.c.intent_id).where(
        INTENT.c.market_day == day,
        INTENT.c.side == OrderSide.BUY.value,
        or_(INTENT.c.filled_quantity > 0, INTENT.c.state.in_(UNRESOLVED)),
    )
    return len(connection.execute(statement).all())


def from_row(row: Mapping[str, Any]) -> Intent:
    """An intent from its columns."""
    typed = {"side": OrderSide(row["side"]), "order_type": OrderType(row["order_type"])}
    return Intent(**{**row, **typed, "state": OrderState(row["state"])})
