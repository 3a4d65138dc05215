"""Ledger writes off the hot path: in order, and retried until the database has them (R-BUY-15, drill 26)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from jennie_infra.db.engine import DatabaseThread
from jennie_infra.telemetry import get_logger

T = TypeVar("T")
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
ALERT_AFTER_TRIES = 3
AWAY_SECONDS = 3.0
"""Real time after which a write without an answer counts as one that the database does not take."""


@dataclass(slots=True)
class _Item:
    what: str
    work: Callable[[Connection], Any]
    done: "asyncio.Future[Any]"


class Journal:
    """Writes one after the other. A write that fails for want of a database is repeated; every write is repeatable."""

    def __init__(
        self,
        ledger: DatabaseThread,
        alert: Callable[[str, str, str, str], Awaitable[None]],
        clear: Callable[[str], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._alert = alert
        self._clear = clear
        self._items: asyncio.Queue[_Item] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._writing_since: float | None = None
        self._failing = False

    def start(self) -> None:
        """Begin writing."""
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="journal")

    async def stop(self) -> None:
        """Write what was handed over, then end; gives up after ten seconds of real time."""
        if self._task is not None:
            try:
                await asyncio.wait_for(self._items.join(), timeout=10.0)
            except TimeoutError:
                get_logger().error("journal ended with unwritten items", items=self._items.qsize())
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def add(self, what: str, work: Callable[[Connection], Any]) -> "asyncio.Future[Any]":
        """Write later, in order; the result may be waited for."""
        item = _Item(what, work, asyncio.get_running_loop().create_future())
        self._items.put_nowait(item)
        return item.done

    async def do(self, what: str, work: Callable[[Connection], T]) -> T:
        """Write in order and wait for the result; raises what the work raises, except for an absent database."""
        result: T = await self.add(what, work)
        return result

    @property
    def is_away(self) -> bool:
        """Whether the database does not take the write in hand: it failed, or its answer is long due."""
        if self._failing:
            return True
        return self._writing_since is not None and time.monotonic() - self._writing_since > AWAY_SECONDS

    async def flush(self) -> None:
        """Wait until everything handed over so far is stored."""
        await self._items.join()

    async def _drain(self) -> None:
        while True:
            item = await self._items.get()
            self._writing_since = time.monotonic()
            try:
                await self._write(item)
            finally:
                self._writing_since, self._failing = None, False
                self._items.task_done()

    async def _write(self, item: _Item) -> None:
        pause, tries = FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                result = await self._ledger.run(item.work)
            except (OperationalError, InterfaceError) as error:
                tries += 1
                self._failing = True
                get_logger().warning("ledger write waits", what=item.what, tries=tries, error=str(error.orig))
                if tries == ALERT_AFTER_TRIES:
                    await self._alert(
                        "ledger-unreachable",
                        "critical",
                        f"the ledger does not take {item.what}",
                        "see the database; nothing is lost, writes wait",
                    )
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
                continue
            except Exception as error:  # noqa: BLE001 - handed to whoever waits, or logged with its name
                self._fail(item, error)
                return
            if tries >= ALERT_AFTER_TRIES:
                await self._clear("ledger-unreachable")
            if not item.done.done():
                item.done.set_result(result)
            return

    def _fail(self, item: _Item, error: Exception) -> None:
        get_logger().error("ledger write failed", what=item.what, error=f"{type(error).__name__}: {error}")
        if not item.done.done():
            item.done.set_exception(error)
            item.done.exception()
