"""Insert or update in the dialect at hand, batched."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Connection

BATCH = 5_000


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; a row whose primary key exists is overwritten in all given columns."""
    if not rows:
        return
    columns = [name for name in rows[0] if not table.c[name].primary_key]
    statement: Any
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table)
        statement = (
            statement.on_conflict_do_update(
                index_elements=list(table.primary_key.columns),
                set_={name: statement.excluded[name] for name in columns},
            )
            if columns
            else statement.on_conflict_do_nothing()
        )
    else:
        statement = mysql.insert(table)
        first = next(iter(table.primary_key.columns)).name
        statement = statement.on_duplicate_key_update({name: statement.inserted[name] for name in (columns or [first])})
    for start in range(0, len(rows), BATCH):
        connection.execute(statement, list(rows[start : start + BATCH]))


def insert_ignore(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert one row; False when its primary key was already there."""
    statement: Any
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    else:
        statement = mysql.insert(table).prefix_with("IGNORE")
    return bool(connection.execute(statement, dict(row)).rowcount)
