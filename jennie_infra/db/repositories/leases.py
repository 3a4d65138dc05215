"""The durable number of each desk's lease: it only grows, so an older holder can be told from a newer one (O2)."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_infra.db.repositories.tables import DESK_LEASE
from jennie_infra.db.upsert import insert_ignore


def take_next(connection: Connection, side: OrderSide, holder: str, *, now: datetime) -> int:
    """Take the next lease number of a side."""
    fresh = {"side": side.value, "lease": 0, "holder": holder, "taken_at": now}
    insert_ignore(connection, DESK_LEASE, fresh)
    connection.execute(
        update(DESK_LEASE)
        .where(DESK_LEASE.c.side == side.value)
        .values(lease=DESK_LEASE.c.lease + 1, holder=holder[:80], taken_at=now)
    )
    return int(current(connection, side))


def current(connection: Connection, side: OrderSide) -> int:
    """The newest lease number of a side; 0 when none was ever taken."""
    found = connection.execute(select(DESK_LEASE.c.lease).where(DESK_LEASE.c.side == side.value)).scalar()
    return 0 if found is None else int(found)
