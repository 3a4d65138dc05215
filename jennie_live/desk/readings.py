"""Whether a balance can be believed: its shares must be the morning's and the day's executions (drill 12, I4).

A reading that lacks a position, or yesterday's figures, is told from a trade by hand in this way: what was traded by
hand stands in the order list of the day. A share transfer does not; it is believed at the start, around the close, or
once it has stood for half an hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.orders import AccountBalance, BrokerOrder
from jennie_infra.db.repositories import positions
from jennie_infra.gateway_client import GatewayError
from jennie_live.desk.desk import Desk

BELIEVED_AFTER = timedelta(minutes=30)
UNCONFIRMED_TRIGGERS = frozenset({"start", "close", "final"})
"""Reconciliations that believe a second equal reading without an execution: shares may have moved overnight."""


def expected_shares(morning: Mapping[str, int], orders: Iterable[BrokerOrder]) -> dict[str, int]:
    """Shares per code after the executions of the day, whoever ordered them."""
    shares = Counter(morning)
    for order in orders:
        shares[order.stock_code] += order.filled_quantity if order.side is OrderSide.BUY else -order.filled_quantity
    return dict(shares)


class Doubts:
    """Since when the same unexplained shares have been read."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}
        self._since: datetime | None = None

    def have_stood(self, unexplained: Mapping[str, int], now: datetime) -> bool:
        """Whether these very figures have been read for half an hour; other ones begin anew."""
        if self._since is None or self._read != unexplained:
            self._read, self._since = dict(unexplained), now
        return now - self._since >= BELIEVED_AFTER

    def clear(self) -> None:
        """The reading is explained."""
        self._read, self._since = {}, None


class Readings:
    """Judges the balances of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._doubts = Doubts()

    async def doubt(self, trigger: str, balance: AccountBalance, ours: Mapping[str, int]) -> str | None:
        """Why this reading is not the account, if so; `ours` are our shares of the codes on which it differs."""
        if not ours:
            self._doubts.clear()
            return None
        try:
            expected = await self._expected(ours)
        except GatewayError as error:
            return f"it differs from our books, and the order list cannot be read ({error})"
        there = _shares(balance)
        unexplained = {code: there.get(code, 0) for code in ours if there.get(code, 0) != expected.get(code, 0)}
        if not unexplained:
            self._doubts.clear()
            return None
        if trigger in UNCONFIRMED_TRIGGERS and await self._reads_again(unexplained):
            return None
        if self._doubts.have_stood(unexplained, self._desk.now):
            return None
        return "; ".join(
            f"{code}: broker {found}, our books {ours[code]}, the day's executions make {expected.get(code, 0)}"
            for code, found in sorted(unexplained.items())
        )

    async def _expected(self, codes: Iterable[str]) -> dict[str, int]:
        desk = self._desk
        midnight = desk.now.replace(hour=0, minute=0, second=0, microsecond=0)
        orders = await desk.gateway.orders_of_day(desk.now.date())
        morning = await desk.journal.do(
            "read the morning's shares",
            lambda connection: {code: positions.shares_before(connection, code, midnight) for code in codes},
        )
        return expected_shares(morning, orders)

    async def _reads_again(self, unexplained: Mapping[str, int]) -> bool:
        try:
            held = _shares(await self._desk.gateway.balance())
        except GatewayError:
            return False
        return all(held.get(code, 0) == quantity for code, quantity in unexplained.items())


def _shares(balance: AccountBalance) -> dict[str, int]:
    return {holding.stock_code: holding.quantity for holding in balance.holdings}
