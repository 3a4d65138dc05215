"""Our ledger against the exchange's, to the share and to the won."""

from typing import Any

from jennie_cli.report.ledger_facts import NEVER_SENT, LedgerFacts
from jennie_cli.report.model import Reconciliation

AVERAGE_TOLERANCE_KRW = 0.01


def reconcile(
    facts: LedgerFacts, exchange: dict[str, Any], *, start_cash_krw: int, fees_krw: int, taxes_krw: int
) -> Reconciliation:
    """Compare holdings, orders, fills, costs and cash; every difference shows both sides."""
    account = exchange["accounts"][0]
    found: list[str] = []
    compared = 0

    def compare(what: str, ours: Any, theirs: Any) -> None:
        nonlocal compared
        compared += 1
        if ours != theirs:
            found.append(f"{what}: ours {ours}, exchange {theirs}")

    ours = {row["stock_code"]: row for row in facts.positions}
    theirs = {row["code"]: row for row in account["holdings"]}
    for code in sorted(ours.keys() | theirs.keys()):
        mine, its = ours.get(code), theirs.get(code)
        compare(
            f"{code} quantity",
            None if mine is None else mine["quantity"] + mine["external_quantity"],
            None if its is None else its["quantity"],
        )
        if mine is not None and its is not None:
            compared += 1
            if abs(mine["average_price_krw"] - its["average_price_krw"]) > AVERAGE_TOLERANCE_KRW:
                found.append(f"{code} average: ours {mine['average_price_krw']}, exchange {its['average_price_krw']}")
    placed = {
        row["order_number"]: row for row in facts.intents if row["state"] not in NEVER_SENT and row["order_number"]
    }
    new_orders = {_number(row["order_number"]): row for row in exchange["orders"] if row["action"] == "new"}
    compare("orders placed", len(placed), len(new_orders))
    for number, intent in sorted(placed.items()):
        order = new_orders.get(_number(number))
        compare(
            f"order {number} filled", intent["filled_quantity"], None if order is None else order["filled_quantity"]
        )
    compare("fees", fees_krw, account["fees_krw"])
    compare("taxes", taxes_krw, account["taxes_krw"])
    cash = start_cash_krw - fees_krw - taxes_krw
    for fill in facts.fills:
        amount = fill["quantity"] * fill["price_krw"]
        cash += amount if fill["side"] == "sell" else -amount
    compare("cash", cash, account["cash_krw"])
    return Reconciliation(
        matches=not found,
        differences=tuple(found),
        compared=compared,
        cash_ours_krw=cash,
        cash_exchange_krw=account["cash_krw"],
    )


def _number(value: Any) -> int:
    return int(value)
