"""One intent may have several numbers at the broker: a revision (정정) books a new order and kills the old number."""

from collections.abc import Mapping
from dataclasses import dataclass

from jennie_core.domain.orders import BrokerOrder


@dataclass(frozen=True, slots=True)
class Lineage:
    """An order with all that became of it. `row` sums up its numbers, `live_number` is the one that may still fill."""

    row: BrokerOrder
    live_number: str


def lineage(rows: Mapping[str, BrokerOrder], number: str) -> Lineage | None:
    """Follow an order through its revisions and cancels in the broker's list; None when the list lacks it."""
    root = rows.get(number)
    if root is None:
        return None
    members, found = [root], {number}
    for row in sorted(rows.values(), key=lambda each: each.order_number):
        if row.original_order_number in found and row.order_number not in found:
            found.add(row.order_number)
            members.append(row)
    if len(members) == 1:
        return Lineage(root, number)
    filled = sum(row.filled_quantity for row in members)
    amount = sum(row.filled_amount_krw for row in members)
    live = [row for row in members if row.remaining_quantity > 0 and not row.is_cancelled]
    whole = root.model_copy(
        update={
            "filled_quantity": filled,
            "filled_amount_krw": amount,
            "average_price_krw": amount / filled if filled else 0.0,
            "remaining_quantity": sum(row.remaining_quantity for row in live),
            "is_cancelled": not live,
        }
    )
    return Lineage(whole, live[-1].order_number if live else number)
