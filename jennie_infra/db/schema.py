"""Schema of the two stores: upgrade with Alembic, refuse on a mismatch (drill 27), stamp per mode and account (B5)."""

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, select

from jennie_infra.clock import wall_now
from jennie_infra.db.ledger import StoreStamp
from jennie_infra.db.market import MarketStamp
from jennie_infra.db.upsert import insert_ignore

Store = Literal["ledger", "market"]
MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaMismatchError(Exception):
    """The database's schema is not the one this version needs; the message says the step that is missing."""


class StampMismatchError(Exception):
    """The store belongs to another mode or account (B5)."""


def alembic_config(store: Store, engine: Engine) -> Config:
    """Alembic settings of one store, bound to an engine."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS / store))
    config.attributes["engine"] = engine
    return config


def upgrade(store: Store, engine: Engine) -> None:
    """Bring a store to this version's schema; running it again changes nothing.

    Raises SchemaMismatchError for a revision that this version does not know: a newer jennie has made it.
    """
    try:
        command.upgrade(alembic_config(store, engine), "head")
    except CommandError as error:
        raise SchemaMismatchError(
            f"{store} store cannot be upgraded ({error}); it was made by another version of jennie: run that version, "
            "or restore a backup"
        ) from error


def revisions(store: Store, engine: Engine) -> tuple[str | None, str | None]:
    """(revision of the database, revision this version needs)."""
    wanted = ScriptDirectory.from_config(alembic_config(store, engine)).get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, wanted


def require_current(store: Store, engine: Engine) -> None:
    """Raise SchemaMismatchError unless the store's schema is exactly this version's."""
    current, wanted = revisions(store, engine)
    if current != wanted:
        raise SchemaMismatchError(
            f"{store} store is at revision {current or 'none'}, this version needs {wanted}: "
            "run `jennie doctor --repair`"
        )


def claim_stamp(store: Store, engine: Engine, stamp: str) -> None:
    """Write the (mode, account) stamp into an empty store, or raise StampMismatchError when it carries another one."""
    table = StoreStamp if store == "ledger" else MarketStamp
    with engine.begin() as connection:
        if connection.execute(select(table.stamp)).scalars().first() is None:
            insert_ignore(
                connection, table.metadata.tables[table.__tablename__], {"stamp": stamp, "created_at": wall_now()}
            )
        other = connection.execute(select(table.stamp).where(table.stamp != stamp)).scalars().first()
    if other is not None:
        raise StampMismatchError(
            f"{store} store belongs to {other}, this process runs as {stamp}; use another state folder"
        )
