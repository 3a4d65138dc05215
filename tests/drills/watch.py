"""What must hold at every slice of every drill, not only at its end: I2 meanwhile, I4 and I6."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from jennie_core.domain.enums import OrderState
from jennie_core.domain.signals import Alert
from jennie_infra.db.repositories.tables import FILL, PORTFOLIO, SIGNAL_LOG
from tests.drills.books import Books
from tests.drills.invariants import standing_alerts

Alerts = Callable[[], Awaitable[list[Alert]]]
"""Reads every alert that was said, oldest first."""
SHOWN_WITHIN = timedelta(seconds=120)
"""A trade by hand that nobody tells us of is found when the balance is next read, once a minute."""
RULES_OF_BUYING = ("R-BUY", "Q3", "R-REC", "FEED-STALE", "LEDGER", "GW-BREAKER", "GW-BUDGET")
"""What blocks buying, rests reads or holds back a new entry: none of them may refuse an exit."""
LOUD = ("BROKER", "GW-")
"""Refusals of an exit that an alert must accompany; BROKER-SHARES means that nothing is left to protect."""


class Watch:
    """Looks at both ledgers after each slice and remembers what was wrong."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._apart_since: dict[str, datetime] = {}
        self._ours: Counter[str] = Counter()
        self._theirs: Counter[str] = Counter()
        self._buys: Counter[str] = Counter()

    async def look(self, books: Books, now: datetime, alerts: Alerts) -> None:
        """One look, market time standing still between two slices."""
        ledger = books.admin.ledger()
        ours = Counter({code: sum(shares) for code, shares in books.ours().items()})
        theirs = Counter({row["code"]: row["quantity"] for row in ledger["accounts"][0]["holdings"]})
        buys = Counter(
            row["code"]
            for row in ledger["orders"]
            if row["action"] == "new" and row["side"] == "buy" and int(row["order_number"]) not in books.admin.by_hand
        )
        apart = {code for code in ours | theirs if ours[code] != theirs[code]}
        self._no_buy_while_apart(apart, buys)
        self._nothing_vanishes(ours, theirs)
        await self._is_shown(books, apart, now, alerts)
        self._ours, self._theirs, self._buys = ours, theirs, buys

    def _no_buy_while_apart(self, apart: set[str], buys: Counter[str]) -> None:
        for code in apart & self._apart_since.keys():
            if buys[code] > self._buys[code]:
                self._say(f"I2: {code} was bought while our books and the broker's differed")

    def _nothing_vanishes(self, ours: Counter[str], theirs: Counter[str]) -> None:
        """I4: a reading that failed never makes a position flat."""
        for code, held in self._ours.items():
            if held and not ours[code] and theirs[code] and theirs[code] >= self._theirs[code]:
                self._say(f"I4: {code} vanished from our books while the broker holds {theirs[code]}")

    async def _is_shown(self, books: Books, apart: set[str], now: datetime, alerts: Alerts) -> None:
        """I2: by its mark, by an order of it under way, or by an alert that names it."""
        self._apart_since = {code: self._apart_since.get(code, now) for code in apart}
        long_apart = {code for code, since in self._apart_since.items() if now - since > SHOWN_WITHIN}
        if not long_apart:
            return
        working = {row["stock_code"] for row in books.intents() if not OrderState(row["state"]).is_terminal}
        marked = {row["stock_code"] for row in books.rows(PORTFOLIO) if not row["reconciled"]}
        standing = standing_alerts(await alerts())
        for code in long_apart - working - marked:
            if not any(code in alert_id for alert_id in standing) and "balance-doubtful" not in standing:
                self._say(f"I2: {code} differs since {self._apart_since[code]:%H:%M:%S} and is not shown")

    def _say(self, what: str) -> None:
        if what not in self.found:
            self.found.append(what)


def made_up_values(books: Books) -> list[str]:
    """I4: shares without a price, fills without one, a position that neither has shares nor is gone."""
    rows: list[dict[str, Any]] = books.rows(PORTFOLIO)
    found = [
        f"I4: {row['stock_code']} is held at an average of {row['average_price_krw']}"
        for row in rows
        if row["quantity"] and not row["average_price_krw"]
    ]
    found += [f"I4: {row['stock_code']} is kept without shares" for row in rows if not _shares(row)]
    return found + [f"I4: fill {row['fill_id']} has no price" for row in books.rows(FILL) if not row["price_krw"]]


def blocked_exits(books: Books, said: list[Alert]) -> list[str]:
    """I6: exits that a rule of buying refused, and exits refused outside without a word to the operator."""
    told = {alert.alert_id for alert in said}
    found = []
    for row in books.rows(SIGNAL_LOG, side="sell"):
        rule, code = row["refusal_rule"] or "", row["stock_code"]
        if rule.startswith(RULES_OF_BUYING):
            found.append(f"I6: the exit {row['signal_id']} was refused by {rule}, a rule of buying")
        if rule.startswith(LOUD) and rule != "BROKER-SHARES" and f"sell-failed-{code}" not in told:
            found.append(f"I6: the exit {row['signal_id']} was refused by {rule}, and nobody was told")
    return found


def _shares(row: dict[str, Any]) -> int:
    shares: int = row["quantity"] + row["external_quantity"]
    return shares
