"""The trading plane's records of one market day, read from the ledger and the tick stream."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Select, select

from jennie_assets.platform import Platform
from jennie_core.domain.base import canonical_hash
from jennie_core.domain.market import Tick
from jennie_infra.bus.streams import Streams
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.db.ledger import (
    ActivePortfolio,
    DailyAssetSnapshot,
    FillRow,
    OrderIntent,
    ReconciliationRow,
    SignalLog,
    TradeLog,
)

Row = dict[str, Any]


def rows_of(platform: Platform, statement: Select[*tuple[Any, ...]]) -> list[Row]:
    """Rows of the ledger as dicts."""
    with platform.ledger.connect() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def version_of(rows: Sequence[Row]) -> str:
    """Hash of the rows' content."""
    return canonical_hash([{key: str(value) for key, value in row.items()} for row in rows], 12) if rows else "empty"


def signals(platform: Platform, day: date, side: str) -> list[Row]:
    """Signals of a side with their outcomes, oldest first."""
    t = SignalLog
    return rows_of(
        platform,
        select(t.signal_id, t.stock_code, t.strategy, t.price_krw, t.outcome, t.refusal_rule, t.raised_at)
        .where(t.market_day == day, t.side == side)
        .order_by(t.raised_at, t.signal_id),
    )


def intents(platform: Platform, day: date) -> list[Row]:
    """Order intents, oldest first."""
    t = OrderIntent
    return rows_of(
        platform,
        select(
            t.intent_id, t.stock_code, t.side, t.order_type, t.quantity, t.state, t.filled_quantity, t.source_id,
            t.watchlist_version, t.score_run_id, t.reason, t.market_at,
        )
        .where(t.market_day == day)
        .order_by(t.market_at, t.intent_id),
    )  # fmt: skip


def fills(platform: Platform, day: date) -> list[Row]:
    """Fills, oldest first."""
    t = FillRow
    return rows_of(
        platform,
        select(t.fill_id, t.intent_id, t.stock_code, t.side, t.quantity, t.price_krw, t.fee_krw, t.tax_krw, t.filled_at)
        .where(t.market_day == day)
        .order_by(t.filled_at, t.fill_id),
    )


def positions(platform: Platform) -> list[Row]:
    """Positions as the ledger has them, by code."""
    t = ActivePortfolio
    return rows_of(
        platform,
        select(
            t.stock_code, t.stock_name, t.quantity, t.external_quantity, t.average_price_krw, t.sector_group,
            t.bought_on, t.trade_id, t.reconciled,
        ).order_by(t.stock_code),
    )  # fmt: skip


def last_reconciliation(platform: Platform, day: date) -> Row | None:
    """The last reconciliation with the broker on a day."""
    t = ReconciliationRow
    found = rows_of(
        platform,
        select(t.reconciliation_id, t.trigger, t.matches, t.differences, t.market_at)
        .where(t.market_day == day)
        .order_by(t.market_at.desc())
        .limit(1),
    )
    return found[0] if found else None


def tick_stream(platform: Platform) -> Row:
    """Length and ends of the tick stream; the ticks themselves stay where they are."""
    name = Streams.TICKS.value
    try:
        client: Any = platform.redis
        length = int(client.xlen(name))
        ends = [*client.xrange(name, count=1), *client.xrevrange(name, count=1)]
    except (RedisError, OSError) as error:
        return {"problem": f"Redis does not answer: {type(error).__name__}"}
    instants = [
        item.exchange_us if isinstance(item := decode_tick_entry(fields), Tick) else item.market_us
        for _, fields in ends
    ]
    return {
        "length": length,
        "first_us": instants[0] if instants else None,
        "last_us": instants[-1] if instants else None,
    }


def trades(platform: Platform, day: date) -> list[Row]:
    """Orders with fills of a day from the trade log, oldest first."""
    t = TradeLog
    return rows_of(
        platform,
        select(
            t.intent_id, t.stock_code, t.stock_name, t.trade_type, t.quantity, t.price_krw, t.total_amount_krw,
            t.reason, t.profit_pct, t.realized_pnl_krw, t.traded_at,
        )
        .where(t.market_day == day)
        .order_by(t.traded_at, t.intent_id),
    )  # fmt: skip


def realized_pnl(platform: Platform, day: date) -> int:
    """Realised profit of the day's sells after costs, as the desk booked it."""
    return sum(row["realized_pnl_krw"] for row in trades(platform, day) if row["realized_pnl_krw"] is not None)


def snapshot(platform: Platform, day: date) -> Row | None:
    """The active account snapshot of a day."""
    t = DailyAssetSnapshot
    found = rows_of(
        platform,
        select(
            t.total_asset_krw, t.cash_krw, t.stock_evaluation_krw, t.unrealized_pnl_krw, t.realized_pnl_krw, t.fees_krw,
            t.taxes_krw, t.position_count,
        ).where(t.snapshot_date == day, t.is_active),
    )  # fmt: skip
    return found[0] if found else None
