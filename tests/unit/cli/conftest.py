"""A rehearsal day in small: rows of our ledger, the exchange's ledger beside them, and the report made of both."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from jennie_cli.report import ledger_facts
from jennie_cli.report.ledger_facts import LedgerFacts
from jennie_cli.report.model import (
    AssetCounts,
    CheckCounts,
    CurvePoint,
    LineageSample,
    Pnl,
    PositionRow,
    ProcessRow,
    Reconciliation,
    Report,
    TickCounts,
    WatchlistSummary,
)
from jennie_core.domain.base import KST
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import (
    ActivePortfolio,
    DecisionLog,
    FillRow,
    OrderIntent,
    PermitLog,
    SignalLog,
    TradeLog,
)
from jennie_infra.db.schema import upgrade

DAY = date(2025, 6, 27)
START_CASH = 10_000_000


def at(minute: int) -> datetime:
    return datetime(2025, 6, 27, 10, 0, tzinfo=KST) + timedelta(minutes=minute)


@dataclass
class Day:
    """Writes a day's rows; the exchange's ledger says the same unless a test changes it."""

    engine: Engine
    exchange: dict[str, Any] = field(default_factory=dict)

    def intent(self, name: str, side: str, state: str, minute: int, **more: Any) -> None:
        row = {
            "intent_id": name,
            "account_hash": "a",
            "market_day": DAY,
            "stock_code": "005930",
            "stock_name": "삼성전자",
            "side": side,
            "order_type": "limit",
            "quantity": 10,
            "limit_price_krw": 60_000,
            "reference_price_krw": 60_000,
            "lease": 1,
            "state": state,
            "order_number": None,
            "filled_quantity": 0,
            "filled_amount_krw": 0,
            "source_id": f"of-{name}",
            "reason": "MOMENTUM",
            "rule": None,
            "context": {},
            "created_at": at(minute),
            "market_at": at(minute),
            "updated_at": at(minute),
        }
        self._insert(OrderIntent, row | more)

    def fill(self, name: str, side: str, quantity: int, price: int, fee: int, tax: int) -> None:
        row = {
            "fill_id": f"f-{name}",
            "intent_id": name,
            "order_number": "0000000001",
            "market_day": DAY,
            "stock_code": "005930",
            "side": side,
            "quantity": quantity,
            "price_krw": price,
            "fee_krw": fee,
            "tax_krw": tax,
            "filled_at": at(1),
            "booked_at": at(1),
            "source": "notice",
        }
        self._insert(FillRow, row)

    def signal(self, name: str, side: str, minute: int, rule: str | None = None, code: str = "005930") -> None:
        row = {
            "signal_id": name,
            "side": side,
            "market_day": DAY,
            "stock_code": code,
            "stock_name": "삼성전자",
            "strategy": "MOMENTUM",
            "price_krw": 60_000,
            "outcome": "refused" if rule else "ordered",
            "refusal_rule": rule,
            "refusal_text": rule and "because",
            "refusal_value": rule and "3",
            "refusal_limit": rule and "2",
            "payload": {},
            "raised_at": at(minute),
        }
        self._insert(SignalLog, row)

    def decision(self, name: str, minute: int, rule: str, code: str = "000660") -> None:
        row = {
            "decision_id": name,
            "market_day": DAY,
            "service": "buy-scanner",
            "stock_code": code,
            "subject": "MOMENTUM",
            "rule": rule,
            "detail": "RSI too high",
            "value": "80",
            "limit_value": "75",
            "decided_at": at(minute),
        }
        self._insert(DecisionLog, row)

    def permit(self, granted: bool, minute: int, reasons: list[str]) -> None:
        row = {"permit_id": f"p{minute}", "market_day": DAY, "granted": granted, "document": {"reasons": reasons}}
        self._insert(PermitLog, row | {"issued_at": at(minute)})

    def facts(self) -> LedgerFacts:
        with self.engine.connect() as connection:
            return ledger_facts.read_facts(connection, DAY)

    def costs(self) -> tuple[int, int]:
        with self.engine.connect() as connection:
            return ledger_facts.costs(connection, DAY)

    def _insert(self, table: Any, row: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(table).values(row))


@pytest.fixture
def empty_day(tmp_path: Path) -> Iterator[Day]:
    engine = make_engine(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    upgrade("ledger", engine)
    exchange = {
        "accounts": [{"holdings": [], "fees_krw": 0, "taxes_krw": 0, "cash_krw": START_CASH}],
        "orders": [],
    }
    yield Day(engine, exchange)
    engine.dispose()


@pytest.fixture
def traded_day(empty_day: Day) -> Day:
    """One buy filled in part, one sell of three of those shares, one rejected, one never sent; refusals, permits."""
    day = empty_day
    day.intent(
        "b1",
        "buy",
        "filled",
        0,
        order_number="0000000001",
        filled_quantity=10,
        filled_amount_krw=600_000,
        tick_received_us=1_000_000,
        signalled_us=1_002_000,
        sent_us=1_010_000,
    )
    day.intent("s1", "sell", "cancelled", 5, order_number="0000000002", filled_quantity=3, filled_amount_krw=186_000)
    day.intent("r1", "buy", "rejected", 6, stock_code="000660", order_number=None)
    day.intent("n1", "buy", "not_placed", 7, stock_code="000660")
    day.fill("b1", "buy", 10, 60_000, 90, 0)
    day.fill("s1", "sell", 3, 62_000, 27, 279)
    day.signal("of-b1", "buy", 0)
    day.signal("x1", "buy", 8, rule="R-BUY-08")
    day.signal("of-s1", "sell", 5)
    day.decision("d1", 9, "R-GATE-04")
    day.decision("d2", 9, "R-GATE-04", code="035720")
    day.decision("d3", 8, "R-BUY-08", code="005930")
    day.permit(False, 0, ["freshness"])
    day.permit(True, 1, [])
    day._insert(
        ActivePortfolio,
        {
            "stock_code": "005930",
            "stock_name": "삼성전자",
            "quantity": 7,
            "external_quantity": 0,
            "average_price_krw": 60_000.0,
            "scale_out_level": 0,
            "rsi_sold": False,
            "profit_floor_armed": False,
            "reconciled": True,
            "updated_at": at(6),
        },
    )
    day._insert(
        TradeLog,
        {
            "intent_id": "s1",
            "market_day": DAY,
            "stock_code": "005930",
            "stock_name": "삼성전자",
            "trade_type": "SELL",
            "quantity": 3,
            "price_krw": 62_000.0,
            "total_amount_krw": 186_000,
            "fee_krw": 27,
            "tax_krw": 279,
            "reason": "PROFIT_TARGET",
            "realized_pnl_krw": 6_000,
            "signal_id": "of-s1",
            "traded_at": at(6),
        },
    )
    cash = START_CASH - 600_000 + 186_000 - 90 - 27 - 279
    day.exchange["accounts"][0] |= {
        "holdings": [{"code": "005930", "quantity": 7, "average_price_krw": 60_000.0}],
        "fees_krw": 117,
        "taxes_krw": 279,
        "cash_krw": cash,
    }
    day.exchange["orders"] = [
        {"order_number": 1, "action": "new", "filled_quantity": 10},
        {"order_number": 2, "action": "new", "filled_quantity": 3},
        {"order_number": 3, "action": "cancel", "filled_quantity": 0},
    ]
    return day


def report_of(day: Day, **changes: Any) -> Report:
    """A whole report of a day."""
    facts = day.facts()
    fees, taxes = day.costs()
    permit = ledger_facts.last_permit(facts)
    has_orders = bool(facts.intents)
    given: dict[str, Any] = {
        "mode": "rehearsal",
        "market_day": DAY,
        "data_source": "generated market, seed 7",
        "simulated": True,
        "seed": 7,
        "speed": "max",
        "slice_seconds": 5,
        "wall_seconds": 61.5,
        "phases": {"market day": 40.0},
        "assets": AssetCounts(materialized=12, failed=0),
        "checks": CheckCounts(passed=9, failed=1, warned=0, failures=("x",)),
        "partitions_backfilled": 250,
        "watchlist": WatchlistSummary(version="w1", size=2, tradable=1, regime="BULL", names=("삼성전자 80",)),
        "ticks": TickCounts(sent=100, received=99, lost=1),
        "signals": ledger_facts.signal_counts(facts),
        "orders": ledger_facts.order_counts(facts),
        "fills": len(facts.fills),
        "positions": tuple(
            PositionRow(
                stock_code=row["stock_code"],
                stock_name=row["stock_name"],
                quantity=row["quantity"],
                average_price_krw=row["average_price_krw"],
                last_price_krw=None,
                unrealized_krw=None,
                carried=False,
                sector_group=None,
            )
            for row in facts.positions
        ),
        "pnl": Pnl(realized_krw=6_000, unrealized_krw=-500, fees_krw=fees, taxes_krw=taxes),
        "latency_ms": ledger_facts.latency(facts),
        "reconciliation": Reconciliation(
            matches=True, differences=(), compared=9, cash_ours_krw=1, cash_exchange_krw=1
        ),
        "processes": (ProcessRow(name="kis-gateway", pid=1, port=8080, healthy=True, restarts=0, rss_mb=90.5),),
        "lineage_sample": LineageSample(
            fill_id="f-b1",
            intent_id="b1",
            signal_id="of-b1",
            signal_type="MOMENTUM",
            watchlist_version="w1",
            score_run_id="r1",
            score_partition="2025-06-27",
            price_partitions=("2024-06-27", "2025-06-26"),
            price_rows=245,
        )
        if has_orders
        else None,
        "settings_hash": "0123456789ab",
        "settings_are_default": True,
        "order_hash": ledger_facts.day_hash(facts),
        "exchange_ledger_hash": "f" * 16,
        "permit_granted": permit.granted,
        "permit_reasons": permit.reasons,
        "order_rows": ledger_facts.order_rows(facts),
        "refusal_rows": ledger_facts.refusal_rows(facts),
        "equity_curve": tuple(
            CurvePoint(minute=f"10:{minute:02d}", equity_krw=10_000_000 + minute, kospi_change_pct=0.1)
            for minute in range(0, 30, 5)
        )
        if has_orders
        else (),
        "start_equity_krw": START_CASH,
        "end_equity_krw": None,
        "day_pnl_krw": None,
        "moved_values": 3,
        "limit_violations": 0,
        "alerts": ("10:00:00 warning scanner: <b>quiet</b>",),
        "briefing": "오늘의 브리핑",
        "notes": ({"ko": "알림", "en": "a note"},),
    }
    return Report.model_validate(given | changes)
