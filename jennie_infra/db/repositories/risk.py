"""Loss-limit state and the equity it is measured against (O5), and reconciliation rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_infra.db.repositories.tables import ASSET_SNAPSHOT, FILL, RECONCILIATION, RISK_STATE, TRADE_LOG, as_dict
from jennie_infra.db.upsert import insert_ignore, upsert


@dataclass(frozen=True, slots=True)
class RiskRow:
    """Loss-limit state of one session; None is unknown and counts as reached (O5)."""

    market_day: date
    previous_equity_krw: int | None
    week_start_equity_krw: int | None
    realized_pnl_krw: int | None
    unrealized_pnl_krw: int | None
    daily_limit_hit_at: datetime | None
    weekly_limit_hit_at: datetime | None
    updated_at: datetime


def equity_at_close_before(connection: Connection, day: date) -> int | None:
    """Equity of the newest active snapshot before a day; None when there is none."""
    statement = (
        select(ASSET_SNAPSHOT.c.total_asset_krw)
        .where(ASSET_SNAPSHOT.c.snapshot_date < day, ASSET_SNAPSHOT.c.is_active)
        .order_by(ASSET_SNAPSHOT.c.snapshot_date.desc(), ASSET_SNAPSHOT.c.known_at.desc())
        .limit(1)
    )
    found = connection.execute(statement).scalar()
    return None if found is None else int(found)


def risk_row(connection: Connection, day: date) -> RiskRow | None:
    """State of a session, if it was begun."""
    row = connection.execute(select(RISK_STATE).where(RISK_STATE.c.market_day == day)).mappings().first()
    return None if row is None else RiskRow(**as_dict(row))


def save_risk(connection: Connection, row: RiskRow) -> None:
    """Store the state of a session."""
    upsert(connection, RISK_STATE, [{name: getattr(row, name) for name in RiskRow.__slots__}])


def realized_since(connection: Connection, first_day: date, last_day: date) -> int:
    """Won realised by sells of the days given, less the fees of the buys: net of every cost booked."""
    sells = connection.execute(
        select(func.sum(TRADE_LOG.c.realized_pnl_krw)).where(TRADE_LOG.c.market_day.between(first_day, last_day))
    ).scalar()
    buy_fees = connection.execute(
        select(func.sum(FILL.c.fee_krw)).where(
            FILL.c.market_day.between(first_day, last_day), FILL.c.side == OrderSide.BUY.value
        )
    ).scalar()
    return (0 if sells is None else int(sells)) - (0 if buy_fees is None else int(buy_fees))


def note_reconciliation(
    connection: Connection,
    *,
    reconciliation_id: str,
    market_day: date,
    trigger: str,
    matches: int,
    differences: int,
    detail: Mapping[str, Any],
    market_at: datetime,
) -> None:
    """Keep one reconciliation with both sides of what did not agree; the same one twice is one row."""
    insert_ignore(
        connection,
        RECONCILIATION,
        {
            "reconciliation_id": reconciliation_id,
            "market_day": market_day,
            "trigger": trigger,
            "matches": matches,
            "differences": differences,
            "detail": dict(detail),
            "market_at": market_at,
        },
    )
