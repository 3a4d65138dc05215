"""When a buy desk reads the account: on the agenda of reconciliations, by age, and after every change (R-REC-06)."""

from typing import TYPE_CHECKING, Any

from jennie_core.domain.base import to_epoch_us
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.agenda import Agenda

if TYPE_CHECKING:  # the desk is made of this part
    from jennie_core.replay.day_desk import DayDesk


class AccountReader:
    """Takes balances for one desk at the times at which the live desk takes them."""

    def __init__(self, desk: "DayDesk[Any]") -> None:
        self._desk = desk
        self._agenda = Agenda()
        self._hours = session_times(desk.start.day)

    def settle(self) -> None:
        """What is due at the settled mark in hand."""
        desk, hours = self._desk, self._hours
        trigger = self._agenda.due(
            desk.now_us,
            open_us=hours.open_us,
            close_us=hours.close_us,
            final_us=to_epoch_us(hours.after_market_end_at),
            is_busy=bool(desk.unresolved()) or desk.changed,
        )
        if trigger is not None:
            self._reconcile(trigger)
        self._refresh()

    def has_balance_of(self, age_us: int) -> bool:
        """Between two marks: take the balance unless a younger one is known; False when it is disputed."""
        if self._desk.book.has_balance_of(self._desk.now_us, age_us):
            return True
        if self._differs():
            return False
        self._take()
        return True

    def _reconcile(self, trigger: str) -> None:
        self._desk.read_back(self._desk.open_or_short())
        self._agenda.done(trigger, self._desk.now_us)
        self._desk.changed = False
        self._take()

    def _refresh(self) -> None:
        if not self._desk.book.wants_balance(self._desk.now_us, self._hours):
            return
        if self._differs():
            self._reconcile("difference")
        else:
            self._take()

    def _take(self) -> None:
        self._desk.book.take_balance(self._desk.broker.balance(), self._desk.now_us, set())

    def _differs(self) -> bool:
        """Whether the account has other shares than this desk's book, orders under way set aside."""
        under_way = {intent.stock_code for intent in self._desk.unresolved()}
        there = {each.stock_code: each.quantity for each in self._desk.broker.balance().holdings}
        ours = {code: each.quantity + each.external_quantity for code, each in self._desk.book.positions.items()}
        return any(there.get(code, 0) != ours.get(code, 0) for code in (there.keys() | ours.keys()) - under_way)
