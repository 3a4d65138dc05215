"""Flows of booked fills, read from the ledger (O5)."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_core.strategy.profit import Flow
from jennie_infra.db.repositories.tables import FILL


def flows_between(connection: Connection, first: date, last: date) -> list[Flow]:
    """Flows of booked fills, one per code, side and day."""
    statement = (
        select(
            FILL.c.stock_code,
            FILL.c.market_day,
            FILL.c.side,
            func.sum(FILL.c.quantity).label("quantity"),
            func.sum(FILL.c.quantity * FILL.c.price_krw).label("amount"),
            func.sum(FILL.c.fee_krw + FILL.c.tax_krw).label("costs"),
        )
        .where(FILL.c.market_day.between(first, last))
        .group_by(FILL.c.stock_code, FILL.c.market_day, FILL.c.side)
    )
    found: list[Flow] = []
    for row in connection.execute(statement).mappings():
        sign = 1 if row["side"] == OrderSide.BUY.value else -1
        cash = -sign * int(row["amount"]) - int(row["costs"])
        found.append(Flow(row["stock_code"], row["market_day"], sign * int(row["quantity"]), cash))
    return found
