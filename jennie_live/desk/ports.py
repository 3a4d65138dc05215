"""What the desk needs of the gateway; `GatewayClient` has it, tests bring a fake (one seam)."""

from datetime import date
from typing import Protocol

from jennie_core.domain.market import DailyBar, Quote, SessionDay
from jennie_core.domain.orders import AccountBalance, BrokerOrder, CancelRequest, OrderReply, OrderRequest


class BrokerDoor(Protocol):
    """The broker behind the gateway. Reads raise GatewayError; order calls answer with an outcome, always."""

    async def quote(self, code: str) -> Quote:
        """Current quote of a code."""
        ...

    async def daily_bars(self, code: str, sessions: int, until: date | None = None) -> list[DailyBar]:
        """Daily bars, oldest first."""
        ...

    async def balance(self) -> AccountBalance:
        """Cash and holdings."""
        ...

    async def session_days(self, start: date) -> list[SessionDay]:
        """The broker's calendar."""
        ...

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        """Every order of a day."""
        ...

    async def open_orders(self) -> list[BrokerOrder]:
        """Orders that can still fill."""
        ...

    async def claim_codes(self, claimant: str, codes: list[str]) -> None:
        """Which codes are wanted in real time."""
        ...

    async def place(self, order: OrderRequest) -> OrderReply:
        """Send an order once."""
        ...

    async def cancel(self, request: CancelRequest) -> OrderReply:
        """Cancel the rest of an order."""
        ...
