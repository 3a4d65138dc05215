"""Column types: UTC microseconds read back aware (B3), ascii stock codes, JSON text."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import CHAR, BigInteger, DateTime, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes only; stored as UTC with microseconds, returned aware in UTC. Naive values raise ValueError."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """DATETIME(6) on MariaDB."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in ("mysql", "mariadb") else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored; give it a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class JsonText(TypeDecorator[Any]):
    """JSON kept as text, equal on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To JSON text."""
        return None if value is None else json.dumps(value, ensure_ascii=False, default=str)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From JSON text."""
        return None if value is None else json.loads(value)


_CODE = CHAR(6).with_variant(mysql.CHAR(6, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

Code = Annotated[str, mapped_column(_CODE)]
Krw = Annotated[int, mapped_column(BigInteger)]
Count = Annotated[int, mapped_column(BigInteger)]
CODE_TYPE = _CODE
