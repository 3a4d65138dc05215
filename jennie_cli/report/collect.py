"""Collects the report: our ledger, the exchange's ledger, the data plane's runs and the processes."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from jennie_cli.data_plane import ConductedPlane
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.fault_options import DayFault
from jennie_cli.market import PreparedMarket
from jennie_cli.report import ledger_facts, market_facts, process_facts
from jennie_cli.report.ledger_facts import LedgerFacts
from jennie_cli.report.model import (
    CurvePoint,
    FaultRow,
    Note,
    Pnl,
    PositionRow,
    Report,
    TickCounts,
    WatchlistSummary,
)
from jennie_cli.report.reconcile import reconcile
from jennie_cli.stack import Stack
from jennie_core.domain.signals import Alert
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get_sync
from jennie_infra.bus.connect import connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.db.engine import make_engine
from jennie_infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Conducted:
    """What the conductor knows when the day is over."""

    market: PreparedMarket
    plane: ConductedPlane
    settings: Settings
    speed: str
    seed: int
    curve: tuple[CurvePoint, ...]
    backfilled: int
    ended_early: bool
    faults: tuple[DayFault, ...] = ()


def collect(run: Conducted, admin: ExchangeAdmin, stack: Stack) -> Report:
    """The report of the finished day; wall seconds and phases are filled in by the caller."""
    settings, market = run.settings, run.market
    exchange = admin.ledger()
    account = exchange["accounts"][0]
    ledger = make_engine(settings.effective_ledger_url, durable=True)
    try:
        with ledger.connect() as connection:
            facts = ledger_facts.read_facts(connection, market.day)
            fees, taxes = ledger_facts.costs(connection, market.day)
    finally:
        ledger.dispose()
    trading = settings.trading()
    permit = ledger_facts.last_permit(facts)
    sent = int(admin.state()["ticks_sent"])
    received = process_facts.received(settings, sent)
    return Report(
        mode=settings.mode.value,
        market_day=market.day,
        data_source=market.source,
        simulated=market.simulated,
        seed=run.seed,
        speed=run.speed,
        slice_seconds=settings.slice_seconds,
        wall_seconds=0.0,
        phases={},
        assets=run.plane.asset_counts(),
        checks=run.plane.check_counts(),
        partitions_backfilled=run.backfilled,
        watchlist=_watchlist(settings, market.day),
        ticks=TickCounts(sent=sent, received=received, lost=sent - received),
        signals=ledger_facts.signal_counts(facts),
        orders=ledger_facts.order_counts(facts),
        fills=len(facts.fills),
        positions=_positions(facts, exchange),
        pnl=Pnl(
            realized_krw=sum(row["realized_pnl_krw"] for row in facts.trades if row["realized_pnl_krw"] is not None),
            unrealized_krw=int(account["unrealized_pnl_krw"]),
            fees_krw=fees,
            taxes_krw=taxes,
        ),
        latency_ms=ledger_facts.latency(facts),
        reconciliation=reconcile(facts, exchange, start_cash_krw=market.cash_krw, fees_krw=fees, taxes_krw=taxes),
        processes=process_facts.processes(stack, settings),
        lineage_sample=market_facts.lineage(facts, settings),
        settings_hash=trading.settings_hash(),
        settings_are_default=trading == TradingSettings(),
        order_hash=ledger_facts.day_hash(facts),
        exchange_ledger_hash=str(exchange["hash"])[:16],
        permit_granted=permit.granted,
        permit_reasons=permit.reasons,
        order_rows=ledger_facts.order_rows(facts),
        refusal_rows=ledger_facts.refusal_rows(facts),
        equity_curve=run.curve,
        start_equity_krw=market.previous_equity_krw,
        end_equity_krw=int(account["total_krw"]),
        day_pnl_krw=int(account["total_krw"]) - market.previous_equity_krw,
        moved_values=market.moved_values,
        faults=_faults(run, admin),
        limit_violations=int(admin.violations()["count"]),
        alerts=_alerts(settings),
        briefing=market_facts.briefing(settings, market.day),
        notes=_notes(run),
    )


def _notes(run: Conducted) -> tuple[Note, ...]:
    market, notes = run.market, list(run.market.notes)
    if market.moved_values:
        notes.append(
            Note(
                ko=f"그날 가격 {market.moved_values}개를 상하한가 안의 가장 가까운 호가로 옮겼습니다.",
                en=f"{market.moved_values} prices of the day were mapped onto legal ticks inside the limits.",
            )
        )
    if run.ended_early:
        notes.append(
            Note(
                ko="하루를 일찍 끝냈습니다. 보유 종목은 그 시각의 상태입니다.",
                en="The day was ended early; positions are as they stood then.",
            )
        )
    return tuple(notes)


def _faults(run: Conducted, admin: ExchangeAdmin) -> tuple[FaultRow, ...]:
    """The day's faults with their hits; they were the first to be switched on, in this order."""
    active = admin.active_faults() if run.faults else []
    return tuple(FaultRow(fault=asked.text, hits=row["hits"]) for asked, row in zip(run.faults, active, strict=False))


def _watchlist(settings: Settings, day: date) -> WatchlistSummary:
    scored, left_out = market_facts.left_out(settings, day)
    client = connect_sync(settings.effective_redis_url)
    try:
        watchlist = get_sync(client, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).value
    finally:
        client.close()
    if watchlist is None:
        return WatchlistSummary(version=None, size=0, tradable=0, regime=None, scored=scored, left_out=left_out)
    return WatchlistSummary(
        version=watchlist.version,
        size=len(watchlist.entries),
        tradable=sum(entry.is_tradable for entry in watchlist.entries),
        regime=watchlist.market_regime.value,
        names=tuple(f"{entry.name} {entry.hybrid_score:.0f}" for entry in watchlist.entries),
        scored=scored,
        left_out=left_out,
    )


def _positions(facts: LedgerFacts, exchange: dict[str, Any]) -> tuple[PositionRow, ...]:
    prices = exchange["accounts"][0]["last_prices_krw"]
    carried = {row["code"] for row in exchange["accounts"][0]["holdings"] if row["carried_quantity"]}
    rows: list[PositionRow] = []
    for row in facts.positions:
        last = prices.get(row["stock_code"])
        rows.append(
            PositionRow(
                stock_code=row["stock_code"],
                stock_name=row["stock_name"],
                quantity=row["quantity"] + row["external_quantity"],
                average_price_krw=row["average_price_krw"],
                last_price_krw=last,
                unrealized_krw=None if last is None else round((last - row["average_price_krw"]) * row["quantity"]),
                carried=row["stock_code"] in carried,
                sector_group=row["sector_group"],
            )
        )
    return tuple(rows)


def _alerts(settings: Settings) -> tuple[str, ...]:
    """Every alert of the day as it was said, from the stream."""
    client = connect_sync(settings.effective_redis_url)
    try:
        entries: Any = client.xrange(Streams.ALERTS.value, count=200)
    finally:
        client.close()
    said: list[str] = []
    for entry_id, fields in entries:
        message = decode_entry(entry_id, fields).message
        if isinstance(message, Alert):
            said.append(f"{message.raised_at:%H:%M:%S} {message.severity} {message.service}: {message.text}")
    return tuple(said[-60:])
