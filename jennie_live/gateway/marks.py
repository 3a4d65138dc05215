"""Clock marks of paper and live, from the wall clock (decision 0001)."""

import asyncio
from collections.abc import Callable

from jennie_core.domain.market import ClockMark
from jennie_core.strategy.slice_marks import SECOND_US
from jennie_infra.clock import real_now_us

WALL_SETTLE_US = 250_000
"""A wall second settles a quarter second late: its last trades are still on the way."""


class WallMarks:
    """One settled mark every wall second (paper and live)."""

    def __init__(self, emit: Callable[[ClockMark], None], now_us: Callable[[], int] = real_now_us) -> None:
        self._emit = emit
        self._now_us = now_us
        self.settled_us: int | None = None

    async def run(self) -> None:
        """Emit until cancelled; a stepped-back clock emits nothing until it has caught up (drill 20)."""
        while True:
            now = self._now_us()
            second = now - now % SECOND_US
            wait_us = second + WALL_SETTLE_US - now
            if wait_us <= 0:
                self.settle(second)
                wait_us += SECOND_US
            await asyncio.sleep(wait_us / SECOND_US)

    def settle(self, second: int) -> None:
        """Emit the mark of a whole second unless it or a later one was emitted."""
        if self.settled_us is None or second > self.settled_us:
            self.settled_us = second
            self._emit(ClockMark(second, settled=True))
