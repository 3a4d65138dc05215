"""Figures of a finished backtest from its day records and round trips. Percent values: 5.0 means 5 %."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from jennie_core.domain.enums import OrderSide
from jennie_core.replay.backtest_curves import Drawdown, daily_returns, deepest_fall, deviation
from jennie_core.replay.backtest_records import DayRecord, Fill, RoundTrip

SESSIONS_PER_YEAR = 252


@dataclass(frozen=True, slots=True)
class ExitFigures:
    """All sells of one exit rule, net of costs."""

    rule: str
    reason: str
    sells: int
    winning_ratio: float
    mean_net_pct: float
    net_krw: int


@dataclass(frozen=True, slots=True)
class YearFigures:
    """One calendar year; turnover is (buys + sells) / 2 over the mean equity."""

    year: int
    sessions: int
    return_pct: float
    index_return_pct: float | None
    turnover: float
    buys: int
    days_with_list: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The whole range; None = not known or nothing to measure (a yearly return needs a year)."""

    sessions: int
    start_krw: int
    end_krw: int
    return_pct: float
    yearly_return_pct: float | None
    index_return_pct: float | None
    volatility_pct: float | None
    sharpe: float | None
    drawdown: Drawdown
    index_drawdown: Drawdown | None
    turnover_per_year: float
    exposure_pct: float
    buys: int
    sells: int
    round_trips: int
    win_rate_pct: float | None
    mean_trip_pct: float | None
    mean_holding_days: float | None
    profit_factor: float | None
    commissions_krw: int
    taxes_krw: int
    exits: tuple[ExitFigures, ...]
    years: tuple[YearFigures, ...]
    refusals: dict[str, int]
    misses: dict[str, int]
    carried: int
    days_with_list: int


def figures(days: Sequence[DayRecord], trips: Sequence[RoundTrip]) -> Figures:
    """Figures of at least one session."""
    start, end = days[0].equity_before_krw, days[-1].equity_krw
    equity = [(day.day, float(day.equity_krw)) for day in days]
    index = [(day.day, day.index_close) for day in days if day.index_close is not None]
    base = index_base(days)
    returns = daily_returns(start, [value for _, value in equity])
    fills = [fill for day in days for fill in day.fills]
    volatility = deviation(returns)
    mean = sum(returns) / len(returns)
    years_lived = len(days) / SESSIONS_PER_YEAR
    traded = sum(fill.amount_krw for fill in fills) / 2
    wins = [trip for trip in trips if trip.net_krw > 0]
    lost = -sum(trip.net_krw for trip in trips if trip.net_krw < 0)
    return Figures(
        sessions=len(days),
        start_krw=start,
        end_krw=end,
        return_pct=(end / start - 1) * 100,
        yearly_return_pct=((end / start) ** (1 / years_lived) - 1) * 100 if end > 0 and years_lived >= 1 else None,
        index_return_pct=None if base is None or not index else (index[-1][1] / base - 1) * 100,
        volatility_pct=None if volatility is None else volatility * sqrt(SESSIONS_PER_YEAR) * 100,
        sharpe=mean / volatility * sqrt(SESSIONS_PER_YEAR) if volatility else None,
        drawdown=deepest_fall(equity),
        index_drawdown=deepest_fall(index) if index else None,
        turnover_per_year=traded / (sum(value for _, value in equity) / len(equity)) / years_lived,
        exposure_pct=sum((day.equity_krw - day.cash_krw) / day.equity_krw for day in days) / len(days) * 100,
        buys=sum(fill.side is OrderSide.BUY for fill in fills),
        sells=sum(fill.side is OrderSide.SELL for fill in fills),
        round_trips=len(trips),
        win_rate_pct=len(wins) / len(trips) * 100 if trips else None,
        mean_trip_pct=sum(trip.net_pct for trip in trips) / len(trips) if trips else None,
        mean_holding_days=sum((t.sold_on - t.bought_on).days for t in trips) / len(trips) if trips else None,
        profit_factor=sum(trip.net_krw for trip in wins) / lost if lost else None,
        commissions_krw=sum(fill.commission_krw for fill in fills),
        taxes_krw=sum(fill.tax_krw for fill in fills),
        exits=exit_figures(fills),
        years=tuple(_years(days)),
        refusals=_summed(day.refusals for day in days),
        misses=_summed(day.misses for day in days),
        carried=sum(len(day.carried) for day in days),
        days_with_list=sum(day.listed > 0 for day in days),
    )


def index_base(days: Sequence[DayRecord]) -> float | None:
    """Level of the index at the close before the first session."""
    first = days[0]
    if first.index_close is None or first.index_change_pct is None:
        return None
    return first.index_close / (1 + first.index_change_pct / 100)


def exit_figures(fills: Iterable[Fill]) -> tuple[ExitFigures, ...]:
    """Expectancy per exit rule, most used first."""
    groups: defaultdict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in fills:
        if fill.side is OrderSide.SELL:
            groups[fill.rule, fill.reason].append(fill)
    rows = [
        ExitFigures(
            rule=rule,
            reason=reason,
            sells=len(group),
            winning_ratio=sum(fill.net_krw > 0 for fill in group) / len(group),
            mean_net_pct=sum(fill.net_pct for fill in group) / len(group),
            net_krw=sum(fill.net_krw for fill in group),
        )
        for (rule, reason), group in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.sells, row.rule)))


def worst_index_days(days: Sequence[DayRecord], count: int) -> list[DayRecord]:
    """The sessions on which the index fell most, deepest first."""
    known = [
        (day.index_change_pct, day) for day in days if day.index_change_pct is not None and day.index_change_pct < 0
    ]
    return [day for _, day in sorted(known, key=lambda pair: (pair[0], pair[1].day))[:count]]


def _years(days: Sequence[DayRecord]) -> Iterable[YearFigures]:
    groups: defaultdict[int, list[DayRecord]] = defaultdict(list)
    for day in days:
        groups[day.day.year].append(day)
    for year, rows in sorted(groups.items()):
        base, last = index_base(rows), rows[-1].index_close
        traded = sum(fill.amount_krw for row in rows for fill in row.fills) / 2
        yield YearFigures(
            year=year,
            sessions=len(rows),
            return_pct=(rows[-1].equity_krw / rows[0].equity_before_krw - 1) * 100,
            index_return_pct=None if base is None or last is None else (last / base - 1) * 100,
            turnover=traded / (sum(row.equity_krw for row in rows) / len(rows)),
            buys=sum(row.buys for row in rows),
            days_with_list=sum(row.listed > 0 for row in rows),
        )


def _summed(counts: Iterable[object]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)  # type: ignore[call-overload]
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))
