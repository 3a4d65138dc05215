"""The account-wide request budget with room reserved for orders and cancels (R-GW-01, drill 14).

The broker counts in a sliding window of one second, so does the budget. A leaky bucket (aiolimiter) lets a burst and
the refill of the same second through, nearly twice the limit in one window; hence a window of our own.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jennie_core.domain.enums import Mode
from jennie_infra.kis.errors import BudgetExhaustedError

REQUESTS_PER_SECOND = {Mode.REHEARSAL: 18, Mode.PAPER: 1, Mode.LIVE: 18}
RESERVED_FOR_ORDERS = {Mode.REHEARSAL: 4, Mode.PAPER: 0, Mode.LIVE: 4}
WINDOW_SECONDS = 1.1
"""Longer than the broker's second: requests may bunch together on the way."""
MAX_WAITING_READS = 200


class CallKind(StrEnum):
    """Who asks for room: orders and cancels go before reads and may use all of it."""

    ORDER = "order"
    READ = "read"


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What health shows."""

    in_window: int
    limit: int
    waiting: int
    refused: int


class RequestBudget(Protocol):
    """Room for one request, or BudgetExhaustedError."""

    async def acquire(self, kind: CallKind, caller: str, wait_seconds: float) -> None:
        """Take room for one request, waiting at most `wait_seconds`."""
        ...

    def observe_settled(self, market_us: int) -> None:
        """Market time has settled here."""
        ...

    def use(self) -> BudgetUse:
        """Figures for health."""
        ...


class WallBudget:
    """Sliding window in real time. Waiting reads are served in turn over the callers, so none starves another."""

    def __init__(self, limit: int, reserved: int, window_seconds: float = WINDOW_SECONDS) -> None:
        self._limit = limit
        self._read_limit = max(1, limit - reserved)
        self._window = window_seconds
        self._taken: deque[float] = deque()
        self._orders: deque[asyncio.Future[None]] = deque()
        self._reads: dict[str, deque[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._refused = 0

    async def acquire(self, kind: CallKind, caller: str, wait_seconds: float) -> None:
        """Take room now or wait in turn."""
        self._expire()
        if kind is CallKind.ORDER:
            if not self._orders and len(self._taken) < self._limit:
                self._taken.append(time.monotonic())
                return
            queue = self._orders
        else:
            if not self._orders and not self._reads and len(self._taken) < self._read_limit:
                self._taken.append(time.monotonic())
                return
            if sum(len(waiting) for waiting in self._reads.values()) >= MAX_WAITING_READS:
                raise self._refusal("too many reads wait already")
            queue = self._reads.setdefault(caller, deque())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(future)
        self._schedule()
        try:
            await asyncio.wait_for(future, wait_seconds)
        except TimeoutError:
            raise self._refusal(f"no room within {wait_seconds:.1f} s") from None
        finally:
            self._forget(queue, future, caller if kind is CallKind.READ else None)

    def observe_settled(self, market_us: int) -> None:
        """Nothing: this budget counts in real time."""

    def use(self) -> BudgetUse:
        """Figures for health."""
        self._expire()
        waiting = len(self._orders) + sum(len(queue) for queue in self._reads.values())
        return BudgetUse(len(self._taken), self._limit, waiting, self._refused)

    def _refusal(self, why: str) -> BudgetExhaustedError:
        self._refused += 1
        return BudgetExhaustedError("GW-BUDGET", f"request budget of {self._limit} a second is used up: {why}")

    def _expire(self) -> None:
        horizon = time.monotonic() - self._window
        while self._taken and self._taken[0] <= horizon:
            self._taken.popleft()

    def _forget(self, queue: deque[asyncio.Future[None]], future: asyncio.Future[None], caller: str | None) -> None:
        if future in queue:
            queue.remove(future)
        if caller is not None and not queue:
            self._reads.pop(caller, None)

    def _schedule(self) -> None:
        if self._timer is None:
            free_in = self._taken[0] + self._window - time.monotonic() if self._taken else 0.0
            self._timer = asyncio.get_running_loop().call_later(max(0.001, free_in), self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._expire()
        while self._orders and len(self._taken) < self._limit:
            self._grant(self._orders.popleft())
        while self._reads and not self._orders and len(self._taken) < self._read_limit:
            caller = next(iter(self._reads))
            queue = self._reads.pop(caller)
            if queue:
                self._grant(queue.popleft())
            if queue:
                self._reads[caller] = queue
        if self._orders or self._reads:
            self._schedule()

    def _grant(self, future: asyncio.Future[None]) -> None:
        if not future.done():
            self._taken.append(time.monotonic())
            future.set_result(None)


class MarketBudget:
    """Counts in market time (decision 0001): a bucket of `rate x slice seconds`, refilled as time settles.

    An exhausted bucket refuses at once: market time stands still until the answer, so waiting would hold it for ever.
    """

    def __init__(self, limit: int, reserved: int, slice_seconds: int) -> None:
        self._limit = limit
        self._reserved = reserved
        self._capacity = limit * max(1, slice_seconds)
        self._used = 0
        self._settled_us: int | None = None
        self._refused = 0

    async def acquire(self, kind: CallKind, caller: str, wait_seconds: float) -> None:
        """Take room now or be refused."""
        room = self._capacity
        if kind is CallKind.READ:
            room -= room * self._reserved // self._limit
        if self._used >= room:
            self._refused += 1
            raise BudgetExhaustedError(
                "GW-BUDGET", f"{room} {kind.value} requests of this time slice are used up; asked by {caller}"
            )
        self._used += 1

    def observe_settled(self, market_us: int) -> None:
        """Refill for the market time that has passed."""
        previous, self._settled_us = self._settled_us, market_us
        if previous is None or market_us <= previous:
            return
        self._used = max(0, self._used - self._limit * ((market_us - previous) // 1_000_000))

    def use(self) -> BudgetUse:
        """Figures for health."""
        return BudgetUse(self._used, self._capacity, 0, self._refused)


def make_budget(mode: Mode, slice_seconds: int) -> RequestBudget:
    """The budget of a mode: market time in a rehearsal, real time at the broker."""
    limit, reserved = REQUESTS_PER_SECOND[mode], RESERVED_FOR_ORDERS[mode]
    if mode is Mode.REHEARSAL:
        return MarketBudget(limit, reserved, slice_seconds)
    return WallBudget(limit, reserved)
