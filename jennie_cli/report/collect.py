"""Collects the report: our ledger, the exchange's ledger, the data plane's runs and the processes."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from jennie_cli.data_plane import ConductedPlane
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.fault_options import DayFault
from jennie_cli.market import PreparedMarket
from jennie_cli.report import ledger_facts
from jennie_cli.report.ledger_facts import LedgerFacts
from jennie_cli.report.model import (
    CurvePoint,
    FaultRow,
    LineageSample,
    Note,
    Pnl,
    PositionRow,
    ProcessRow,
    Report,
    TickCounts,
    WatchlistSummary,
)
from jennie_cli.report.reconcile import reconcile
from jennie_cli.stack import MODULES, Stack
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get_sync
from jennie_infra.bus.connect import connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import DailyBriefing, DailyQuantScore, StockDailyPrice
from jennie_infra.settings import Settings

RECEIVED_METRIC = "jennie_records"
COUNT_SECONDS = 3.0


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
    received = _received(settings, sent)
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
        processes=_processes(stack, settings),
        lineage_sample=_lineage(facts, settings),
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
        briefing=_briefing(settings, run),
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
    scored, left_out = _left_out(settings, day)
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


def _left_out(settings: Settings, day: date) -> tuple[int, dict[str, int]]:
    """Stocks scored by the newest run of a day, and those of them that may not be bought by the rule that says so."""
    engine = make_engine(settings.effective_market_url, durable=False)
    t = DailyQuantScore
    try:
        with engine.connect() as connection:
            rows = connection.execute(
                select(t.exclusion, func.count()).where(t.score_date == day, t.is_active).group_by(t.exclusion)
            ).all()
    finally:
        engine.dispose()
    counts: Counter[str] = Counter()
    for reason, count in rows:
        if reason is not None:
            counts[reason] += count
    return sum(count for _, count in rows), dict(counts.most_common())


def _received(settings: Settings, sent: int) -> int:
    """Trade records taken from the exchange's frames since the gateway started, dropped ones too.

    The gateway carries its counts over once a second, so a count below `sent` is asked for again for a few seconds.
    """
    deadline = time.monotonic() + COUNT_SECONDS
    while (received := _counted(settings)) < sent and time.monotonic() < deadline:
        time.sleep(0.2)
    return received


def _counted(settings: Settings) -> int:
    body = httpx.get(f"{settings.url('kis-gateway')}/metrics", timeout=5.0).text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(body)
        if family.name == RECEIVED_METRIC
        for sample in family.samples
        if sample.name.endswith("_total")
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


def _processes(stack: Stack, settings: Settings) -> tuple[ProcessRow, ...]:
    spawned = stack.spawn_counts()
    rows: list[ProcessRow] = []
    for info in stack.process_info():
        name, pid = str(info["name"]), int(info["pid"])
        rows.append(
            ProcessRow(
                name=name,
                pid=pid,
                port=settings.port(name) if name in MODULES or name == "sim" else None,
                healthy=_healthy(settings, name) if name in MODULES else info["statename"] == "RUNNING",
                restarts=max(0, spawned.get(name, 1) - 1),
                rss_mb=_rss_mb(pid),
            )
        )
    return tuple(rows)


def _healthy(settings: Settings, name: str) -> bool:
    try:
        return httpx.get(f"{settings.url(name)}/health", timeout=5.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _rss_mb(pid: int) -> float | None:
    try:
        return round(psutil.Process(pid).memory_info().rss / 2**20, 1)
    except psutil.NoSuchProcess:
        return None


def _alerts(settings: Settings) -> tuple[str, ...]:
    """Every alert of the day as it was said, from the stream."""
    client = connect_sync(settings.effective_redis_url)
    try:
        entries: Any = client.xrange("stream:alerts", count=200)
    finally:
        client.close()
    from jennie_core.domain.signals import Alert
    from jennie_infra.bus.streams import decode_entry

    said: list[str] = []
    for entry_id, fields in entries:
        message = decode_entry(entry_id, fields).message
        if isinstance(message, Alert):
            said.append(f"{message.raised_at:%H:%M:%S} {message.severity} {message.service}: {message.text}")
    return tuple(said[-60:])


def _briefing(settings: Settings, run: Conducted) -> str | None:
    engine = make_engine(settings.effective_market_url, durable=False)
    try:
        with engine.connect() as connection:
            return connection.execute(
                select(DailyBriefing.text)
                .where(DailyBriefing.briefing_date == run.market.day)
                .order_by(DailyBriefing.known_at.desc())
            ).scalar()
    finally:
        engine.dispose()


def _lineage(facts: LedgerFacts, settings: Settings) -> LineageSample | None:
    """The first fill of a scanner's buy, else the first fill, followed back to price rows."""
    if not facts.fills:
        return None
    intents = {row["intent_id"]: row for row in facts.intents}
    known = [fill for fill in facts.fills if fill["intent_id"] in intents]
    if not known:
        return None
    fill = next((row for row in known if row["side"] == "buy"), known[0])
    intent = intents[fill["intent_id"]]
    run_id, code = intent["score_run_id"], intent["stock_code"]
    engine = make_engine(settings.effective_market_url, durable=False)
    try:
        with engine.connect() as connection:
            score_date = connection.execute(
                select(DailyQuantScore.score_date).where(
                    DailyQuantScore.run_id == run_id, DailyQuantScore.stock_code == code
                )
            ).scalar()
            before = score_date or intent["market_day"]
            first, last, rows = connection.execute(
                select(func.min(StockDailyPrice.trade_date), func.max(StockDailyPrice.trade_date), func.count()).where(
                    StockDailyPrice.stock_code == code, StockDailyPrice.trade_date < before
                )
            ).one()
    finally:
        engine.dispose()
    return LineageSample(
        fill_id=fill["fill_id"],
        intent_id=intent["intent_id"],
        signal_id=intent["source_id"],
        signal_type=intent["reason"],
        watchlist_version=intent["watchlist_version"],
        score_run_id=run_id,
        score_partition=None if score_date is None else score_date.isoformat(),
        price_partitions=() if first is None else (first.isoformat(), last.isoformat()),
        price_rows=int(rows),
    )
