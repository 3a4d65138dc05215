"""Profit and loss of a period from what is held, what it was worth at the start, and the money that moved (O5).

P&L = value now - value of the starting shares at the reference close + money from sells - money for buys, net of costs.
Shares sold since are measured against the reference close too, so a carried gain never hides a loss of today.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_infra.db.repositories.tables import FILL


@dataclass(frozen=True, slots=True)
class Flow:
    """Shares and money of one code that moved: `quantity` is positive for shares bought, `cash_krw` for money got."""

    stock_code: str
    day: date
    quantity: int
    cash_krw: int


def period_pnl_krw(
    held: Mapping[str, int],
    prices: Mapping[str, float | None],
    reference_closes: Mapping[str, float | None],
    flows: Iterable[Flow],
) -> int | None:
    """Won gained since the reference close; None when a price that matters is unknown."""
    bought: dict[str, int] = {}
    total = 0.0
    for flow in flows:
        bought[flow.stock_code] = bought.get(flow.stock_code, 0) + flow.quantity
        total += flow.cash_krw
    for code in held.keys() | bought.keys():
        now = held.get(code, 0)
        start = now - bought.get(code, 0)
        if now:
            price = prices.get(code)
            if price is None:
                return None
            total += now * price
        if start:
            reference = reference_closes.get(code)
            if reference is None:
                return None
            total -= start * reference
    return int(total // 1)


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
