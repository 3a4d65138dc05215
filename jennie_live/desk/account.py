"""Keeps a desk's book equal to the broker's account: reconciliations when they are due, the balance by its age."""

from collections.abc import Awaitable, Callable

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.orders import AccountBalance
from jennie_core.domain.positions import Position
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.agenda import Agenda
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.desk.desk import Desk
from jennie_live.desk.reconcile import BALANCE_UNKNOWN, Reconciled, Reconciler, compare

READ_AGAIN_US = 15_000_000
"""Pause after a reading that failed or was not believed: one that hangs holds up a desk, and its exits, for seconds."""


class AccountKeeper:
    """Reconciles on the agenda and reads the balance in between; all at the market time of the event in hand."""

    def __init__(
        self,
        runtime: Runtime,
        desk: Desk,
        reconciler: Reconciler,
        agenda: Agenda,
        tell_adopted: Callable[[Position], Awaitable[None]],
    ) -> None:
        self._runtime = runtime
        self._desk = desk
        self._reconciler = reconciler
        self._agenda = agenda
        self._tell_adopted = tell_adopted
        self.last: Reconciled | None = None
        self._rests_until_us = 0

    async def reconcile_if_due(self) -> None:
        """Run the reconciliation that the agenda asks for, if any."""
        if self._desk.external_trade_seen:
            self._agenda.want("external")
        now_us = self._desk.now_us
        hours = session_times(from_epoch_us(now_us).date())
        trigger = self._agenda.due(
            now_us,
            open_us=hours.open_us,
            close_us=hours.close_us,
            final_us=int(hours.after_market_end_at.timestamp()) * 1_000_000,
            is_busy=bool(self._desk.orders.unresolved()) or self._desk.changed,
        )
        if trigger is not None and not self._rests:
            await self.reconcile(trigger)

    async def reconcile(self, trigger: str) -> Reconciled | None:
        """Reconcile now; None when the broker could not be read, to be tried again."""
        result = await self._reconciler.run(trigger)
        if result is None:
            self._rest()
            return None
        self._agenda.done(trigger, self._desk.now_us)
        self._desk.changed = self._desk.external_trade_seen = False
        self._take_balance(result.balance)
        self.last = result
        for position in result.adopted:
            self._desk.book.put(position, self._desk.now_us)
            await self._tell_adopted(position)
        return result

    async def refresh_balance(self) -> None:
        """Read the balance when an order changed it, and every minute of market time around the session."""
        book, now_us = self._desk.book, self._desk.now_us
        hours = session_times(from_epoch_us(now_us).date())
        if not book.wants_balance(now_us, hours) or self._rests:
            return
        try:
            balance = await self._desk.gateway.balance()
        except GatewayError as error:
            self._rest()
            get_logger().warning("balance unknown", error=str(error))
            await self._runtime.alert(BALANCE_UNKNOWN, "warning", f"the balance cannot be read: {error}")
            return
        await self._runtime.clear_alert(BALANCE_UNKNOWN)
        if self._differs(balance) or self._desk.unreconciled:
            await self.reconcile("difference")  # takes the balance if it is believed
            return
        self._take_balance(balance)

    async def has_balance_of(self, age_us: int) -> bool:
        """Between two marks: read the balance unless a younger one is known; False when it is unknown or disputed."""
        book, now_us = self._desk.book, self._desk.now_us
        if book.has_balance_of(now_us, age_us):
            return True
        if self._rests:
            return False
        try:
            balance = await self._desk.gateway.balance()
        except GatewayError as error:
            get_logger().warning("balance unknown", error=str(error))
            return False
        if self._differs(balance):
            return False
        self._take_balance(balance)
        return True

    @property
    def _rests(self) -> bool:
        return self._desk.now_us < self._rests_until_us

    def _rest(self) -> None:
        self._rests_until_us = self._desk.now_us + READ_AGAIN_US

    def _differs(self, balance: AccountBalance) -> bool:
        """Whether the reading has other shares than our books, orders under way set aside."""
        under_way = {order.intent.stock_code for order in self._desk.orders.unresolved()}
        _, differences = compare(self._desk.book.positions, balance.holdings, under_way)
        return any(each.kind == "quantity" for each in differences)

    def _take_balance(self, balance: AccountBalance) -> None:
        unknown = {order.intent.intent_id for order in self._desk.orders.unknown()}
        self._desk.book.take_balance(balance, self._desk.now_us, unknown)
