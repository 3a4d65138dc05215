"""One live frame: positions valued at the newest price, the day's orders, alerts, phase, stops and permit."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from redis.exceptions import RedisError
from sqlalchemy.engine import Connection

from jennie_core.domain.base import MarketTime
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.permit import check, permit_key
from jennie_live.dashboard import ledger_queries
from jennie_live.dashboard.book import LiveBook
from jennie_live.dashboard.context import Dashboard
from jennie_live.dashboard.problems import of_store
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.operation import LiveFrame, PermitView
from jennie_live.dashboard.schemas.portfolio import OrderView, PositionView

UNKNOWN_PHASE = "unknown"
CLOSED_PHASE = "closed"


def phase_of(now: datetime | None) -> str:
    """Phase of the KRX session at `now`; `unknown` without a market time or calendar, `closed` on a day off."""
    if now is None:
        return UNKNOWN_PHASE
    is_session = KrxCalendar.shipped().is_session(now.date())
    if is_session is None:
        return UNKNOWN_PHASE
    return session_times(now.date()).phase_at(now).value if is_session else CLOSED_PHASE


def value_positions(rows: Iterable[Any], book: LiveBook, monitored: dict[str, int]) -> tuple[PositionView, ...]:
    """Positions at the newest price: tick first, then the monitor's snapshot; without a price the value is unknown."""
    views: list[PositionView] = []
    for row in rows:
        price = book.price(row.stock_code)
        current = price.price_krw if price else monitored.get(row.stock_code)
        source = price.source if price else ("monitor" if current is not None else None)
        cost = row.average_price_krw * row.quantity
        evaluation = None if current is None else current * row.quantity
        views.append(
            PositionView(
                stock_code=row.stock_code,
                stock_name=row.stock_name,
                quantity=row.quantity,
                external_quantity=row.external_quantity,
                average_price_krw=row.average_price_krw,
                current_price_krw=current,
                price_at=price.at if price else None,
                price_source=source,
                evaluation_krw=evaluation,
                unrealized_pnl_krw=None if evaluation is None else round(evaluation - cost),
                profit_pct=round((current / row.average_price_krw - 1) * 100, 2)
                if current is not None and row.average_price_krw
                else None,
                weight_ratio=None,
                sector_group=row.sector_group,
                bought_on=row.bought_on,
                high_watermark_krw=row.high_watermark_krw,
                scale_out_level=row.scale_out_level,
                profit_floor_armed=row.profit_floor_armed,
                atr_krw=row.atr_krw,
                reconciled=row.reconciled,
                trade_id=row.trade_id,
                updated_at=row.updated_at,
            )
        )
    total = sum(view.evaluation_krw for view in views if view.evaluation_krw is not None)
    return tuple(
        view
        if view.evaluation_krw is None or not total
        else view.model_copy(update={"weight_ratio": round(view.evaluation_krw / total, 4)})
        for view in views
    )


async def monitored_prices(dashboard: Dashboard) -> dict[str, int]:
    """Prices of the monitor's snapshot by code; empty when there is none (then they are unknown)."""
    try:
        raw = await dashboard.runtime.redis.get(RedisKeys.LIVE_POSITIONS.value)
        document = orjson.loads(raw) if raw else {}
    except (RedisError, OSError, orjson.JSONDecodeError):
        return {}
    rows = document.get("positions", []) if isinstance(document, dict) else document
    found: dict[str, int] = {}
    for row in rows if isinstance(rows, list) else []:
        price = row.get("current_price_krw") or row.get("price_krw")
        if price:
            found[str(row.get("stock_code", ""))] = int(price)
    return found


async def read_permit(dashboard: Dashboard) -> PermitView:
    """The permit as the buy executor would judge it now."""
    reading = await get(dashboard.runtime.redis, RedisKeys.PERMIT_TRADING, TradingPermit)
    permit = reading.value
    if not dashboard.runtime.clock.is_known:
        refusal: str | None = "market time is unknown: no clock mark has arrived"
    else:
        judged = check(
            permit,
            permit_key(dashboard.settings),
            now=dashboard.runtime.clock.now(),
            mode=dashboard.settings.mode.value,
            account_hash=dashboard.settings.account_hash,
            settings_hash=dashboard.runtime.trading.settings_hash(),
        )
        refusal = None if judged is None else judged.detail
    problem = None
    if permit is None:
        problem = Problem(rule="PERMIT-ABSENT", detail=reading.problem, next_step="run scout_job on the System page")
    return PermitView(
        source="redis",
        as_of=permit.issued_at if permit else None,
        valid=refusal is None,
        refusal=refusal,
        permit=None if permit is None else permit.model_copy(update={"signature": ""}),
        problem=problem,
    )


def stops_readable(dashboard: Dashboard) -> bool:
    """Whether the stop flags could be read within the last second."""
    refusal = dashboard.runtime.stops.refuse_buy()
    return refusal is None or refusal.rule != "O4-UNREADABLE"


async def build_frame(dashboard: Dashboard) -> LiveFrame:
    """A frame of now; what cannot be read stands in `problems`."""
    runtime, book = dashboard.runtime, dashboard.book
    market_time = runtime.clock.now() if runtime.clock.is_known else None
    watchlist = (await get(runtime.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)).value
    monitored = await monitored_prices(dashboard)
    problems: list[Problem] = []
    views: tuple[PositionView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    realized: int | None = None
    unrealized: int | None = None
    try:
        rows, orders, realized = await dashboard.ledger.read(lambda c: _ledger_part(c, market_time))
        views = value_positions(rows, book, monitored)
        values = [view.unrealized_pnl_krw for view in views]
        unrealized = None if None in values else sum(value for value in values if value is not None)
    except StoreUnreadableError as error:
        problems.append(of_store(error))
    age = runtime.clock.seconds_since_mark()
    if market_time is None:
        problems.append(
            Problem(rule="TIME-UNKNOWN", detail="no clock mark has arrived", next_step="check kis-gateway on System")
        )
    codes = {view.stock_code for view in views} | {entry.code for entry in (watchlist.entries if watchlist else ())}
    permit = await read_permit(dashboard)
    return LiveFrame(
        market_time=market_time,
        phase=phase_of(market_time),
        feed_age_seconds=None if age is None else round(age, 1),
        mode=dashboard.settings.mode.value,
        stops=runtime.stops.state,
        stops_readable=stops_readable(dashboard),
        permit_valid=permit.valid,
        permit_refusal=permit.refusal,
        prices=book.prices(codes),
        positions=views,
        orders=orders,
        alerts=book.alerts,
        realized_today_krw=realized,
        unrealized_krw=unrealized,
        problems=tuple(problems),
    )


def _ledger_part(connection: Connection, now: MarketTime | None) -> tuple[list[Any], tuple[OrderView, ...], int | None]:
    day = now.date() if now is not None else ledger_queries.latest_day(connection)
    rows = ledger_queries.positions(connection)
    if day is None:
        return rows, (), None
    return rows, ledger_queries.orders_of(connection, day), ledger_queries.realized_on(connection, day)
