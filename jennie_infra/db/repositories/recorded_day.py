"""What both stores kept of one past day, as a replay needs it: what was published, and the books of the morning."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from jennie_core.domain.base import KST
from jennie_core.domain.enums import AssetKind, ListingStatus, Market, MarketRegime, OrderSide, SellReason
from jennie_core.domain.macro import SectorBudget, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.positions import Position
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.accounting import derive
from jennie_core.strategy.booking import with_shares
from jennie_infra.db.ledger import PermitLog
from jennie_infra.db.market import DailyMacroInsight, SectorBudgetHistory, StockMaster, WatchlistHistory
from jennie_infra.db.repositories import positions
from jennie_infra.db.repositories.cooldowns import CooldownKind
from jennie_infra.db.repositories.market_prices import table_of
from jennie_infra.db.repositories.tables import ASSET_SNAPSHOT, COOLDOWN, INTENT, PORTFOLIO


@dataclass(frozen=True, slots=True)
class StoredContext:
    """One published trading context with the volatility index its insight carried."""

    context: TradingContext
    vix: float | None


@dataclass(frozen=True, slots=True)
class StoredStock:
    """A code of the stock master; `status` None = the source told none."""

    name: str
    market: Market
    kind: AssetKind
    status: ListingStatus | None


def contexts_of(connection: Connection, day: date) -> list[StoredContext]:
    """Every context of a market day, in order of publication."""
    t = table_of(DailyMacroInsight).c
    rows = connection.execute(
        select(t.context, t.insight).where(t.insight_date == day).order_by(t.known_at, t.run_id)
    ).all()
    return [StoredContext(TradingContext.model_validate(row[0]), row[1].get("vix_value")) for row in rows if row[0]]


def budgets_of(connection: Connection, day: date) -> list[SectorBudget]:
    """Every sector budget of a market day, in order of publication."""
    t = table_of(SectorBudgetHistory).c
    rows = connection.execute(select(t.budget).where(t.budget_date == day).order_by(t.known_at, t.run_id)).scalars()
    return [SectorBudget.model_validate(row) for row in rows]


def watchlists_of(connection: Connection, day: date) -> list[HotWatchlist]:
    """Every watchlist of a market day, in order of publication; one without any stock left no row."""
    t = table_of(WatchlistHistory).c
    rows = connection.execute(
        select(t.run_id, t.version, t.market_regime, t.known_at, t.entry)
        .where(t.snapshot_date == day)
        .order_by(t.known_at, t.run_id, t.rank_number)
    ).all()
    runs: dict[str, list[Any]] = {}
    for row in rows:
        runs.setdefault(row.run_id, []).append(row)
    return [
        HotWatchlist(
            version=found[0].version,
            run_id=run_id,
            market_day=day,
            market_regime=MarketRegime(found[0].market_regime),
            entries=tuple(WatchlistEntry.model_validate(row.entry) for row in found),
            known_at=found[0].known_at,
            expires_at=session_times(day).close_at,
        )
        for run_id, found in runs.items()
    ]


def permits_of(connection: Connection, day: date) -> list[TradingPermit]:
    """Every permit of a market day, withdrawn ones included, in order of issue."""
    statement = select(PermitLog.document).where(PermitLog.market_day == day).order_by(PermitLog.issued_at)
    return [TradingPermit.model_validate(row) for row in connection.execute(statement).scalars()]


def stocks_of(connection: Connection, day: date, codes: Iterable[str]) -> dict[str, StoredStock]:
    """The newest master row before `day` of each code that has one."""
    t = table_of(StockMaster).c
    statement = (
        select(t.stock_code, t.stock_name, t.market, t.asset_kind, t.status)
        .where(t.as_of < day, t.stock_code.in_(sorted(codes)))
        .order_by(t.as_of)
    )
    return {
        row.stock_code: StoredStock(
            row.stock_name,
            Market(row.market or Market.UNKNOWN),
            AssetKind(row.asset_kind or AssetKind.COMMON),
            None if row.status is None else ListingStatus(row.status),
        )
        for row in connection.execute(statement)
    }


def morning_positions(connection: Connection, day: date) -> list[Position]:
    """What was held before the day's first fill, from fills and adjustments; a stop's high watermark is not kept."""
    midnight = datetime.combine(day, time(), KST)
    found: list[Position] = []
    for code in sorted(positions.known_codes(connection)):
        changes = [change for change in positions.changes(connection, code) if change.at < midnight]
        shares = derive(changes)
        if shares.is_empty:
            continue
        since = _held_since(changes)
        facts = _facts_of(connection, code)
        stock = Position(stock_code=code, stock_name=facts.get("stock_name") or code, quantity=0, average_price_krw=0.0)
        state = {"sector_group": facts.get("sector_group"), "bought_on": None if since is None else since.date()}
        found.append(
            with_shares(stock, shares).model_copy(update=state | _exit_state(connection, code, since, midnight))
        )
    return found


def morning_cash(connection: Connection, day: date) -> int | None:
    """Cash of the newest snapshot before the day; None when there is none."""
    statement = (
        select(ASSET_SNAPSHOT.c.cash_krw)
        .where(ASSET_SNAPSHOT.c.snapshot_date < day, ASSET_SNAPSHOT.c.is_active)
        .order_by(ASSET_SNAPSHOT.c.snapshot_date.desc(), ASSET_SNAPSHOT.c.known_at.desc())
        .limit(1)
    )
    cash = connection.execute(statement).scalar()
    return None if cash is None else int(cash)


def cooldowns_before(
    connection: Connection, started_before: dict[CooldownKind, datetime]
) -> dict[CooldownKind, dict[str, datetime]]:
    """Ends by code of the cooldowns whose end lies before the given instants: those that an earlier day began."""
    ends: dict[CooldownKind, dict[str, datetime]] = {kind: {} for kind in CooldownKind}
    for row in connection.execute(select(COOLDOWN)).mappings():
        kind = CooldownKind(row["kind"])
        if row["until"] < started_before[kind]:
            ends[kind][row["stock_code"]] = row["until"]
    return ends


def _held_since(changes: Iterable[Any]) -> datetime | None:
    """When the present holding began: the first change after the last time nothing was held."""
    since: datetime | None = None
    so_far: list[Any] = []
    for change in sorted(changes, key=lambda each: (each.at, each.change_id)):
        if derive(so_far).quantity == 0:
            since = change.at.astimezone(KST)
        so_far.append(change)
    return since


def _facts_of(connection: Connection, code: str) -> dict[str, Any]:
    """Name and sector: from the position if it is still held, else from the newest intent of the code."""
    held = (
        connection.execute(
            select(PORTFOLIO.c.stock_name, PORTFOLIO.c.sector_group).where(PORTFOLIO.c.stock_code == code)
        )
        .mappings()
        .first()
    )
    if held is not None:
        return {**held}
    intent = (
        connection.execute(
            select(INTENT.c.stock_name, INTENT.c.context)
            .where(INTENT.c.stock_code == code)
            .order_by(INTENT.c.created_at.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    if intent is None:
        return {}
    return {"stock_name": intent["stock_name"], "sector_group": intent["context"].get("sector_group")}


def _exit_state(connection: Connection, code: str, since: datetime | None, midnight: datetime) -> dict[str, Any]:
    """Scale-out level and RSI flag that earlier sales of this holding have reached (R-MON-06)."""
    if since is None:
        return {}
    rows = connection.execute(
        select(INTENT.c.scale_out_level, INTENT.c.reason).where(
            INTENT.c.stock_code == code,
            INTENT.c.side == OrderSide.SELL.value,
            INTENT.c.filled_quantity > 0,
            INTENT.c.market_at >= since,
            INTENT.c.market_at < midnight,
        )
    ).all()
    return {
        "scale_out_level": max((row[0] for row in rows if row[0] is not None), default=0),
        "rsi_sold": any(row[1] == SellReason.RSI_OVERBOUGHT.value for row in rows),
    }
