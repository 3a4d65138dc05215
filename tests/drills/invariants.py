"""I1 to I6, judged at the end of every drill against the exchange's own ledger."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from jennie_core.domain.signals import Alert
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.db.repositories.tables import SIGNAL_LOG
from tests.drills.books import Books

OUTCOMES = {"ordered", "refused", "expired", "suppressed", "parked"}


def broken_orders(books: Books) -> list[str]:
    """I1: every order of the exchange that was not made by hand belongs to one intent, and no two to the same."""
    numbers = Counter(int(row["order_number"]) for row in books.intents() if row["order_number"])
    placed = {int(row["order_number"]) for row in books.admin.ledger()["orders"] if row["action"] == "new"}
    placed -= books.admin.by_hand
    found = [f"I1: order {number} stands for {count} intents" for number, count in numbers.items() if count > 1]
    found += [f"I1: order {number} of the exchange has no intent" for number in sorted(placed - numbers.keys())]
    return found + [f"I1: order {number} is not at the exchange" for number in sorted(numbers.keys() - placed)]


def open_requests(books: Books, published: Iterable[str]) -> list[str]:
    """I3: signals and sell orders that did not end in exactly one recorded outcome."""
    outcomes: dict[str, list[str]] = {}
    for row in books.rows(SIGNAL_LOG):
        outcomes.setdefault(row["signal_id"], []).append(row["outcome"])
    found = []
    for request_id in dict.fromkeys(published):
        ends = outcomes.get(request_id, [])
        if len(ends) != 1 or ends[0] not in OUTCOMES:
            found.append(f"I3: {request_id} ended as {ends or 'nothing'}")
    refused = [row for row in books.rows(SIGNAL_LOG) if row["outcome"] == "refused" and not row["refusal_rule"]]
    return found + [f"I3: {row['signal_id']} was refused without a rule" for row in refused]


async def alerts(redis: AsyncRedis) -> list[Alert]:
    """Every alert that was said, oldest first."""
    reply: Any = await redis.xrange(Streams.ALERTS.value)
    entries = [decode_entry(entry_id.decode(), fields).message for entry_id, fields in reply]
    return [message for message in entries if isinstance(message, Alert)]


def repeated_alerts(said: list[Alert]) -> list[str]:
    """I5: alerts that one process said again before their end."""
    standing: set[tuple[str, str]] = set()
    found = []
    for alert in said:
        key = (alert.service, alert.alert_id)
        if alert.cleared:
            standing.discard(key)
        elif key in standing:
            found.append(f"I5: {alert.alert_id} was said twice by {alert.service}")
        else:
            standing.add(key)
    return found


def standing_alerts(said: list[Alert]) -> set[str]:
    """Ids of alerts whose end has not been said."""
    standing: set[str] = set()
    for alert in said:
        standing = standing - {alert.alert_id} if alert.cleared else standing | {alert.alert_id}
    return standing
