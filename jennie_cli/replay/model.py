"""The report of a replayed day (`--json`). It holds no real time: the same day gives the same bytes."""

from datetime import date
from typing import Any

from jennie_cli.report.model import Note
from jennie_core.domain.base import KST, Message
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.replay.day_books import Outcome, Trade
from jennie_core.replay.day_result import DayResult


class RequestRow(Message):
    """One buy signal or sell order and what became of it; rule, value and limit when it was refused."""

    market_time: str
    side: str
    stock_code: str
    stock_name: str
    reason: str
    price_krw: int
    outcome: str
    rule: str | None
    detail: str | None
    value: str | None
    limit: str | None


class SetupRow(Message):
    """A setup that matched and never became a signal."""

    market_time: str
    stock_code: str
    reason: str
    price_krw: int
    rule: str
    detail: str
    value: str | None
    limit: str | None


class RuleRow(Message):
    """How often a rule refused a buy, with the first case's words."""

    rule: str
    count: int
    detail: str
    value: str | None
    limit: str | None


class TradeRow(Message):
    """One submitted order. Costs are fees and taxes; the realised result of a sale is net of its own costs."""

    market_time: str
    side: str
    stock_code: str
    stock_name: str
    quantity: int
    filled_quantity: int
    average_price_krw: float | None
    reason: str
    rule: str | None
    state: str
    costs_krw: int
    realized_pnl_krw: int | None


class HoldingRow(Message):
    """One holding at the end of the day."""

    stock_code: str
    stock_name: str
    quantity: int
    average_price_krw: float
    price_krw: int
    unrealized_krw: int


class ReplayReport(Message):
    """Everything a replay decided."""

    market_day: date
    data_source: str
    fills: str
    ticks: int
    slices: int
    requests: tuple[RequestRow, ...]
    setups_refused: tuple[SetupRow, ...]
    refused: tuple[RuleRow, ...]
    trades: tuple[TradeRow, ...]
    holdings: tuple[HoldingRow, ...]
    realized_krw: int
    unrealized_krw: int
    fees_krw: int
    taxes_krw: int
    start_equity_krw: int | None
    end_equity_krw: int
    day_pnl_krw: int | None
    order_hash: str
    decision_hash: str
    settings_hash: str
    settings_are_default: bool
    notes: tuple[Note, ...]


def report_of(result: DayResult, *, data_source: str, fills: str, notes: tuple[Note, ...]) -> ReplayReport:
    """The report of a finished replay."""
    holdings = tuple(
        HoldingRow(
            stock_code=each.stock_code,
            stock_name=each.stock_name,
            quantity=each.quantity,
            average_price_krw=each.average_price_krw,
            price_krw=each.current_price_krw,
            unrealized_krw=round((each.current_price_krw - each.average_price_krw) * each.quantity),
        )
        for each in result.balance.holdings
    )
    start, settings = result.start.opening_equity_krw, result.start.settings
    return ReplayReport(
        market_day=result.start.day,
        data_source=data_source,
        fills=fills,
        ticks=result.ticks,
        slices=result.slices,
        requests=tuple(sorted((_request(each) for each in result.books.outcomes), key=lambda row: row.market_time)),
        setups_refused=tuple(
            SetupRow(
                market_time=f"{each.market_time.astimezone(KST):%H:%M:%S}",
                stock_code=each.code,
                reason=each.signal_type.value,
                price_krw=each.price_krw,
                **_words(each.refusal),
            )
            for each in result.books.setup_refusals
        ),
        refused=_by_rule(result),
        trades=tuple(_trade(each) for each in result.trades),
        holdings=holdings,
        realized_krw=result.realized_pnl_krw,
        unrealized_krw=sum(row.unrealized_krw for row in holdings),
        fees_krw=result.fees_krw,
        taxes_krw=result.taxes_krw,
        start_equity_krw=start,
        end_equity_krw=result.end_equity_krw,
        day_pnl_krw=None if start is None else result.end_equity_krw - start,
        order_hash=result.order_hash,
        decision_hash=result.decision_hash,
        settings_hash=settings.settings_hash(),
        settings_are_default=settings == TradingSettings(),
        notes=notes,
    )


NOT_REFUSED: dict[str, Any] = {"rule": None, "detail": None, "value": None, "limit": None}


def _request(outcome: Outcome) -> RequestRow:
    request, refusal = outcome.request, outcome.refusal
    told = NOT_REFUSED if refusal is None else _words(refusal)
    at = request.signalled_at if isinstance(request, BuySignal) else request.raised_at
    return RequestRow(
        market_time=f"{at.astimezone(KST):%H:%M:%S}",
        side="sell" if isinstance(request, SellOrder) else "buy",
        stock_code=request.stock_code,
        stock_name=request.stock_name,
        reason=request.sell_reason.value if isinstance(request, SellOrder) else request.signal_type.value,
        price_krw=request.trigger_price_krw if isinstance(request, SellOrder) else request.signal_price_krw,
        outcome="ordered" if refusal is None else "refused",
        **told,
    )


def _trade(trade: Trade) -> TradeRow:
    intent = trade.intent
    return TradeRow(
        market_time=f"{intent.market_at.astimezone(KST):%H:%M:%S}",
        side=intent.side.value,
        stock_code=intent.stock_code,
        stock_name=intent.stock_name,
        quantity=intent.quantity,
        filled_quantity=intent.filled_quantity,
        average_price_krw=intent.filled_amount_krw / intent.filled_quantity if intent.filled_quantity else None,
        reason=intent.reason,
        rule=intent.rule,
        state=intent.state.value,
        costs_krw=trade.costs_krw,
        realized_pnl_krw=trade.realized_pnl_krw,
    )


def _by_rule(result: DayResult) -> tuple[RuleRow, ...]:
    first: dict[str, Refusal] = {}
    for each in result.buy_outcomes:
        if each.refusal is not None:
            first.setdefault(each.refusal.rule, each.refusal)
    for setup in result.books.setup_refusals:
        first.setdefault(setup.refusal.rule, setup.refusal)
    return tuple(RuleRow(count=count, **_words(first[rule])) for rule, count in result.refusals().items())


def _words(refusal: Refusal) -> dict[str, Any]:
    return {
        "rule": refusal.rule,
        "detail": refusal.detail,
        "value": None if refusal.value is None else str(refusal.value),
        "limit": None if refusal.limit is None else str(refusal.limit),
    }
