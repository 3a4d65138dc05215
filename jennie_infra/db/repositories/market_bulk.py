"""Frames into and out of the market store by the database's own fast path.

A window of partitions is replaced in one transaction (delete, then insert), so writing it again gives the same rows.
Columns of a frame are named as the table's; dates travel as Date, instants as aware Datetime, null is unknown.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Date, Select, Table, and_, bindparam, delete, insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from jennie_infra.db.types import UtcDateTime

BATCH = 20_000
_LOCAL_INFILE_REFUSED = (1148, 2068, 3948, 4166)


class BulkWriteError(RuntimeError):
    """The database did not take every row; nothing of the window was kept."""


def replace_window(
    connection: Connection, table: Table, frame: pl.DataFrame, column: str, first: date, last: date
) -> int:
    """Replace the rows whose `column` lies in [first, last] by `frame`; returns the rows written.

    Raises BulkWriteError for a row outside the window: it would escape the next replacement.
    """
    outside = frame.filter(~pl.col(column).is_between(first, last))
    if outside.height:
        raise BulkWriteError(f"{table.name}: {outside.height} rows of {outside[column][0]} are outside {first}..{last}")
    connection.execute(delete(table).where(and_(table.c[column] >= first, table.c[column] <= last)))
    return insert_frame(connection, table, frame)


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame) -> int:
    """Insert all rows of a frame; raises BulkWriteError when the database took fewer."""
    if frame.height == 0:
        return 0
    if connection.dialect.name == "sqlite":
        return _insert_sqlite(connection, table, frame)
    return _insert_mariadb(connection, table, frame)


def read_frame(connection: Connection, statement: Select[*tuple[Any, ...]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a SELECT as a frame with the given column names and dtypes, in the order of the SELECT's columns."""
    if connection.dialect.name == "sqlite":
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True, "render_postcompile": True})
        rows = connection.connection.cursor().execute(str(compiled)).fetchall()
    else:
        rows = [tuple(row) for row in connection.execute(statement)]
    raw = {
        name: pl.String if dtype == pl.Date and _is_text(rows, at) else dtype
        for at, (name, dtype) in enumerate(schema.items())
    }
    loose = {name: pl.Int64 if dtype == pl.Boolean else dtype for name, dtype in raw.items()}
    frame = pl.DataFrame(rows, schema=loose, orient="row", infer_schema_length=None)
    return frame.with_columns(
        pl.col(name).str.to_date("%Y-%m-%d")
        if raw[name] == pl.String and dtype == pl.Date
        else pl.col(name).cast(dtype)
        for name, dtype in schema.items()
    )


def _is_text(rows: Sequence[Sequence[Any]], position: int) -> bool:
    """SQLite hands dates over as ISO text, MariaDB as dates."""
    return any(isinstance(row[position], str) for row in rows[:1_000])


def _insert_sqlite(connection: Connection, table: Table, frame: pl.DataFrame) -> int:
    """`executemany` of the driver itself: the ORM layer would cost three times as much."""
    names = ", ".join(f'"{name}"' for name in frame.columns)
    marks = ", ".join("?" * frame.width)
    text = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
    cursor = connection.connection.cursor()
    ready = _as_text(table, frame)
    for chunk in ready.iter_slices(BATCH):
        cursor.executemany(text, chunk.rows())
    return frame.height


def _insert_mariadb(connection: Connection, table: Table, frame: pl.DataFrame) -> int:
    try:
        return _load_local_infile(connection, table, frame)
    except (OperationalError, ProgrammingError) as error:
        if _code(error) not in _LOCAL_INFILE_REFUSED:
            raise
    statement = insert(table).values({name: bindparam(name) for name in frame.columns})
    for chunk in frame.iter_slices(BATCH):
        connection.execute(statement, chunk.to_dicts())
    return frame.height


def _load_local_infile(connection: Connection, table: Table, frame: pl.DataFrame) -> int:
    """LOAD DATA LOCAL; the server turns bad rows into warnings, so the count is compared."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        _escaped(_as_text(table, frame)).write_csv(
            path, include_header=False, separator="\t", quote_style="never", null_value="\\N"
        )
        names = ", ".join(f"`{name}`" for name in frame.columns)
        taken = connection.exec_driver_sql(
            f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE `{table.name}` CHARACTER SET utf8mb4 "
            f"FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({names})"
        ).rowcount
    if taken != frame.height:
        raise BulkWriteError(f"{table.name}: the database took {taken} of {frame.height} rows (double keys?)")
    return frame.height


def _as_text(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Dates, instants and booleans in the form the tables store."""
    ready = []
    for name in frame.columns:
        column, kind = pl.col(name), table.c[name].type
        if isinstance(kind, UtcDateTime):
            column = column.dt.convert_time_zone(str(UTC)).dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
        elif isinstance(kind, Date):
            column = column.dt.strftime("%Y-%m-%d")
        elif frame.schema[name] == pl.Boolean:
            column = column.cast(pl.Int8)
        ready.append(column.alias(name))
    return frame.select(ready)


def _escaped(frame: pl.DataFrame) -> pl.DataFrame:
    """Backslash, tab and line end in texts, as LOAD DATA reads them."""
    text = pl.col(pl.String)
    for raw, safe in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.str.replace_all(raw, safe, literal=True)
    return frame.with_columns(text) if pl.String in frame.dtypes else frame


def _code(error: OperationalError | ProgrammingError) -> int | None:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
