"""Circuit breaker (R-GW-02). circuits.py has one for each endpoint and one for the host."""

import time
from collections.abc import Callable
from typing import Literal

from jennie_infra.kis.errors import BreakerOpenError

FAILURES_TO_OPEN = 20
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after 20 failures in a row; after a pause one probe goes through, and its result decides.

    Each failed probe doubles the pause, up to a minute. `name` is what rests.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._probing = False

    @property
    def state(self) -> State:
        """closed, open or half-open."""
        if self._opened_at is None:
            return "closed"
        return "half-open" if self._probing or self._clock() - self._opened_at >= self._pause else "open"

    def check(self) -> None:
        """Let a read pass or raise BreakerOpenError."""
        if self._opened_at is None:
            return
        rest = self._opened_at + self._pause - self._clock()
        if rest > 0 or self._probing:
            raise BreakerOpenError("GW-BREAKER", f"reads of {self._name} rest after {self._failures} failures in a row")
        self._probing = True

    def succeeded(self) -> None:
        """An answer with meaning arrived, a business refusal included."""
        self._failures = 0
        self._opened_at = None
        self._pause = FIRST_PAUSE_SECONDS
        self._probing = False

    def abandoned(self) -> None:
        """The read that was let through never left, so it proves nothing."""
        self._probing = False

    def failed(self, *, may_open: bool = True) -> None:
        """No answer, or a fault at the broker; it counts, but opens nothing unless it `may_open`."""
        self._failures += 1
        if self._probing:
            self._probing = False
            self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2)
            self._opened_at = self._clock()
        elif may_open and self._failures >= FAILURES_TO_OPEN and self._opened_at is None:
            self._opened_at = self._clock()
