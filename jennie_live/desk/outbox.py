"""Sells that were sent while the ledger was away, kept in a file of their own until it has them (drill 26)."""

from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from jennie_core.strategy.intent import Intent
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.repositories import intents
from jennie_infra.db.repositories.tables import INTENT, as_dict


class Outbox:
    """Intents in a SQLite file with an fsync per commit; the file is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: DatabaseThread | None = None

    async def keep(self, intent: Intent) -> None:
        """Return once the intent is on disk. Raises SQLAlchemyError when it cannot be written."""

        def work(connection: Connection) -> None:
            INTENT.create(connection, checkfirst=True)
            intents.store_once(connection, intent)

        await self._opened().run(work)

    async def waiting(self) -> list[Intent]:
        """Intents that the ledger may not have, oldest first."""
        if self._database is None and not self.path.exists():
            return []

        def work(connection: Connection) -> list[Intent]:
            INTENT.create(connection, checkfirst=True)
            found = connection.execute(select(INTENT).order_by(INTENT.c.created_at, INTENT.c.intent_id)).mappings()
            return [intents.from_row(as_dict(row)) for row in found]

        return await self._opened().run(work)

    async def forget(self, intent_id: str) -> None:
        """The ledger has this intent."""
        await self._opened().run(
            lambda connection: connection.execute(delete(INTENT).where(INTENT.c.intent_id == intent_id))
        )

    def close(self) -> None:
        """Finish what was asked for."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _opened(self) -> DatabaseThread:
        if self._database is None:
            self._database = DatabaseThread(make_engine(f"sqlite:///{self.path}", durable=True), "outbox")
        return self._database
