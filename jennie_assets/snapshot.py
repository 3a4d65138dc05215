"""The account at the close as one row (R-SNAP): cash and stocks as the broker has them, profit and costs as booked."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Connection

from jennie_core.domain.orders import AccountBalance
from jennie_infra.db.ledger import DailyAssetSnapshot


def snapshot_row(
    account: AccountBalance,
    booked: Sequence[Mapping[str, Any]],
    realized_krw: int,
    *,
    day: date,
    run_id: str,
    now: datetime,
) -> dict[str, Any]:
    """Columns of daily_asset_snapshot. `booked`: the day's fills with fee_krw and tax_krw."""
    held = [holding for holding in account.holdings if holding.quantity > 0]
    stocks = sum(holding.evaluation_krw for holding in held)
    invested = sum(round(holding.quantity * holding.average_price_krw) for holding in held)
    return {
        "snapshot_date": day,
        "run_id": run_id,
        "total_asset_krw": account.cash_krw + stocks,
        "cash_krw": account.cash_krw,
        "stock_evaluation_krw": stocks,
        "unrealized_pnl_krw": stocks - invested,
        "realized_pnl_krw": realized_krw,
        "fees_krw": sum(fill["fee_krw"] for fill in booked),
        "taxes_krw": sum(fill["tax_krw"] for fill in booked),
        "position_count": len(held),
        "is_active": True,
        "known_at": now,
    }


def store_snapshot(connection: Connection, row: Mapping[str, Any]) -> None:
    """Append the run's row and make it the day's active one; the same run again replaces its own (B4)."""
    t, day, run_id = DailyAssetSnapshot, row["snapshot_date"], row["run_id"]
    connection.execute(delete(t).where(t.snapshot_date == day, t.run_id == run_id))
    connection.execute(update(t).where(t.snapshot_date == day).values(is_active=False))
    connection.execute(insert(t).values(**row))
