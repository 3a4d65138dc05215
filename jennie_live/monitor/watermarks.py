"""High watermarks on their way to the ledger: kept until they are written, and never in the way of an exit."""

import asyncio
import time
from collections.abc import Iterable

from sqlalchemy.exc import SQLAlchemyError

from jennie_core.strategy.held import WatermarkChange
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.monitor.positions import store_watermarks

FLUSH_SECONDS = 2.0
ALERT = "ledger-away"


class Watermarks:
    """One write at a time, by the ledger's own thread. What could not be written waits for the next time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: dict[str, WatermarkChange] = {}
        self._writing: asyncio.Task[None] | None = None
        self._written_at = 0.0
        self.is_away = False
        """The last write failed; exits go on without the ledger (I6)."""

    def take(self, changes: Iterable[WatermarkChange]) -> None:
        """Keep the newest change of each code."""
        self._waiting.update({change.code: change for change in changes})

    async def write_when_due(self) -> None:
        """Begin to write, at most every two seconds; what the last write came to is said."""
        if self._writing is not None and not self._writing.done():
            return
        await self._tell()
        if self._waiting and time.monotonic() - self._written_at >= FLUSH_SECONDS:
            self._written_at = time.monotonic()
            self._writing = asyncio.create_task(self._write(), name="watermarks")

    async def finish(self) -> None:
        """Write all that waits, at the end of the process and before positions are read again."""
        if self._writing is not None:
            await self._writing
        await self._write()

    async def _write(self) -> None:
        ledger, changes = self._runtime.ledger, dict(self._waiting)
        if ledger is None or not changes:
            return
        try:
            await ledger.run(lambda connection: store_watermarks(connection, list(changes.values())))
        except SQLAlchemyError as error:
            get_logger().warning("watermarks not written", codes=len(changes), error=type(error).__name__)
            self.is_away = True
            return
        self.is_away = False
        self._waiting = {code: change for code, change in self._waiting.items() if changes.get(code) != change}

    async def _tell(self) -> None:
        if self.is_away:
            message = "the ledger cannot be written; positions are watched from memory and exits go on"
            await self._runtime.alert(ALERT, "critical", message, "look at the database; watermarks are written again")
        else:
            await self._runtime.clear_alert(ALERT, "the ledger is back")
