"""What today's buy orders say about the next one (R-BUY-08, R-BUY-10)."""

from collections.abc import Iterable
from datetime import date, datetime

from jennie_core.domain.decisions import Refusal
from jennie_live.desk.orders import WorkingOrder


def buys_on(orders: Iterable[WorkingOrder], day: date) -> int:
    """R-BUY-08: buys of a day; one counts when it filled or still may."""
    return sum(
        1
        for order in orders
        if order.intent.market_day == day and (order.intent.filled_quantity > 0 or order.intent.is_unresolved)
    )


def just_tried(orders: Iterable[WorkingOrder], code: str, now: datetime, rest_seconds: int) -> Refusal | None:
    """R-BUY-10: a code that was just tried without success rests, so that no order is sent again at once."""
    for order in orders:
        age = (now - order.intent.market_at).total_seconds()
        if order.intent.stock_code == code and not order.intent.filled_quantity and age < rest_seconds:
            return Refusal(rule="R-BUY-10", detail="this stock was just tried", value=round(age, 1), limit=rest_seconds)
    return None
