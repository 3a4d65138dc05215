"""The exchange's append-only record: the judge when two sides disagree."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from jennie_sim.exchange.account import Account
from jennie_sim.exchange.orders import Fill, Order


class Ledger:
    """Events in the order in which they happened; with a path, each is also appended to a file as one JSON line."""

    def __init__(self, path: Path | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self._file = path.open("ab") if path else None

    def append(self, event: str, at_ms: int, facts: dict[str, Any]) -> None:
        """Record one event; nothing is ever changed or removed."""
        row = {**facts, "seq": len(self.events) + 1, "event": event, "at_ms": at_ms}
        self.events.append(row)
        if self._file:
            self._file.write(orjson.dumps(row) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None


def order_facts(order: Order) -> dict[str, Any]:
    """An order as plain data."""
    return {
        "order_number": order.number,
        "original_number": order.original_number,
        "account": order.account,
        "code": order.code,
        "side": order.side.value,
        "action": order.action,
        "kind": order.kind.value,
        "lifetime": order.lifetime.value,
        "quantity": order.quantity,
        "price_krw": order.price_krw,
        "accepted_at_ms": order.accepted_at_ms,
        "status": order.status.value,
        "filled_quantity": order.filled_quantity,
        "filled_amount_krw": order.filled_amount_krw,
        "cancelled_quantity": order.cancelled_quantity,
        "rejected_quantity": order.rejected_quantity,
        "remaining_quantity": order.remaining,
    }


def fill_facts(fill: Fill) -> dict[str, Any]:
    """A fill as plain data."""
    return {
        "fill_number": fill.number,
        "order_number": fill.order_number,
        "code": fill.code,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price_krw": fill.price_krw,
        "amount_krw": fill.amount_krw,
        "at_ms": fill.at_ms,
        "fee_krw": fill.fee_krw,
        "tax_krw": fill.tax_krw,
        "realized_pnl_krw": fill.realized_pnl_krw,
    }


def account_facts(account: Account) -> dict[str, Any]:
    """Cash, costs and holdings of an account as plain data."""
    return {
        "account": account.number,
        "opening_cash_krw": account.opening_cash_krw,
        "cash_krw": account.cash_krw,
        "reserved_krw": account.reserved_krw,
        "orderable_krw": account.orderable_krw,
        "deposit_krw": account.settled_krw(0),
        "deposit_next_day_krw": account.settled_krw(1),
        "fees_krw": account.fees_krw,
        "taxes_krw": account.taxes_krw,
        "realized_pnl_krw": account.realized_pnl_krw,
        "holdings": [
            {
                "code": position.code,
                "quantity": position.quantity,
                "carried_quantity": position.carried_quantity,
                "average_price_krw": round(float(position.average_price), 4),
                "cost_krw": position.cost_krw,
            }
            for position in sorted(account.positions.values(), key=lambda position: position.code)
            if position.quantity
        ],
    }


def ledger_hash(orders: Iterable[Order], accounts: Iterable[Account]) -> str:
    """SHA-256 over what was ordered, filled and owned, without order numbers.

    Numbers are left out because two clients may reach the exchange in either order within one instant; everything that
    money depends on is in.
    """
    order_rows = sorted(
        orjson.dumps(
            [
                *(order.accepted_at_ms, order.account, order.code, order.side.value, order.action, order.kind.value),
                *(order.lifetime.value, order.price_krw, order.quantity, order.status.value, order.cancelled_quantity),
                [[fill.at_ms, fill.quantity, fill.price_krw, fill.fee_krw, fill.tax_krw] for fill in order.fills],
            ]
        )
        for order in orders
    )
    account_rows = sorted(orjson.dumps(account_facts(account), option=orjson.OPT_SORT_KEYS) for account in accounts)
    return hashlib.sha256(b"\n".join([*order_rows, b"", *account_rows])).hexdigest()
