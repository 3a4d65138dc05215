"""Positions: stored per code, always what fills and adjustments derive (O3)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.positions import Position
from jennie_core.strategy.accounting import AdjustmentKind, Change, Shares, derive
from jennie_core.strategy.booking import shares_of, with_shares
from jennie_infra.db.repositories.tables import ADJUSTMENT, FILL, PORTFOLIO, as_dict
from jennie_infra.db.upsert import insert_ignore, upsert

_ALL = select(PORTFOLIO).order_by(PORTFOLIO.c.stock_code)
_ONE = select(PORTFOLIO).where(PORTFOLIO.c.stock_code == bindparam("code")).with_for_update()
_FILLS = select(FILL).where(FILL.c.stock_code == bindparam("code"))
_ADJUSTMENTS = select(ADJUSTMENT).where(ADJUSTMENT.c.stock_code == bindparam("code"))


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A typed change of one code; `adjustment_id` makes booking it twice impossible."""

    adjustment_id: str
    stock_code: str
    stock_name: str
    kind: AdjustmentKind
    quantity: int
    price_krw: float | None
    detail: str
    effective_at: datetime
    sector_group: str | None = None
    bought_on: date | None = None


def load(connection: Connection) -> dict[str, Position]:
    """Every stored position by code."""
    found = (_from_row(as_dict(row)) for row in connection.execute(_ALL).mappings())
    return {position.stock_code: position for position in found}


def find(connection: Connection, code: str) -> Position | None:
    """The stored position of a code, locked until the transaction ends (MariaDB; SQLite has one writer anyway)."""
    row = connection.execute(_ONE, {"code": code}).mappings().first()
    return None if row is None else _from_row(as_dict(row))


def save(connection: Connection, position: Position, *, now: datetime) -> None:
    """Store a position; one without any share is removed (R-SELL-11, R-SELL-12)."""
    if position.quantity == 0 and position.external_quantity == 0:
        connection.execute(delete(PORTFOLIO).where(PORTFOLIO.c.stock_code == position.stock_code))
        return
    upsert(connection, PORTFOLIO, [position.model_dump() | {"updated_at": now}])


def changes(connection: Connection, code: str) -> list[Change]:
    """The whole history of a code in the order in which it was booked."""
    fills = [
        Change(row["quantity"], row["price_krw"], row["booked_at"], row["fill_id"], side=OrderSide(row["side"]))
        for row in connection.execute(_FILLS, {"code": code}).mappings()
    ]
    adjustments = [
        Change(
            row["quantity"],
            row["price_krw"],
            row["effective_at"],
            row["adjustment_id"],
            kind=AdjustmentKind(row["kind"]),
        )
        for row in connection.execute(_ADJUSTMENTS, {"code": code}).mappings()
    ]
    return fills + adjustments


def derived(connection: Connection, code: str) -> Shares:
    """What fills and adjustments say of a code; stored positions must equal it."""
    return derive(changes(connection, code))


def shares_before(connection: Connection, code: str, instant: datetime) -> int:
    """Managed and external shares of a code together, as they were before `instant` of market time."""
    shares = derive(change for change in changes(connection, code) if change.at < instant)
    return shares.quantity + shares.external_quantity


def known_codes(connection: Connection) -> set[str]:
    """Codes with any fill or adjustment."""
    rows = [*connection.execute(select(FILL.c.stock_code).distinct()).scalars()]
    return {*rows, *connection.execute(select(ADJUSTMENT.c.stock_code).distinct()).scalars()}


def adjust(connection: Connection, adjustment: Adjustment) -> Position | None:
    """Book an adjustment and the position it makes in one transaction; None when it was booked before."""
    row = {
        "adjustment_id": adjustment.adjustment_id,
        "stock_code": adjustment.stock_code,
        "kind": adjustment.kind.value,
        "quantity": adjustment.quantity,
        "price_krw": adjustment.price_krw,
        "detail": adjustment.detail,
        "effective_at": adjustment.effective_at,
    }
    if not insert_ignore(connection, ADJUSTMENT, row):
        return None
    before = find(connection, adjustment.stock_code) or Position(
        stock_code=adjustment.stock_code,
        stock_name=adjustment.stock_name,
        quantity=0,
        average_price_krw=0.0,
        sector_group=adjustment.sector_group,
        bought_on=adjustment.bought_on,
    )
    step = Change(
        adjustment.quantity,
        adjustment.price_krw,
        adjustment.effective_at,
        adjustment.adjustment_id,
        kind=adjustment.kind,
    )
    after = with_shares(before, shares_of(before).apply(step))
    save(connection, after, now=adjustment.effective_at)
    return after


def rebuild_missing(connection: Connection, *, now: datetime) -> list[Position]:
    """Store positions that history has and the table lacks (a restored or hand-written history)."""
    stored = load(connection)
    made: list[Position] = []
    for code in sorted(known_codes(connection) - stored.keys()):
        shares = derived(connection, code)
        if not shares.is_empty:
            position = with_shares(
                Position(stock_code=code, stock_name=code, quantity=0, average_price_krw=0.0), shares
            )
            save(connection, position, now=now)
            made.append(position)
    return made


def set_reconciled(connection: Connection, codes: list[str], *, reconciled: bool) -> None:
    """Mark codes as agreeing with the broker or not."""
    if codes:
        connection.execute(update(PORTFOLIO).where(PORTFOLIO.c.stock_code.in_(codes)).values(reconciled=reconciled))


def raise_watermark(connection: Connection, code: str, price_krw: int, *, floor_armed: bool, now: datetime) -> None:
    """Keep the monitor's highest price of a holding, and whether its profit floor is armed (R-MON-01, R-MON-04)."""
    connection.execute(
        update(PORTFOLIO)
        .where(
            PORTFOLIO.c.stock_code == code,
            (PORTFOLIO.c.high_watermark_krw.is_(None)) | (PORTFOLIO.c.high_watermark_krw < price_krw),
        )
        .values(high_watermark_krw=price_krw, updated_at=now)
    )
    if floor_armed:
        connection.execute(
            update(PORTFOLIO).where(PORTFOLIO.c.stock_code == code).values(profit_floor_armed=True, updated_at=now)
        )


def _from_row(row: dict[str, object]) -> Position:
    return Position.model_validate({name: value for name, value in row.items() if name != "updated_at"})
