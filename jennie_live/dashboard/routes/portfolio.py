"""Account, positions, trades and performance (R-DASH-01..03, R-DASH-06)."""

from typing import Annotated

from fastapi import APIRouter, Query

from jennie_infra.db.ledger import RiskState
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_live.dashboard import ledger_queries
from jennie_live.dashboard.context import Context
from jennie_live.dashboard.frame import monitored_prices, value_positions
from jennie_live.dashboard.problems import of_store
from jennie_live.dashboard.schemas.base import Problem
from jennie_live.dashboard.schemas.portfolio import (
    AssetHistory,
    AssetPoint,
    Intraday,
    Performance,
    PortfolioSummary,
    Positions,
    PositionView,
    Trades,
    TradeView,
)

router = APIRouter(prefix="/api", tags=["portfolio"])
Days = Annotated[int, Query(ge=1, le=3_650)]


@router.get("/portfolio/summary")
async def summary(context: Context) -> PortfolioSummary:
    """Broker balance merged with the ledger; without a broker the last snapshot, and it says so."""
    problems: list[Problem] = []
    positions: tuple[PositionView, ...] | None = None
    risk: RiskState | None = None
    realized: int | None = None
    last: AssetPoint | None = None
    try:
        positions = await _positions(context)
        day = context.now().date()
        risk, realized, points = await context.ledger.read(
            lambda c: (
                ledger_queries.risk_state(c),
                ledger_queries.realized_on(c, day),
                ledger_queries.snapshots(c, 1),
            )
        )
        last = points[-1] if points else None
    except StoreUnreadableError as error:
        problems.append(of_store(error))
    reading = await context.broker.read()
    balance = reading.value
    if balance is None:
        problems.append(
            Problem(rule="BROKER-SILENT", detail=reading.problem, next_step="check kis-gateway on the System page")
        )
    if risk is not None and risk.market_day != context.now().date():
        risk = None
    live = None if positions is None else [view.unrealized_pnl_krw for view in positions]
    shown_risk = risk is not None
    return PortfolioSummary(
        source="broker" if balance else ("snapshot" if last else "none"),
        as_of=balance.inquired_at if balance else (last.known_at if last else None),
        total_asset_krw=balance.cash_krw + sum(holding.evaluation_krw for holding in balance.holdings)
        if balance
        else (last.total_asset_krw if last else None),
        cash_krw=balance.cash_krw if balance else (last.cash_krw if last else None),
        orderable_cash_krw=balance.orderable_cash_krw if balance else None,
        stock_evaluation_krw=sum(holding.evaluation_krw for holding in balance.holdings)
        if balance
        else (last.stock_evaluation_krw if last else None),
        unrealized_pnl_krw=None if live is None or None in live else sum(v for v in live if v is not None),
        realized_today_krw=realized,
        day_pnl_krw=_sum(risk.realized_pnl_krw, risk.unrealized_pnl_krw) if risk else None,
        previous_equity_krw=risk.previous_equity_krw if risk else None,
        position_count=None if positions is None else len(positions),
        unreconciled_codes=tuple(view.stock_code for view in positions or () if not view.reconciled),
        daily_loss_limit_pct=context.runtime.trading.risk.daily_loss_limit_pct,
        weekly_loss_limit_pct=context.runtime.trading.risk.weekly_loss_limit_pct,
        daily_limit_hit_at=risk.daily_limit_hit_at if risk else None,
        weekly_limit_hit_at=risk.weekly_limit_hit_at if risk else None,
        risk_as_of=risk.updated_at if risk is not None and shown_risk else None,
        problem=problems[0] if problems else None,
        problems=tuple(problems),
    )


@router.get("/portfolio/positions")
async def positions(context: Context) -> Positions:
    """Positions of the ledger, valued where a price is known."""
    found = await _positions(context)
    return Positions(source="ledger", as_of=max((view.updated_at for view in found), default=None), positions=found)


@router.get("/portfolio/live")
async def live(context: Context) -> Positions:
    """As positions; `as_of` is market time."""
    return Positions(
        source="ledger and ticks",
        as_of=context.runtime.clock.now() if context.runtime.clock.is_known else None,
        positions=await _positions(context),
    )


@router.get("/portfolio/history")
async def history(context: Context, days: Days = 30) -> AssetHistory:
    """Daily asset snapshots, oldest first."""
    points = await context.ledger.read(lambda c: ledger_queries.snapshots(c, days))
    return AssetHistory(source="ledger", as_of=points[-1].known_at if points else None, points=points)


@router.get("/portfolio/intraday")
async def intraday(context: Context) -> Intraday:
    """The day's profit and loss by market minute, since this process began to watch."""
    points = context.book.points
    return Intraday(source="dashboard", as_of=points[-1].at if points else None, points=points)


@router.get("/portfolio/performance")
async def performance(context: Context, days: Days = 30) -> Performance:
    """Closed trades of the last days, net of costs."""
    since = ledger_queries.span_start(context.now(), days)
    trades = await context.ledger.read(lambda c: ledger_queries.trades_since(c, since, 10_000))
    return summarise(trades, days)


@router.get("/trades/recent")
async def trades(context: Context, days: Days = 7) -> Trades:
    """Trade log, newest first."""
    since = ledger_queries.span_start(context.now(), days)
    found = await context.ledger.read(lambda c: ledger_queries.trades_since(c, since))
    return Trades(source="ledger", as_of=found[0].traded_at if found else None, trades=found)


def summarise(trades: tuple[TradeView, ...], days: int) -> Performance:
    """Wins, win rate and profit of sells; a sell without a figure makes the sum unknown, never smaller."""
    sells = [trade for trade in trades if trade.trade_type == "SELL"]
    known = [(trade, trade.realized_pnl_krw) for trade in sells if trade.realized_pnl_krw is not None]
    returns = [trade.profit_pct for trade in sells if trade.profit_pct is not None]
    ranked = sorted(known, key=lambda pair: pair[1])
    wins = sum(1 for _, profit in known if profit > 0)
    return Performance(
        source="ledger",
        as_of=trades[0].traded_at if trades else None,
        days=days,
        buys=len(trades) - len(sells),
        sells=len(sells),
        wins=wins,
        losses=len(known) - wins,
        win_rate_ratio=round(wins / len(known), 4) if known else None,
        average_profit_pct=round(sum(returns) / len(returns), 2) if returns else None,
        realized_pnl_krw=sum(profit for _, profit in known) if len(known) == len(sells) else None,
        fees_krw=sum(trade.fee_krw for trade in trades),
        taxes_krw=sum(trade.tax_krw for trade in trades),
        best=ranked[-1][0] if ranked else None,
        worst=ranked[0][0] if ranked else None,
    )


async def _positions(context: Context) -> tuple[PositionView, ...]:
    monitored = await monitored_prices(context)
    return value_positions(await context.ledger.read(ledger_queries.positions), context.book, monitored)


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
