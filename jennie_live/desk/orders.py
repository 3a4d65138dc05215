"""The desk's orders in memory: today's intents with what the tracker knows beyond their rows."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from jennie_core.domain.orders import ExecutionNotice
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.tracked_order import TrackedOrder


@dataclass(slots=True)
class WorkingOrder(TrackedOrder):
    """A tracked order in a process where a notice and a reading may meet."""

    booking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held from the look at what is booked until the booking is stored."""


class OrderBookOfDay:
    """All orders of one side and day by intent and by broker's number, and notices that came before their order."""

    def __init__(self) -> None:
        self._by_id: dict[str, WorkingOrder] = {}
        self._by_number: dict[str, WorkingOrder] = {}
        self._early: dict[str, list[ExecutionNotice]] = {}

    def __iter__(self) -> Iterator[WorkingOrder]:
        return iter(self._by_id.values())

    def intents(self) -> Iterator[Intent]:
        """Intents of the day, oldest first."""
        return (order.intent for order in self._by_id.values())

    def add(self, intent: Intent) -> WorkingOrder:
        """Follow an intent."""
        order = WorkingOrder(intent)
        self._by_id[intent.intent_id] = order
        self.index(order)
        return order

    def remove(self, intent_id: str) -> None:
        """Forget an intent that was never stored."""
        self._by_id.pop(intent_id, None)

    def index(self, order: WorkingOrder) -> list[ExecutionNotice]:
        """Remember the broker's number of an order; returns the notices that came before it was known."""
        number = order.intent.order_number
        if number is None:
            return []
        self._by_number[number] = order
        return self._early.pop(number, [])

    def keep_early(self, notice: ExecutionNotice) -> None:
        """A notice of an order that is not known yet."""
        self._early.setdefault(notice.order_number, []).append(notice)

    def find(self, intent_id: str) -> WorkingOrder | None:
        """An order by its intent."""
        return self._by_id.get(intent_id)

    def by_number(self, *numbers: str) -> WorkingOrder | None:
        """An order by the broker's number; the first number that is known counts."""
        return next((self._by_number[number] for number in numbers if number in self._by_number), None)

    def numbers(self) -> set[str]:
        """Broker's numbers that belong to an intent."""
        return set(self._by_number)

    def unresolved(self, code: str | None = None) -> list[WorkingOrder]:
        """Orders whose fate is open (O1)."""
        return [
            order
            for order in self._by_id.values()
            if order.intent.is_unresolved and code in (None, order.intent.stock_code)
        ]

    def working(self) -> list[WorkingOrder]:
        """Orders the broker has, still able to fill or to be read again."""
        return [
            order for order in self._by_id.values() if order.is_working or (order.must_read and not order.is_unknown)
        ]

    def unknown(self) -> list[WorkingOrder]:
        """Orders of unknown fate."""
        return [order for order in self._by_id.values() if order.is_unknown]

    def begin_day(self, intents: list[Intent]) -> None:
        """Start over with the given intents."""
        self._by_id.clear()
        self._by_number.clear()
        self._early.clear()
        for intent in intents:
            self.add(intent)
