"""Rows of the watchlist page: scores, price, and the rule nearest in the way of a buy."""

from datetime import timedelta
from typing import Any

from jennie_core.domain.decisions import Obstacles
from jennie_core.domain.watchlist import WatchlistEntry
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_live.dashboard import ledger_queries, market_queries
from jennie_live.dashboard.context import Dashboard
from jennie_live.dashboard.obstacles import nearest_obstacle
from jennie_live.dashboard.schemas.research import RefusalView, WatchRow

OBSTACLES_LIFE = timedelta(minutes=2)
"""An older picture of the scanner is no picture of now."""


async def watch_rows(context: Dashboard, entries: tuple[WatchlistEntry, ...], run_id: str) -> tuple[WatchRow, ...]:
    """One row per entry; `run_id` names the scores they were selected by."""
    codes = [entry.code for entry in entries]
    day = context.now().date()
    scores = await context.market.read(lambda c: market_queries.factor_rows(c, run_id, codes))
    refused, counts, held = await context.ledger.read(
        lambda c: (
            ledger_queries.refusals(c, day),
            ledger_queries.refusal_counts(c, day),
            {row.stock_code: row for row in ledger_queries.positions(c)},
        )
    )
    last = {refusal.stock_code: refusal for refusal in reversed(refused)}
    picture = (await get(context.runtime.redis, RedisKeys.SCAN_OBSTACLES, Obstacles)).value
    now = context.now()
    scanned = picture if picture is not None and now - picture.known_at <= OBSTACLES_LIFE else None
    return tuple(
        _row(
            context,
            entry,
            scores.get(entry.code),
            nearest_obstacle(
                entry.code, held[entry.code].quantity if entry.code in held else 0, scanned, last.get(entry.code), now
            ),
            counts.get(entry.code, 0),
            entry.code in held,
        )
        for entry in entries
    )


def _row(
    context: Dashboard,
    entry: WatchlistEntry,
    score: Any | None,
    refusal: RefusalView | None,
    refusals_today: int,
    is_held: bool,
) -> WatchRow:
    price = context.book.price(entry.code)
    return WatchRow(
        entry=entry,
        factors=market_queries.factors(score) if score is not None else None,
        analyst=score.analyst if score is not None else None,
        llm_grade=score.llm_grade if score is not None else None,
        llm_reason=score.llm_reason if score is not None else None,
        current_price_krw=price.price_krw if price else None,
        price_at=price.at if price else None,
        change_pct=round((price.price_krw / entry.previous_close_krw - 1) * 100, 2) if price else None,
        is_held=is_held,
        refusals_today=refusals_today,
        nearest_refusal=refusal,
    )
