"""Takes sell orders while the worker's loop waits for a ledger that is away (drill 26, I6).

The loop stands still in the write that the ledger does not take, and with it everything that depends on the order of
events. Exits do not: the lane reads the sell orders that come meanwhile and hands them on with the market time of now.
"""

import asyncio
from collections.abc import Callable

from jennie_core.domain.signals import SellOrder
from jennie_core.strategy.merge import RequestEvent
from jennie_live.desk.inputs import DeskInputs
from jennie_live.desk.journal import Journal

LOOK_SECONDS = 0.2
BLOCK_MS = 200


class ExitLane:
    """Does nothing while the ledger answers."""

    def __init__(
        self, journal: Journal, inputs: DeskInputs[SellOrder], take: Callable[[RequestEvent[SellOrder]], None]
    ) -> None:
        self._journal = journal
        self._inputs = inputs
        self._take = take

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            while self._journal.is_away:
                for event in await self._inputs.read_requests(BLOCK_MS):
                    self._take(event)
