"""Questions to the market store."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.watchlist import WatchlistEntry
from jennie_infra.db.market import DailyMacroInsight, DailyQuantScore, StockMaster, WatchlistHistory
from jennie_live.dashboard.schemas.research import FactorScores, InsightDate, WatchlistVersion

MARKET = "market"


def factor_rows(connection: Connection, run_id: str, codes: Iterable[str]) -> dict[str, Any]:
    """Score rows of one run by code, of the scorer that fed the watchlist."""
    table = DailyQuantScore.__table__
    run = (table.c.run_id == run_id) & table.c.feeds_watchlist
    rows = connection.execute(select(table).where(run, table.c.stock_code.in_(list(codes))))
    return {row.stock_code: row for row in rows}


def factors(row: Any) -> FactorScores:
    """Factor parts of a score row."""
    return FactorScores(
        momentum=row.momentum_score,
        quality=row.quality_score,
        value=row.value_score,
        technical=row.technical_score,
        news=row.news_score,
        supply_demand=row.supply_demand_score,
        sector_momentum=row.sector_momentum_score,
    )


def newest_watchlist(connection: Connection, day: date | None = None) -> list[Any]:
    """Rows of the active list of a day, or of the newest day, by rank."""
    table = WatchlistHistory.__table__
    if day is None:
        day = connection.execute(select(func.max(table.c.snapshot_date)).where(table.c.is_active)).scalar()
    query = select(table).where(table.c.snapshot_date == day, table.c.is_active).order_by(table.c.rank_number)
    return list(connection.execute(query))


def watchlist_entries(rows: Iterable[Any]) -> tuple[WatchlistEntry, ...]:
    """Entries as they were published."""
    return tuple(WatchlistEntry.model_validate(row.entry) for row in rows)


def watchlist_versions(connection: Connection, limit: int) -> tuple[WatchlistVersion, ...]:
    """Published lists, newest first."""
    table = WatchlistHistory.__table__
    rows = connection.execute(
        select(table).order_by(table.c.known_at.desc(), table.c.rank_number).limit(limit * 50)
    ).all()
    grouped: dict[str, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.run_id, []).append(row)
    return tuple(
        WatchlistVersion(
            snapshot_date=members[0].snapshot_date,
            version=members[0].version,
            run_id=run_id,
            market_regime=members[0].market_regime,
            size=len(members),
            is_active=members[0].is_active,
            known_at=members[0].known_at,
            names=tuple(str(member.entry.get("name", member.stock_code)) for member in members),
        )
        for run_id, members in list(grouped.items())[:limit]
    )


def insight_row(connection: Connection, day: date | None) -> Any | None:
    """The newest active verdict, of a day if given."""
    table = DailyMacroInsight.__table__
    query = select(table).where(table.c.is_active)
    if day is not None:
        query = query.where(table.c.insight_date == day)
    return connection.execute(query.order_by(table.c.insight_date.desc(), table.c.known_at.desc()).limit(1)).first()


def insight_dates(connection: Connection, limit: int) -> tuple[InsightDate, ...]:
    """Days with a verdict, newest first."""
    table = DailyMacroInsight.__table__
    rows = connection.execute(select(table).order_by(table.c.insight_date.desc(), table.c.known_at.desc()).limit(limit))
    return tuple(InsightDate(**{name: row._mapping[name] for name in InsightDate.model_fields}) for row in rows)


def master_row(connection: Connection, code: str) -> Any | None:
    """Newest stock master row of a code."""
    table = StockMaster.__table__
    return connection.execute(
        select(table).where(table.c.stock_code == code).order_by(table.c.as_of.desc()).limit(1)
    ).first()
