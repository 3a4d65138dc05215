"""Cooldowns of a code in market time; the ledger is the truth, Redis a mirror (R-SELL-09, R-SELL-10, drill 22)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from jennie_infra.db.repositories.tables import COOLDOWN
from jennie_infra.db.upsert import upsert


class CooldownKind(StrEnum):
    """Why a code may not be bought."""

    STOP_LOSS = "stop_loss"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class CooldownUntil:
    """No buys of a code until a market time."""

    stock_code: str
    kind: CooldownKind
    until: datetime


def put(connection: Connection, cooldown: CooldownUntil) -> None:
    """Start or extend a cooldown."""
    upsert(
        connection,
        COOLDOWN,
        [{"stock_code": cooldown.stock_code, "kind": cooldown.kind.value, "until": cooldown.until}],
    )


def in_force(connection: Connection, now: datetime) -> list[CooldownUntil]:
    """Cooldowns that have not ended at a market time."""
    rows = connection.execute(select(COOLDOWN).where(COOLDOWN.c.until > now)).mappings()
    return [CooldownUntil(row["stock_code"], CooldownKind(row["kind"]), row["until"]) for row in rows]


def forget_before(connection: Connection, now: datetime) -> None:
    """Drop cooldowns that have ended."""
    connection.execute(delete(COOLDOWN).where(COOLDOWN.c.until <= now))
