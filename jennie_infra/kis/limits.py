"""The account-wide request budget with room reserved for orders and cancels (R-GW-01, drill 14).

The window is a library's (window.py); reserved room, exits before entries before reads, and turns among the callers
are ours: no library has them. A leaky bucket (aiolimiter) lets a burst and the refill of the same second through,
nearly twice the limit in one window of the broker's.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from jennie_core.domain.enums import Mode
from jennie_infra.kis.errors import BudgetExhaustedError
from jennie_infra.kis.window import Window

REQUESTS_PER_SECOND = {Mode.REHEARSAL: 18, Mode.PAPER: 1, Mode.LIVE: 18}
RESERVED_FOR_ORDERS = {Mode.REHEARSAL: 4, Mode.PAPER: 0, Mode.LIVE: 4}
WINDOW_SECONDS = 1.1
"""Longer than the broker's second: requests may bunch together on the way."""
MAX_WAITING_READS = 200


class CallKind(IntEnum):
    """Who asks for room, the most urgent first: exits outlive entries (I6), and reads may not use the reserve."""

    EXIT = 0
    ENTRY = 1
    READ = 2


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What health shows. `refused_by` counts refusals per caller: who was turned away is no secret (drill 14)."""

    in_window: int
    limit: int
    waiting: int
    refused_by: dict[str, int]

    @property
    def refused(self) -> int:
        """Requests refused for want of room."""
        return sum(self.refused_by.values())


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


Queue = deque[asyncio.Future[None]]


class WallBudget:
    """Sliding window in real time. Waiting reads are served in turn over the callers, so none starves another."""

    def __init__(self, limit: int, reserved: int, window_seconds: float = WINDOW_SECONDS) -> None:
        self._limit = limit
        self._reserved = min(reserved, limit - 1)
        self._window = Window(limit, round(window_seconds * 1000))
        self._orders: dict[CallKind, Queue] = {CallKind.EXIT: deque(), CallKind.ENTRY: deque()}
        self._reads: dict[str, Queue] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._refused: Counter[str] = Counter()

    async def acquire(self, kind: CallKind, caller: str, wait_seconds: float) -> None:
        """Take room now or wait in turn."""
        if not self._somebody_before(kind) and self._take(kind):
            return
        if kind is CallKind.READ:
            if sum(len(queue) for queue in self._reads.values()) >= MAX_WAITING_READS:
                raise self._refusal(caller, "too many reads wait already")
            queue = self._reads.setdefault(caller, deque())
        else:
            queue = self._orders[kind]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(future)
        self._schedule()
        try:
            await asyncio.wait_for(future, wait_seconds)
        except TimeoutError:
            raise self._refusal(caller, f"no room within {wait_seconds:.1f} s") from None
        finally:
            if future in queue:
                queue.remove(future)
            if kind is CallKind.READ and not queue:
                self._reads.pop(caller, None)

    def observe_settled(self, market_us: int) -> None:
        """Nothing: this budget counts in real time."""

    def use(self) -> BudgetUse:
        """Figures for health."""
        queues = (*self._orders.values(), *self._reads.values())
        waiting = sum(len(queue) for queue in queues)
        return BudgetUse(self._window.used(_now_ms()), self._limit, waiting, dict(self._refused))

    def _refusal(self, caller: str, why: str) -> BudgetExhaustedError:
        self._refused[caller] += 1
        return BudgetExhaustedError("GW-BUDGET", f"request budget of {self._limit} a second is used up: {why}")

    def _somebody_before(self, kind: CallKind) -> bool:
        waiting = any(self._orders[earlier] for earlier in self._orders if earlier <= kind)
        return waiting or (kind is CallKind.READ and bool(self._reads))

    def _take(self, kind: CallKind) -> bool:
        return self._window.take(_now_ms(), self._reserved if kind is CallKind.READ else 0)

    def _schedule(self) -> None:
        if self._timer is None:
            free_in = max(1, self._window.free_in_ms(_now_ms())) / 1000
            self._timer = asyncio.get_running_loop().call_later(free_in, self._serve)

    def _serve(self) -> None:
        self._timer = None
        for kind, queue in self._orders.items():
            while queue:
                if queue[0].done():
                    queue.popleft()
                elif self._take(kind):
                    queue.popleft().set_result(None)
                else:
                    self._schedule()
                    return
        while self._reads:
            caller, queue = next(iter(self._reads.items()))
            while queue and queue[0].done():
                queue.popleft()
            if queue:
                if not self._take(CallKind.READ):
                    self._schedule()
                    return
                queue.popleft().set_result(None)
            del self._reads[caller]
            if queue:
                self._reads[caller] = queue


class MarketBudget:
    """Counts in market time (decision 0001): `rate x slice seconds` requests in a window as wide as a slice.

    Without room it refuses at once: market time stands still until the answer, so waiting would hold it for ever. What
    a caller had in the slice before, up to an even share, is kept for it: a scan cannot take the room of a monitor.
    """

    def __init__(self, limit: int, reserved: int, slice_seconds: int) -> None:
        seconds = max(1, slice_seconds)
        self._capacity = limit * seconds
        self._reserved = reserved * seconds
        self._slice_us = seconds * 1_000_000
        self._window = Window(self._capacity, seconds * 1000 - 1)
        self._now_ms = 0
        self._slice_began_us: int | None = None
        self._had: Counter[str] = Counter()
        self._has: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    async def acquire(self, kind: CallKind, caller: str, wait_seconds: float) -> None:
        """Take room now or be refused."""
        keep_free = self._reserved + self._kept_for_others(caller) if kind is CallKind.READ else 0
        if not self._window.take(self._now_ms, keep_free):
            self._refused[caller] += 1
            room = self._capacity - keep_free
            raise BudgetExhaustedError(
                "GW-BUDGET", f"{room} {kind.name.lower()} requests of this time slice are used up; asked by {caller}"
            )
        if kind is CallKind.READ:
            self._has[caller] += 1

    def observe_settled(self, market_us: int) -> None:
        """Market time has passed: requests of the slice before no longer count."""
        if self._slice_began_us is None or market_us >= self._slice_began_us + self._slice_us:
            self._had, self._has = self._has, Counter()
            self._slice_began_us = market_us
        self._now_ms = max(self._now_ms, market_us // 1000)

    def use(self) -> BudgetUse:
        """Figures for health."""
        return BudgetUse(self._window.used(self._now_ms), self._capacity, 0, dict(self._refused))

    def _kept_for_others(self, caller: str) -> int:
        callers = self._had.keys() | self._has.keys() | {caller}
        share = (self._capacity - self._reserved) // len(callers)
        others = callers - {caller}
        return sum(max(0, min(share, self._had[other]) - self._has[other]) for other in others)


def make_budget(mode: Mode, slice_seconds: int) -> RequestBudget:
    """The budget of a mode: market time in a rehearsal, real time at the broker."""
    limit, reserved = REQUESTS_PER_SECOND[mode], RESERVED_FOR_ORDERS[mode]
    if mode is Mode.REHEARSAL:
        return MarketBudget(limit, reserved, slice_seconds)
    return WallBudget(limit, reserved)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
