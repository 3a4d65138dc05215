"""Records of a reply as a frame of texts, and numbers as these services write them."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from jennie_infra.sources.web.reply import Reply

MISSING = ("", "-", ".")
"""How these services write "no value": it becomes null, never 0."""


def texts(reply: Reply, rows: Any, columns: Sequence[str]) -> pl.DataFrame:
    """The records of a reply with exactly `columns` as String, and `row` (1-based).

    Raises SourceReplyError when `rows` is no list of objects or any record lacks a column: a renamed column is no data.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise reply.refused("the records are not a list of objects")
    for number, row in enumerate(rows, start=1):
        for column in columns:
            if column not in row:
                found = ", ".join(list(row)[:20])
                raise reply.refused(f"row {number} lacks the column {column} (found: {found})", _CHANGED)
    values = {column: [_text(row[column]) for row in rows] for column in columns}
    return pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String)).with_row_index("row", offset=1)


def number(column: str) -> pl.Expr:
    """A number with thousands separators and any minus sign; null where there is none or it is not readable."""
    plain = pl.col(column).str.replace_all(",", "").str.replace_all("[−－]", "-").str.strip_chars()
    return pl.when(~plain.is_in(MISSING)).then(plain.cast(pl.Float64, strict=False))


def unreadable(column: str) -> pl.Expr:
    """True where a text claims to be a number and is none."""
    plain = pl.col(column).str.strip_chars()
    return ~plain.is_in(MISSING) & number(column).is_null()


_CHANGED = "the service has changed its layout: use another source until jennie knows the new one"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
