"""Profit and loss of a period from what is held, what it was worth at the start, and the money that moved (O5).

P&L = value now - value of the starting shares at the reference close + money from sells - money for buys, net of costs.
Shares sold since are measured against the reference close too, so a carried gain never hides a loss of today.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.positions import Position, PositionEvent


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


def flow_of_sale(before: Position | None, event: PositionEvent, day: date) -> Flow | None:
    """Money of another desk's sale: what it realised on the average price it sold at; None when nothing was sold."""
    if before is None:
        return None
    sold = before.quantity - event.position.quantity
    if sold <= 0:
        return None
    cash = round(before.average_price_krw * sold) + event.realized_pnl_krw
    return Flow(event.position.stock_code, day, -sold, cash)
