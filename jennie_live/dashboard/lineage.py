"""The way back from a trade to the prices it rests on, read from the two stores (R-DASH, drill 40)."""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_infra.db.ledger import FillRow, OrderIntent, SignalLog, TradeLog
from jennie_infra.db.market import DailyQuantScore, StockDailyPrice, WatchlistHistory
from jennie_live.dashboard.schemas.research import ChainLink


def ledger_links(connection: Connection, intent_id: str) -> tuple[list[ChainLink], Any | None]:
    """Links trade, fills, order, signal; and the order row that names the runs (None when there is no such order)."""
    intent = connection.execute(select(OrderIntent.__table__).where(OrderIntent.intent_id == intent_id)).first()
    if intent is None:
        return [ChainLink(step="order", found=False, label=intent_id)], None
    trade = connection.execute(select(TradeLog.__table__).where(TradeLog.intent_id == intent_id)).first()
    fills = connection.execute(
        select(FillRow.__table__).where(FillRow.intent_id == intent_id).order_by(FillRow.filled_at)
    ).all()
    signal = connection.execute(select(SignalLog.__table__).where(SignalLog.signal_id == intent.source_id)).first()
    return [_trade(trade, intent_id), _fills(fills), _order(intent), _signal(signal, intent.source_id)], intent


def market_links(connection: Connection, code: str, version: str | None, run_id: str | None) -> list[ChainLink]:
    """Links watchlist, score and price partitions of the run an order names."""
    if run_id is None:
        return [ChainLink(step="watchlist", found=False, label="no run is named by the order")]
    listed = connection.execute(
        select(WatchlistHistory.__table__).where(WatchlistHistory.run_id == run_id, WatchlistHistory.stock_code == code)
    ).first()
    score = connection.execute(
        select(DailyQuantScore.__table__).where(
            DailyQuantScore.run_id == run_id, DailyQuantScore.stock_code == code, DailyQuantScore.feeds_watchlist
        )
    ).first()
    links = [_watchlist(listed, version), _score(score, run_id)]
    links.append(_prices(connection, code, score.score_date) if score is not None else _missing("prices", code))
    return links


def _missing(step: str, label: str) -> ChainLink:
    return ChainLink(step=step, found=False, label=label)


def _trade(row: Any | None, intent_id: str) -> ChainLink:
    if row is None:
        return _missing("trade", intent_id)
    return ChainLink(
        step="trade",
        found=True,
        label=f"{row.trade_type} {row.stock_name}",
        at=row.traded_at,
        facts={
            "quantity": row.quantity,
            "price_krw": row.price_krw,
            "fee_krw": row.fee_krw,
            "tax_krw": row.tax_krw,
            "realized_pnl_krw": row.realized_pnl_krw,
            "profit_pct": row.profit_pct,
            "market_regime": row.market_regime,
        },
    )


def _fills(rows: Any) -> ChainLink:
    if not rows:
        return _missing("fills", "")
    return ChainLink(
        step="fills",
        found=True,
        label=f"{len(rows)}",
        at=rows[-1].filled_at,
        facts={
            "fills": len(rows),
            "quantity": sum(row.quantity for row in rows),
            "sources": ", ".join({r.source for r in rows}),
        },
    )


def _order(row: Any) -> ChainLink:
    return ChainLink(
        step="order",
        found=True,
        label=row.intent_id,
        at=row.market_at,
        facts={
            "state": row.state,
            "side": row.side,
            "order_type": row.order_type,
            "quantity": row.quantity,
            "limit_price_krw": row.limit_price_krw,
            "reference_price_krw": row.reference_price_krw,
            "reason": row.reason,
            "rule": row.rule,
            "tick_to_order_ms": _milliseconds(row.tick_received_us, row.sent_us),
        },
    )


def _signal(row: Any | None, signal_id: str) -> ChainLink:
    if row is None:
        return _missing("signal", signal_id)
    return ChainLink(
        step="signal",
        found=True,
        label=row.strategy,
        at=row.raised_at,
        facts={"signal_id": row.signal_id, "price_krw": row.price_krw, "outcome": row.outcome},
    )


def _watchlist(row: Any | None, version: str | None) -> ChainLink:
    if row is None:
        return _missing("watchlist", version or "")
    return ChainLink(
        step="watchlist",
        found=True,
        label=row.version,
        at=row.known_at,
        facts={
            "rank": row.rank_number,
            "market_regime": row.market_regime,
            "hybrid_score": row.entry.get("hybrid_score"),
            "trade_tier": row.entry.get("trade_tier"),
        },
    )


def _score(row: Any | None, run_id: str) -> ChainLink:
    if row is None:
        return _missing("score", run_id)
    return ChainLink(
        step="score",
        found=True,
        label=run_id,
        at=row.known_at,
        facts={
            "score_date": row.score_date.isoformat(),
            "total_quant_score": row.total_quant_score,
            "llm_score": row.llm_score,
            "coverage_ratio": row.coverage_ratio,
            "analyst": row.analyst,
            "scorer_version": row.scorer_version,
            "settings_hash": row.settings_hash,
        },
    )


def _prices(connection: Connection, code: str, before: date) -> ChainLink:
    """Partitions that scoring of day `before` may read: sessions before it (Q2)."""
    first, last, number, newest = connection.execute(
        select(
            func.min(StockDailyPrice.trade_date),
            func.max(StockDailyPrice.trade_date),
            func.count(),
            func.max(StockDailyPrice.known_at),
        ).where(StockDailyPrice.stock_code == code, StockDailyPrice.trade_date < before)
    ).one()
    if not number:
        return _missing("prices", code)
    return ChainLink(
        step="prices",
        found=True,
        label=f"{first.isoformat()} – {last.isoformat()}",
        at=newest,
        facts={"partitions": number, "first": first.isoformat(), "last": last.isoformat()},
    )


def _milliseconds(start_us: int | None, end_us: int | None) -> float | None:
    return None if start_us is None or end_us is None else round((end_us - start_us) / 1000, 2)
