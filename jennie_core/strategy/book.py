"""What an executor knows of the account without asking: positions, cash, today's counts, each with its age (B2)."""

from dataclasses import dataclass
from datetime import date, datetime

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.orders import AccountBalance
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.settled import Settled

BALANCE_EVERY_US = 60_000_000
HOUR_US = 3_600_000_000
BALANCE_LIFE_US = 180_000_000
"""A balance is asked for every minute of market time in session; three minutes without one make cash unknown (I4)."""


@dataclass(frozen=True, slots=True)
class Cash:
    """Won that may be spent now, and the whole account at the same instant."""

    orderable_krw: int
    total_krw: int


@dataclass(frozen=True, slots=True)
class PositionChange:
    """Another desk's change of a position that came into force."""

    event: PositionEvent
    before: Position | None


class Book:
    """Positions and cash of one desk. Own fills count at once, those of the other desk by decision 0001."""

    def __init__(self, clock: Settled) -> None:
        self._clock = clock
        self._positions: dict[str, Position] = {}
        self._changed_us: dict[str, int] = {}
        self._waiting: list[PositionEvent] = []
        self._balance: AccountBalance | None = None
        self._balance_us: int | None = None
        self._reserved: dict[str, int] = {}
        self.balance_is_stale = True

    @property
    def positions(self) -> dict[str, Position]:
        """Managed and external holdings by code; read only."""
        return self._positions

    @property
    def balance(self) -> AccountBalance | None:
        """The broker's account as last read."""
        return self._balance

    @property
    def balance_us(self) -> int | None:
        """Market time of the balance."""
        return self._balance_us

    def load(self, positions: dict[str, Position]) -> None:
        """Replace all positions by the ledger's."""
        self._positions = dict(positions)
        self._changed_us.clear()
        self._waiting.clear()

    def put(self, position: Position, now_us: int) -> None:
        """Take a position that this desk has just committed."""
        self._changed_us[position.stock_code] = now_us
        self._set(position)

    def offer(self, event: PositionEvent) -> None:
        """Take note of another desk's change; it comes into force at a settled mark."""
        self._waiting.append(event)

    def settle(self) -> list[PositionChange]:
        """Bring other desks' changes into force whose time has come; returns them."""
        due = [event for event in self._waiting if self._clock.may_use(event.occurred_at)]
        if due:
            self._waiting = [event for event in self._waiting if not self._clock.may_use(event.occurred_at)]
        changes: list[PositionChange] = []
        for event in due:
            changes.append(PositionChange(event, self._positions.get(event.position.stock_code)))
            own = self._changed_us.get(event.position.stock_code)
            if own is None or own <= to_epoch_us(event.occurred_at):
                self._set(event.position)
            self.balance_is_stale = self.balance_is_stale or event.cash_changed
        return changes

    def take_balance(self, balance: AccountBalance, now_us: int, keep: set[str]) -> None:
        """Take a fresh balance; the broker has counted every order but the ones in `keep`."""
        self._balance, self._balance_us, self.balance_is_stale = balance, now_us, False
        self._reserved = {intent: amount for intent, amount in self._reserved.items() if intent in keep}

    def wants_balance(self, now_us: int, hours: SessionTimes) -> bool:
        """Whether the balance is to be read: after a change, and every minute of market time around the session."""
        aged = self._balance_us is None or now_us - self._balance_us >= BALANCE_EVERY_US
        return self.balance_is_stale or (aged and hours.open_us - HOUR_US <= now_us < hours.last_trade_us)

    def has_balance_of(self, now_us: int, age_us: int) -> bool:
        """Whether the newest balance is at most that old."""
        return self._balance_us is not None and now_us - self._balance_us <= age_us

    def reserve(self, intent_id: str, amount_krw: int) -> None:
        """Set cash aside before an order is sent (O5)."""
        self._reserved[intent_id] = amount_krw

    def release(self, intent_id: str) -> None:
        """Give back the cash of an order that was certainly not placed."""
        self._reserved.pop(intent_id, None)

    def cash(self, now: datetime) -> Cash | None:
        """Cash that may be spent; None when the balance was never read or is too old (I4)."""
        if self._balance is None or self._balance_us is None:
            return None
        if to_epoch_us(now) - self._balance_us > BALANCE_LIFE_US:
            return None
        orderable = self._balance.orderable_cash_krw - sum(self._reserved.values())
        held = sum(holding.evaluation_krw for holding in self._balance.holdings)
        return Cash(orderable, self._balance.orderable_cash_krw + held)

    def price_of(self, code: str) -> int | None:
        """Price of a holding at the last balance."""
        if self._balance is None:
            return None
        found = next((holding for holding in self._balance.holdings if holding.stock_code == code), None)
        return found.current_price_krw if found is not None and found.current_price_krw > 0 else None

    def price_now(self, code: str, day: date | None) -> float | None:
        """Price of a holding now: the broker's at the last balance, or what was paid on `day` after it was read.

        A later balance without the holding makes it unknown: what was paid is no price any more (I4).
        """
        known = self.price_of(code)
        if known is not None:
            return known
        position, bought_us = self._positions.get(code), self._changed_us.get(code)
        if position is None or position.bought_on != day or bought_us is None:
            return None
        is_newer = self._balance_us is None or bought_us >= self._balance_us
        return position.average_price_krw if is_newer else None

    def _set(self, position: Position) -> None:
        if position.quantity == 0 and position.external_quantity == 0:
            self._positions.pop(position.stock_code, None)
        else:
            self._positions[position.stock_code] = position
