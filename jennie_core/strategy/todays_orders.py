"""What today's buy orders say about the next one (R-BUY-08, R-BUY-10)."""

from collections.abc import Iterable
from datetime import date, datetime

from jennie_core.domain.decisions import Refusal
from jennie_core.strategy.intent import Intent


def buys_on(intents: Iterable[Intent], day: date) -> int:
    """R-BUY-08: buys of a day; one counts when it filled or still may."""
    return sum(
        1 for intent in intents if intent.market_day == day and (intent.filled_quantity > 0 or intent.is_unresolved)
    )


def just_tried(intents: Iterable[Intent], code: str, now: datetime, rest_seconds: int) -> Refusal | None:
    """R-BUY-10: a code that was just tried without success rests, so that no order is sent again at once."""
    for intent in intents:
        age = (now - intent.market_at).total_seconds()
        if intent.stock_code == code and not intent.filled_quantity and age < rest_seconds:
            return Refusal(rule="R-BUY-10", detail="this stock was just tried", value=round(age, 1), limit=rest_seconds)
    return None
