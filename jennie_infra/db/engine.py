"""Engines for the two stores, and the one dedicated thread a worker reaches a database through (B1, B2)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError

T = TypeVar("T")


class DatabaseUrlError(Exception):
    """A database address cannot be used; the message names the setting and the repair."""


def make_engine(url: str, *, durable: bool, setting: str = "JENNIE_LEDGER_URL") -> Engine:
    """An engine for SQLite (WAL; `synchronous=FULL` when durable) or MariaDB through PyMySQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError(
            f"{setting} is not a database address; example: mysql+pymysql://user:pw@host/db"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 10})
        _configure_sqlite(engine, durable=durable)
        return engine
    if backend in ("mysql", "mariadb"):
        return create_engine(
            parsed.set(drivername=f"{backend}+pymysql"),
            pool_pre_ping=True,
            pool_recycle=1_800,
            connect_args={"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": 60, "local_infile": True},
        )
    raise DatabaseUrlError(f"{setting}: {backend} is not supported; use sqlite or mysql+pymysql")


def _configure_sqlite(engine: Engine, *, durable: bool) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()


class DatabaseThread:
    """Runs database work of one worker in one thread, in the order it was asked for."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"db-{name}")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; commits on return, rolls back on an exception."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._in_transaction, work)

    def submit(self, work: Callable[[Connection], Any]) -> "asyncio.Future[Any]":
        """As `run`, without waiting: off the hot path, still in order."""
        return asyncio.get_running_loop().run_in_executor(self._pool, self._in_transaction, work)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Finish what was asked for and release the connections."""
        self._pool.shutdown(wait=True)
        self.engine.dispose()
