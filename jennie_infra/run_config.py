"""Settings that the operator changes at run time, in the ledger with who changed them (R-TG-28)."""

from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.engine import Connection

from jennie_infra.db.ledger import ConfigRow
from jennie_infra.db.upsert import upsert

MAX_BUYS_PER_DAY = "max_buys_per_day"


def read_max_buys(connection: Connection) -> int | None:
    """The daily buy limit the operator set; None when the shipped setting holds."""
    value = connection.execute(
        select(ConfigRow.config_value).where(ConfigRow.config_key == MAX_BUYS_PER_DAY)
    ).scalar_one_or_none()
    return None if value is None else int(value)


def store_max_buys(ledger: Engine, number: int, changed_by: str, now: datetime) -> None:
    """Keep a new daily buy limit."""
    row = {
        "config_key": MAX_BUYS_PER_DAY,
        "config_value": str(number),
        "changed_by": changed_by[:60],
        "updated_at": now,
    }
    with ledger.begin() as connection:
        upsert(connection, ConfigRow.metadata.tables[ConfigRow.__tablename__], [row])
