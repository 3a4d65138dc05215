"""Both sides of a drill as one reads them: our ledger, and the exchange's, which is the judge (I1, I2)."""

from typing import Any

from sqlalchemy import Engine, select

from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.report.ledger_facts import costs, read_facts
from jennie_cli.report.model import Reconciliation
from jennie_cli.report.reconcile import reconcile
from jennie_core.domain.enums import OrderState
from jennie_infra.db.repositories.tables import DECISION_LOG, INTENT, PORTFOLIO, SIGNAL_LOG
from tests.drills.exchange import CASH_KRW
from tests.integration.desk_rig import DAY

NO_FAULT = -1
"""An id that no fault has."""


class Exchange(ExchangeAdmin):
    """The admin port, with what the drills need beside; it remembers what was done by hand."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(port, token)
        self.by_hand: set[int] = set()

    def trade_by_hand(self, code: str, side: str, quantity: int) -> dict[str, Any]:
        """What somebody does in the broker's own app."""
        order = self._call("POST", "/admin/external-trade", {"code": code, "side": side, "quantity": quantity})
        self.by_hand.add(int(order["order_number"]))
        return order

    def cancel_by_hand(self, number: int) -> dict[str, Any]:
        """Somebody cancels an order of ours in the broker's own app."""
        return self._call("POST", "/admin/external-trade", {"cancel": number})

    def halt(self, code: str, *, halted: bool = True, auction_seconds: int = 10) -> None:
        """Begin or end a trading halt of a code."""
        self._call("POST", "/admin/halt", {"code": code, "halted": halted, "auction_seconds": auction_seconds})

    def lift_fill_caps(self) -> None:
        """What a switched-on partial fill has held back may trade from now on; the other faults stay."""
        self._call("POST", "/admin/faults", {"clear": NO_FAULT})

    def hits(self, name: str) -> int:
        """How often a fault has struck so far."""
        return sum(row["hits"] for row in self._call("GET", "/admin/faults")["faults"] if row["name"] == name)


class Books:
    """Reads of both ledgers."""

    engine: Engine
    admin: Exchange

    def exchange_state(self) -> dict[str, Any] | None:
        """/admin/state; None while the exchange does not answer."""
        try:
            return self.admin.state()
        except UserError:
            return None

    def rows(self, table: Any, **equal: Any) -> list[dict[str, Any]]:
        """Rows of our ledger."""
        statement = select(table)
        for name, value in equal.items():
            statement = statement.where(table.c[name] == value)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def intents(self, **equal: Any) -> list[dict[str, Any]]:
        """Our intents."""
        return self.rows(INTENT, **equal)

    def state(self, code: str) -> str:
        """State of the only intent of a code; fails with the refusal when there is none."""
        found = self.intents(stock_code=code)
        assert len(found) == 1, f"{len(found)} intents of {code}; signals: {self.signals(stock_code=code)}"
        state: str = found[0]["state"]
        return state

    def unresolved(self, side: str) -> list[str]:
        """Intents of a side whose end is not known."""
        return [row["intent_id"] for row in self.intents(side=side) if not OrderState(row["state"]).is_terminal]

    def signals(self, **equal: Any) -> list[tuple[str, str | None]]:
        """(outcome, rule) of the signals and sell orders."""
        return [(row["outcome"], row["refusal_rule"]) for row in self.rows(SIGNAL_LOG, **equal)]

    def refusals(self, **equal: Any) -> list[str]:
        """Rules of the refusals that were recorded beside the outcomes."""
        return [row["rule"] for row in self.rows(DECISION_LOG, **equal)]

    def ours(self) -> dict[str, tuple[int, int]]:
        """(managed, external) shares of our ledger."""
        return {row["stock_code"]: (row["quantity"], row["external_quantity"]) for row in self.rows(PORTFOLIO)}

    def orders(self, code: str, action: str = "new") -> list[dict[str, Any]]:
        """Orders of a code in the exchange's ledger."""
        return [row for row in self.admin.ledger()["orders"] if row["code"] == code and row["action"] == action]

    def theirs(self) -> dict[str, int]:
        """Shares in the exchange's ledger."""
        return {row["code"]: row["quantity"] for row in self.admin.ledger()["accounts"][0]["holdings"]}

    def agree(self) -> Reconciliation:
        """I1 and I2: our ledger against the exchange's, to the share and the won; hand-made trades are set apart."""
        with self.engine.connect() as connection:
            facts = read_facts(connection, DAY)
            fees, taxes = costs(connection, DAY)
        numbers = [row["order_number"] for row in facts.intents if row["order_number"]]
        assert len(numbers) == len(set(numbers)), "I1: one order of the broker stands for two intents"
        ledger = _folded(_without(self.admin.ledger(), self.admin.by_hand))
        found = reconcile(facts, ledger, start_cash_krw=CASH_KRW, fees_krw=fees, taxes_krw=taxes)
        foreign = {f"{row['stock_code']} average:" for row in facts.positions if row["external_quantity"]}
        left = tuple(each for each in found.differences if not any(each.startswith(name) for name in foreign))
        return found.model_copy(update={"differences": left, "matches": not left})


def _without(ledger: dict[str, Any], by_hand: set[int]) -> dict[str, Any]:
    """The exchange's ledger as it would be without the trades made by hand; shares stay, they are really there."""
    if not by_hand:
        return ledger
    account = dict(ledger["accounts"][0])
    for fill in ledger["fills"]:
        if int(fill["order_number"]) in by_hand:
            sign = 1 if fill["side"] == "sell" else -1
            account["cash_krw"] -= sign * fill["amount_krw"] - fill["fee_krw"] - fill["tax_krw"]
            account["fees_krw"] -= fill["fee_krw"]
            account["taxes_krw"] -= fill["tax_krw"]
    orders = [row for row in ledger["orders"] if int(row["order_number"]) not in by_hand]
    return {**ledger, "orders": orders, "accounts": [account]}


def _folded(ledger: dict[str, Any]) -> dict[str, Any]:
    """Revised orders under their first number: to us they are one intent."""
    orders = {int(row["order_number"]): dict(row) for row in ledger["orders"]}
    for row in ledger["orders"]:
        root = row
        while root["action"] == "revise":
            root = orders[int(root["original_number"])]
        if row["action"] == "revise":
            orders[int(root["order_number"])]["filled_quantity"] += row["filled_quantity"]
    return {**ledger, "orders": list(orders.values())}
