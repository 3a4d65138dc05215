"""Questions to the ledger; each takes a connection and returns plain models."""

from datetime import date, datetime, timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.engine import Connection

from jennie_infra.db.ledger import (
    ActivePortfolio,
    DailyAssetSnapshot,
    DecisionLog,
    OrderIntent,
    RiskState,
    SignalLog,
    TradeLog,
)
from jennie_live.dashboard.schemas.operation import SignalOutcome
from jennie_live.dashboard.schemas.portfolio import AssetPoint, OrderView, TradeView
from jennie_live.dashboard.schemas.research import RefusalView

LEDGER = "ledger"
ORDERS_SHOWN = 50
REFUSALS_SHOWN = 500


def positions(connection: Connection) -> list[Row[tuple[object, ...]]]:
    """Rows of active_portfolio with shares, largest first."""
    table = ActivePortfolio.__table__
    rows = connection.execute(
        select(table)
        .where((table.c.quantity > 0) | (table.c.external_quantity > 0))
        .order_by((table.c.quantity * table.c.average_price_krw).desc())
    )
    return list(rows)


def latest_day(connection: Connection) -> date | None:
    """Newest market day the ledger knows of, from orders, signals or refusals."""
    days = [
        connection.execute(select(func.max(column))).scalar()
        for column in (OrderIntent.market_day, SignalLog.market_day, DecisionLog.market_day)
    ]
    return max((day for day in days if day is not None), default=None)


def orders_of(connection: Connection, day: date, limit: int = ORDERS_SHOWN) -> tuple[OrderView, ...]:
    """Order intents of a day, newest first."""
    rows = connection.execute(
        select(OrderIntent.__table__)
        .where(OrderIntent.market_day == day)
        .order_by(OrderIntent.market_at.desc(), OrderIntent.intent_id)
        .limit(limit)
    )
    return tuple(_order(row) for row in rows)


def order(connection: Connection, intent_id: str) -> OrderView | None:
    """One order intent."""
    row = connection.execute(select(OrderIntent.__table__).where(OrderIntent.intent_id == intent_id)).first()
    return None if row is None else _order(row)


def _order(row: Row[tuple[object, ...]]) -> OrderView:
    values = row._mapping
    filled = values["filled_quantity"]
    return OrderView(
        **{name: values[name] for name in OrderView.model_fields if name != "average_price_krw"},
        average_price_krw=round(values["filled_amount_krw"] / filled, 2) if filled else None,
    )


def trades_since(connection: Connection, since: datetime, limit: int = 500) -> tuple[TradeView, ...]:
    """Trades from an instant on, newest first."""
    rows = connection.execute(
        select(TradeLog.__table__).where(TradeLog.traded_at >= since).order_by(TradeLog.traded_at.desc()).limit(limit)
    )
    return tuple(TradeView(**{name: row._mapping[name] for name in TradeView.model_fields}) for row in rows)


def newest_trade_at(connection: Connection) -> datetime | None:
    """Time of the newest trade."""
    return connection.execute(select(func.max(TradeLog.traded_at))).scalar()


def realized_on(connection: Connection, day: date) -> int | None:
    """Realised profit and loss of a day; None when a sale of that day carries no figure."""
    rows = connection.execute(
        select(TradeLog.realized_pnl_krw).where(TradeLog.market_day == day, TradeLog.trade_type == "SELL")
    ).scalars()
    total = 0
    for value in rows:
        if value is None:
            return None
        total += value
    return total


def snapshots(connection: Connection, days: int) -> tuple[AssetPoint, ...]:
    """The newest `days` active snapshots, oldest first."""
    rows = connection.execute(
        select(DailyAssetSnapshot.__table__)
        .where(DailyAssetSnapshot.is_active)
        .order_by(DailyAssetSnapshot.snapshot_date.desc())
        .limit(days)
    )
    points = [AssetPoint(**{name: row._mapping[name] for name in AssetPoint.model_fields}) for row in rows]
    return tuple(reversed(points))


def risk_state(connection: Connection) -> RiskState | None:
    """Newest loss-limit state."""
    row = connection.execute(select(RiskState.__table__).order_by(RiskState.market_day.desc()).limit(1)).first()
    return None if row is None else RiskState(**dict(row._mapping))


def refusals(connection: Connection, day: date, code: str | None = None) -> tuple[RefusalView, ...]:
    """Refusals of scanner and executor on a day, newest first; a refused signal counts as well."""
    decided = select(DecisionLog.__table__).where(DecisionLog.market_day == day)
    signalled = select(SignalLog.__table__).where(
        SignalLog.market_day == day, SignalLog.side == "buy", SignalLog.refusal_rule.is_not(None)
    )
    if code is not None:
        decided, signalled = (
            decided.where(DecisionLog.stock_code == code),
            signalled.where(SignalLog.stock_code == code),
        )
    found = [
        RefusalView(
            stock_code=row.stock_code,
            service=row.service,
            subject=row.subject,
            rule=row.rule,
            detail=row.detail,
            value=row.value,
            limit=row.limit_value,
            price_krw=row.price_krw,
            decided_at=row.decided_at,
        )
        for row in connection.execute(decided.order_by(DecisionLog.decided_at.desc()).limit(REFUSALS_SHOWN))
    ]
    found += [
        RefusalView(
            stock_code=row.stock_code,
            stock_name=row.stock_name,
            service="buy-executor",
            subject=row.strategy,
            rule=row.refusal_rule,
            detail=row.refusal_text or row.outcome,
            value=row.refusal_value,
            limit=row.refusal_limit,
            price_krw=row.price_krw,
            decided_at=row.settled_at or row.raised_at,
            signal_id=row.signal_id,
        )
        for row in connection.execute(signalled.order_by(SignalLog.raised_at.desc()).limit(REFUSALS_SHOWN))
    ]
    return tuple(sorted(found, key=lambda refusal: refusal.decided_at, reverse=True))


def refusal_counts(connection: Connection, day: date) -> dict[str, int]:
    """Refusals of a day by code."""
    counts: dict[str, int] = {}
    for table in (DecisionLog, SignalLog):
        query = select(table.stock_code, func.count()).where(table.market_day == day).group_by(table.stock_code)
        if table is SignalLog:
            query = query.where(SignalLog.refusal_rule.is_not(None), SignalLog.side == "buy")
        for code, number in connection.execute(query):
            counts[code] = counts.get(code, 0) + number
    return counts


def signal_outcome(connection: Connection, signal_id: str) -> SignalOutcome:
    """What became of a signal; outcome None while no record exists."""
    row = connection.execute(select(SignalLog.__table__).where(SignalLog.signal_id == signal_id)).first()
    placed = connection.execute(select(OrderIntent.__table__).where(OrderIntent.source_id == signal_id)).first()
    values = {} if row is None else row._mapping
    return SignalOutcome(
        source=LEDGER,
        as_of=(values["settled_at"] or values["raised_at"]) if row is not None else None,
        signal_id=signal_id,
        outcome=values["outcome"] if row is not None else None,
        refusal_rule=values["refusal_rule"] if row is not None else None,
        refusal_text=values["refusal_text"] if row is not None else None,
        order=None if placed is None else _order(placed),
    )


def span_start(now: datetime, days: int) -> datetime:
    """Midnight KST, `days` days back, today included."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days - 1)
