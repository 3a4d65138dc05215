"""The ledger's tables as Core objects, for statements that are built once at import."""

from typing import Any, TypeVar, cast

from sqlalchemy import Table
from sqlalchemy.engine import RowMapping

from jennie_infra.db import ledger

T = TypeVar("T")


def _table(model: Any) -> Table:
    return cast(Table, model.__table__)


INTENT = _table(ledger.OrderIntent)
FILL = _table(ledger.FillRow)
ADJUSTMENT = _table(ledger.PositionAdjustment)
PORTFOLIO = _table(ledger.ActivePortfolio)
TRADE_LOG = _table(ledger.TradeLog)
SIGNAL_LOG = _table(ledger.SignalLog)
DECISION_LOG = _table(ledger.DecisionLog)
COOLDOWN = _table(ledger.Cooldown)
DESK_LEASE = _table(ledger.DeskLease)
RECONCILIATION = _table(ledger.ReconciliationRow)
RISK_STATE = _table(ledger.RiskState)
ASSET_SNAPSHOT = _table(ledger.DailyAssetSnapshot)
ALERT_LOG = _table(ledger.AlertLog)


def as_dict(row: RowMapping) -> dict[str, Any]:
    """A row as plain names and values."""
    return {str(key): value for key, value in row.items()}
