"""What the ledger store says of a rehearsal day: signals, orders, fills, positions, latencies, order hash."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, RowMapping

from jennie_cli.report.model import (
    Latency,
    OrderCounts,
    OrderRow,
    PermitFacts,
    Quantiles,
    RefusalRow,
    SignalCounts,
)
from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.enums import OrderState
from jennie_core.replay.order_hash import HashedOrder, order_hash
from jennie_infra.db.ledger import (
    ActivePortfolio,
    AlertLog,
    DecisionLog,
    FillRow,
    OrderIntent,
    PermitLog,
    SignalLog,
    TradeLog,
)

NEVER_SENT = frozenset({OrderState.INTENT.value, OrderState.NOT_PLACED.value})


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """Rows of the day, read in one transaction."""

    intents: Sequence[RowMapping]
    fills: Sequence[RowMapping]
    signals: Sequence[RowMapping]
    decisions: Sequence[RowMapping]
    positions: Sequence[RowMapping]
    trades: Sequence[RowMapping]
    permits: Sequence[RowMapping]
    alerts: Sequence[RowMapping]


def read_facts(connection: Connection, day: date) -> LedgerFacts:
    """Everything the report needs of one market day."""

    def rows(query: Any) -> Sequence[RowMapping]:
        return connection.execute(query).mappings().all()

    return LedgerFacts(
        intents=rows(
            select(OrderIntent.__table__).where(OrderIntent.market_day == day).order_by(OrderIntent.created_at)
        ),
        fills=rows(select(FillRow.__table__).where(FillRow.market_day == day).order_by(FillRow.filled_at)),
        signals=rows(select(SignalLog.__table__).where(SignalLog.market_day == day).order_by(SignalLog.raised_at)),
        decisions=rows(
            select(DecisionLog.__table__).where(DecisionLog.market_day == day).order_by(DecisionLog.decided_at)
        ),
        positions=rows(select(ActivePortfolio.__table__).order_by(ActivePortfolio.stock_code)),
        trades=rows(select(TradeLog.__table__).where(TradeLog.market_day == day)),
        permits=rows(select(PermitLog.__table__).where(PermitLog.market_day == day).order_by(PermitLog.issued_at)),
        alerts=rows(select(AlertLog.__table__).order_by(AlertLog.raised_at)),
    )


def signal_counts(facts: LedgerFacts) -> SignalCounts:
    """Signals by side, and refusals by rule: of signals and of setups that never became one."""
    refused: Counter[str] = Counter()
    for row in facts.signals:
        if row["side"] == "buy" and row["refusal_rule"]:
            refused[row["refusal_rule"]] += 1
    signal_times = {(row["stock_code"], row["raised_at"]) for row in facts.signals}
    for row in facts.decisions:
        if (row["stock_code"], row["decided_at"]) not in signal_times:
            refused[row["rule"]] += 1
    return SignalCounts(
        buy=sum(row["side"] == "buy" for row in facts.signals),
        sell=sum(row["side"] == "sell" for row in facts.signals),
        refused=dict(refused.most_common()),
    )


def order_counts(facts: LedgerFacts) -> OrderCounts:
    """Submitted orders by their final state."""
    states = Counter(row["state"] for row in facts.intents if row["state"] not in NEVER_SENT)
    partly = sum(
        0 < row["filled_quantity"] < row["quantity"] for row in facts.intents if row["state"] not in NEVER_SENT
    )
    return OrderCounts(
        submitted=sum(states.values()),
        filled=states[OrderState.FILLED.value],
        partially_filled=partly,
        cancelled=states[OrderState.CANCELLED.value],
        rejected=states[OrderState.REJECTED.value],
        unknown=states[OrderState.UNKNOWN.value],
    )


def order_rows(facts: LedgerFacts) -> tuple[OrderRow, ...]:
    """Submitted orders as a person reads them."""
    realized = {row["intent_id"]: row["realized_pnl_krw"] for row in facts.trades}
    return tuple(
        OrderRow(
            market_time=row["market_at"].astimezone(KST).strftime("%H:%M:%S"),
            side=row["side"],
            stock_code=row["stock_code"],
            stock_name=row["stock_name"],
            quantity=row["quantity"],
            filled_quantity=row["filled_quantity"],
            average_price_krw=row["filled_amount_krw"] / row["filled_quantity"] if row["filled_quantity"] else None,
            reason=row["reason"],
            rule=row["rule"],
            state=row["state"],
            realized_pnl_krw=realized.get(row["intent_id"]),
        )
        for row in facts.intents
        if row["state"] not in NEVER_SENT
    )


def refusal_rows(facts: LedgerFacts) -> tuple[RefusalRow, ...]:
    """Refused buys with rule, value and limit; the executor's first, then the scanner's."""
    names = {row["stock_code"]: row["stock_name"] for row in facts.signals}
    names |= {row["stock_code"]: row["stock_name"] for row in facts.intents}
    found = [
        RefusalRow(
            market_time=row["raised_at"].astimezone(KST).strftime("%H:%M:%S"),
            stock_code=row["stock_code"],
            stock_name=row["stock_name"],
            subject=row["strategy"],
            rule=row["refusal_rule"],
            detail=row["refusal_text"] or "",
            value=row["refusal_value"],
            limit=row["refusal_limit"],
        )
        for row in facts.signals
        if row["side"] == "buy" and row["refusal_rule"]
    ]
    signal_times = {(row["stock_code"], row["raised_at"]) for row in facts.signals}
    found += [
        RefusalRow(
            market_time=row["decided_at"].astimezone(KST).strftime("%H:%M:%S"),
            stock_code=row["stock_code"],
            stock_name=names.get(row["stock_code"], row["stock_code"]),
            subject=row["subject"],
            rule=row["rule"],
            detail=row["detail"],
            value=row["value"],
            limit=row["limit_value"],
        )
        for row in facts.decisions
        if (row["stock_code"], row["decided_at"]) not in signal_times
    ]
    return tuple(found[:400])


def day_hash(facts: LedgerFacts) -> str:
    """Hash over the submitted orders of the day."""
    return order_hash(
        HashedOrder(
            market_at=row["market_at"],
            side=row["side"],
            stock_code=row["stock_code"],
            quantity=row["quantity"],
            order_type=row["order_type"],
            limit_price_krw=row["limit_price_krw"],
        )
        for row in facts.intents
        if row["state"] not in NEVER_SENT
    )


def latency(facts: LedgerFacts) -> Latency:
    """Real-time latencies of the orders that a tick caused; bars closed by timer have no causing tick."""
    by_timer = {row["signal_id"] for row in facts.signals if _is_by_timer(row["payload"])}
    to_signal: list[float] = []
    to_order: list[float] = []
    whole: list[float] = []
    for row in facts.intents:
        tick, signalled, sent = row["tick_received_us"], row["signalled_us"], row["sent_us"]
        if row["source_id"] in by_timer:
            tick = None
        if tick is not None and signalled is not None:
            to_signal.append((signalled - tick) / 1000)
        if signalled is not None and sent is not None:
            to_order.append((sent - signalled) / 1000)
        if tick is not None and sent is not None:
            whole.append((sent - tick) / 1000)
    return Latency(
        tick_to_signal=_quantiles(to_signal), signal_to_order=_quantiles(to_order), tick_to_order=_quantiles(whole)
    )


def _is_by_timer(payload: dict[str, Any]) -> bool:
    """Whether the market time of a buy signal lies after its last tick: the bar was closed by a clock mark."""
    signalled_at, tick_us = payload.get("signalled_at"), payload.get("tick_exchange_us")
    if signalled_at is None or tick_us is None:
        return False
    return to_epoch_us(datetime.fromisoformat(signalled_at)) > int(tick_us)


def last_permit(facts: LedgerFacts) -> PermitFacts:
    """The permit in force at the end; unknown when none was ever compiled."""
    if not facts.permits:
        return PermitFacts(granted=None, reasons=())
    newest = facts.permits[-1]
    return PermitFacts(granted=newest["granted"], reasons=tuple(newest["document"]["reasons"]))


def costs(connection: Connection, day: date) -> tuple[int, int]:
    """(fees, taxes) of the day's fills in won."""
    row = connection.execute(
        select(func.coalesce(func.sum(FillRow.fee_krw), 0), func.coalesce(func.sum(FillRow.tax_krw), 0)).where(
            FillRow.market_day == day
        )
    ).one()
    return int(row[0]), int(row[1])


def _quantiles(values: list[float]) -> Quantiles:
    if not values:
        return Quantiles(p50=None, p99=None, max=None, samples=0)
    ordered = sorted(values)

    def at(ratio: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(ratio * len(ordered)))], 3)

    return Quantiles(p50=at(0.5), p99=at(0.99), max=round(ordered[-1], 3), samples=len(ordered))
