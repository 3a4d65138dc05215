"""Single SQLite statements committed in the calling thread, where the hop to a database thread would cost the most."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

SLOW_SECONDS = 0.1
REST_SECONDS = 60.0


class InlineWriter:
    """Commits one statement at once, or says that it must be done elsewhere; it never waits for a lock or an fsync.

    Without fsync per commit (`synchronous=NORMAL`) a commit is a write to the page cache. A checkpoint would be a wait,
    so this connection makes none: the owner calls `checkpoint` in a thread. After a commit that took longer than 100 ms
    the writer rests for a minute: an event loop stalls once on a bad disk, not at every order.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests_until = clock()
        pooled = engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        if not isinstance(connection, sqlite3.Connection):
            raise TypeError(f"an inline writer needs SQLite, not {engine.dialect.name}")
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=0")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        self._pooled = pooled
        self._connection = connection

    def commit(self, statement: str, values: tuple[Any, ...]) -> bool:
        """Whether the statement is committed; False leaves the database as it was (locked, full, broken, resting)."""
        began = self._clock()
        if began < self._rests_until:
            return False
        try:
            self._connection.execute(statement, values)
        except sqlite3.Error:
            return False
        finally:
            if self._clock() - began > SLOW_SECONDS:
                self._rests_until = self._clock() + REST_SECONDS
        return True

    def close(self) -> None:
        """Close the connection."""
        self._pooled.close()


def checkpoint(connection: Any) -> None:
    """Carry the write-ahead log into the file and begin it anew, so that no later commit pays the fsyncs of either."""
    connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
    connection.exec_driver_sql("PRAGMA user_version=1")
