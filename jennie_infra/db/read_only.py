"""Read-only access to a store for pages and reports: cannot write, cannot create, never holds up a writer."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from jennie_infra.db.engine import make_engine

T = TypeVar("T")


class StoreUnreadableError(Exception):
    """A store could not be read; `next_step` says what the operator can do."""

    def __init__(self, store: str, detail: str, next_step: str) -> None:
        super().__init__(f"{store}: {detail}")
        self.store = store
        self.detail = detail
        self.next_step = next_step


def read_only_engine(url: str, *, setting: str) -> Engine:
    """An engine whose connections refuse every write; an absent SQLite file is an error, not a new file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = parsed.database or ":memory:"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, timeout=5)
            connection.execute("PRAGMA query_only=ON")
            return connection

        return create_engine("sqlite://", creator=connect)
    engine = make_engine(url, durable=False, setting=setting)

    @event.listens_for(engine, "connect")
    def _read_only(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()

    return engine


class ReadStore:
    """Runs short reads of one store in a small thread pool."""

    def __init__(self, name: str, engine: Engine, *, threads: int = 3) -> None:
        self.name = name
        self.engine = engine
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=f"read-{name}")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Result of `work`; raises StoreUnreadableError with the next step when the store does not answer."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, work)

    def _work(self, work: Callable[[Connection], T]) -> T:
        try:
            with self.engine.connect() as connection:
                return work(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreUnreadableError(self.name, *_explain(self.name, error)) from error

    def close(self) -> None:
        """Finish running reads and release the connections."""
        self._pool.shutdown(wait=True)
        self.engine.dispose()


def _explain(store: str, error: Exception) -> tuple[str, str]:
    said = str(getattr(error, "orig", error))
    if "no such table" in said or "doesn't exist" in said:
        return "the tables are missing", "run `jennie doctor --repair` to bring the schema up to date"
    if "unable to open database" in said:
        return "there is no database yet", "start the stack with `make up`, or run `jennie doctor --repair`"
    variable = "JENNIE_LEDGER_URL" if store == "ledger" else "JENNIE_MARKET_URL"
    return f"the database does not answer ({type(error).__name__})", f"check that it runs and what {variable} says"
