"""Fills booked once, in one transaction with intent, position and trade log (R-DB-03, R-BUY-15)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.base import Message
from jennie_core.domain.enums import OrderSide, OrderState
from jennie_core.strategy.booking import Booked, NewFill, position_after, progress
from jennie_core.strategy.intent import Intent
from jennie_infra.db.repositories import intents, positions
from jennie_infra.db.repositories.tables import FILL, TRADE_LOG
from jennie_infra.db.upsert import insert_ignore, upsert

_COSTS = select(func.sum(FILL.c.fee_krw).label("fee"), func.sum(FILL.c.tax_krw).label("tax")).where(
    FILL.c.intent_id == bindparam("intent_id")
)
_TRADE = select(TRADE_LOG).where(TRADE_LOG.c.intent_id == bindparam("intent_id"))
_IDS = select(FILL.c.fill_id).where(FILL.c.intent_id == bindparam("intent_id"))


class UnknownIntentError(Exception):
    """Fills were to be booked for an intent that the ledger does not have."""


def book(
    connection: Connection,
    intent: Intent,
    fills: Sequence[NewFill],
    *,
    now: datetime,
    end_state: OrderState | None = None,
) -> Booked:
    """Book fills that are new and move the intent on; booking the same fills again changes nothing.

    `end_state` closes the order (cancelled, rejected) once its fills are in; without it the state follows the fills.
    The insert comes first, so that the writer's lock is held before anything is read.
    """
    fresh = [fill for fill in fills if insert_ignore(connection, FILL, _fill_row(intent, fill, now))]
    stored = intents.find(connection, intent.intent_id, lock=True)
    if stored is None:
        raise UnknownIntentError(intent.intent_id)
    after = progress(stored, fresh, end_state)
    if after != stored:
        intents.transition(
            connection,
            after.intent_id,
            after.state,
            now=now,
            filled_quantity=after.filled_quantity,
            filled_amount_krw=after.filled_amount_krw,
        )
    if not fresh:
        return Booked(after, None, (), 0)
    position, realized = position_after(positions.find(connection, after.stock_code), after, fresh)
    positions.save(connection, position, now=now)
    _log_trade(connection, after, realized, fresh[-1].filled_at)
    return Booked(replace(after, updated_at=now), position, tuple(fresh), realized)


def fill_ids(connection: Connection, intent_id: str) -> set[str]:
    """Ids of the fills that an intent already has."""
    return set(connection.execute(_IDS, {"intent_id": intent_id}).scalars())


def inquiry_shares(connection: Connection, intent_ids: Sequence[str]) -> dict[str, int]:
    """Shares of each intent that were booked by inquiry; intents without any are left out."""
    statement = (
        select(FILL.c.intent_id, func.sum(FILL.c.quantity))
        .where(FILL.c.intent_id.in_(intent_ids), FILL.c.source == "inquiry")
        .group_by(FILL.c.intent_id)
    )
    return {intent_id: int(quantity) for intent_id, quantity in connection.execute(statement)}


class _TradeFacts(Message):
    """What the trade log takes from an intent's context; a fact that is absent stays unknown."""

    market_regime: str | None = None
    hybrid_score: float | None = None
    llm_score: float | None = None
    trade_tier: str | None = None
    holding_days: int | None = None
    average_price_krw: float | None = None


def _log_trade(connection: Connection, intent: Intent, realized: int, traded_at: datetime) -> None:
    is_sell = intent.side is OrderSide.SELL
    costs = connection.execute(_COSTS, {"intent_id": intent.intent_id}).mappings().one()
    before = connection.execute(_TRADE, {"intent_id": intent.intent_id}).mappings().first()
    earned = realized if before is None or not is_sell else before["realized_pnl_krw"] + realized
    price = intent.filled_amount_krw / intent.filled_quantity
    wanted = {name: intent.context[name] for name in _TradeFacts.model_fields if name in intent.context}
    facts = _TradeFacts.model_validate(wanted)
    average = facts.average_price_krw
    row = {
        "intent_id": intent.intent_id,
        "market_day": intent.market_day,
        "stock_code": intent.stock_code,
        "stock_name": intent.stock_name,
        "trade_type": intent.side.value.upper(),
        "quantity": intent.filled_quantity,
        "price_krw": price,
        "total_amount_krw": intent.filled_amount_krw,
        "fee_krw": int(costs["fee"]),
        "tax_krw": int(costs["tax"]),
        "reason": intent.reason,
        "rule": intent.rule,
        "profit_pct": (price / average - 1) * 100 if is_sell and average else None,
        "realized_pnl_krw": earned if is_sell else None,
        "signal_id": intent.source_id,
        "watchlist_version": intent.watchlist_version,
        "score_run_id": intent.score_run_id,
        "traded_at": traded_at,
        **facts.model_dump(exclude={"average_price_krw"}),
    }
    upsert(connection, TRADE_LOG, [row])


def _fill_row(intent: Intent, fill: NewFill, now: datetime) -> dict[str, object]:
    return {
        "fill_id": fill.fill_id,
        "intent_id": intent.intent_id,
        "order_number": intent.order_number,
        "market_day": intent.market_day,
        "stock_code": intent.stock_code,
        "side": intent.side.value,
        "quantity": fill.quantity,
        "price_krw": fill.price_krw,
        "fee_krw": fill.fee_krw,
        "tax_krw": fill.tax_krw,
        "filled_at": fill.filled_at,
        "booked_at": now,
        "source": fill.source,
    }
