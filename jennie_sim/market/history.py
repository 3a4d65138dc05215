"""Simulated daily bars of a whole listing: common and sector movements, trends, fat tails, gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_core.krx.limits import price_limits
from jennie_sim.market.companies import Company
from jennie_sim.market.grid import PriceGrid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Daily bars (each shape: sessions x companies, int64). A halted or unlisted cell has open = high = low = 0;
    an unlisted one also close = 0. `market_move` (shape: sessions) is the common return."""

    days: Sequence[date]
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    market_move: Floats


@dataclass(frozen=True, slots=True)
class Moves:
    """Log returns (shape: sessions x companies): from the last close to the open, and from open to close."""

    gap: Floats
    session: Floats
    spread: Floats
    """Each cell's usual daily move, as a log return."""
    market: Floats


def draw_bars(rng: np.random.Generator, companies: Sequence[Company], days: Sequence[date]) -> Bars:
    """Draw bars for every company and session; all prices are legal ticks inside the day's limits."""
    moves = _draw_moves(rng, companies, len(days))
    shape = (len(days), len(companies))
    opened, high, low, close, volume = (np.zeros(shape, dtype=np.int64) for _ in range(5))
    last = np.array([company.first_price_krw for company in companies], dtype=np.int64)
    wick = np.abs(rng.normal(0, 0.42, (2, *shape)))
    turnover = _draw_turnover(rng, companies, moves)
    closed = _halted(companies, len(days))
    for today, day in enumerate(days):
        rule = _DayRule(companies, day, last)
        opened[today] = rule.legal(last * np.exp(moves.gap[today]))
        close[today] = rule.legal(opened[today] * np.exp(moves.session[today]))
        top, bottom = np.maximum(opened[today], close[today]), np.minimum(opened[today], close[today])
        high[today] = np.maximum(rule.legal(top * np.exp(moves.spread[today] * wick[0, today])), top)
        low[today] = np.minimum(rule.legal(bottom * np.exp(-moves.spread[today] * wick[1, today])), bottom)
        volume[today] = np.maximum(20, turnover[today] / close[today]).astype(np.int64)
        halted = closed[today]
        for part in (opened, high, low, volume):
            part[today, halted] = 0
        close[today, halted] = last[halted]
        last = close[today].copy()
    for index, company in enumerate(companies):
        if company.listed_for_sessions is not None:
            unlisted = max(0, len(days) - 1 - company.listed_for_sessions)
            for part in (opened, high, low, close, volume):
                part[:unlisted, index] = 0
    return Bars(days, opened, high, low, close, volume, moves.market)


class _DayRule:
    """Legal prices of one day for the whole listing at once."""

    def __init__(self, companies: Sequence[Company], day: date, base: Ints) -> None:
        self._groups: list[tuple[PriceGrid, NDArray[np.bool_]]] = []
        fund = np.array([company.kind in (AssetKind.ETF, AssetKind.ETN) for company in companies])
        kosdaq = np.array([company.market is Market.KOSDAQ for company in companies])
        for kind, market, mask in (
            (AssetKind.COMMON, Market.KOSPI, ~fund & ~kosdaq),
            (AssetKind.COMMON, Market.KOSDAQ, ~fund & kosdaq),
            (AssetKind.ETF, Market.KOSPI, fund),
        ):
            self._groups.append((PriceGrid.of(day, kind, market), mask))
        self._lower, self._upper = self._limits(companies, day, base)

    def _limits(self, companies: Sequence[Company], day: date, base: Ints) -> tuple[Ints, Ints]:
        bounds = [
            price_limits(price, on=day, kind=company.kind, market=company.market)
            for price, company in zip(base.tolist(), companies, strict=True)
        ]
        return np.array([row.lower_krw for row in bounds]), np.array([row.upper_krw for row in bounds])

    def legal(self, prices: Floats) -> Ints:
        """The nearest legal prices inside the limits."""
        result = np.zeros(len(prices), dtype=np.int64)
        for grid, mask in self._groups:
            result[mask] = grid.nearest(prices[mask])
        return np.clip(result, self._lower, self._upper)


def _halted(companies: Sequence[Company], sessions: int) -> NDArray[np.bool_]:
    halted = np.zeros((sessions, len(companies)), dtype=bool)
    for index, company in enumerate(companies):
        if company.status is ListingStatus.HALTED:
            halted[-(4 + index % 9) :, index] = True
    return halted


def _draw_moves(rng: np.random.Generator, companies: Sequence[Company], sessions: int) -> Moves:
    count = len(companies)
    calm = _persistent(rng, sessions, 1, 0.95, 0.12)[:, 0]
    drift = _persistent(rng, sessions, 1, 0.985, 0.00022)[:, 0] + 0.0003
    market = drift + 0.0088 * np.exp(calm) * _fat(rng, (sessions,), 5)

    sectors = sorted({company.sector_large for company in companies})
    member = np.array([sectors.index(company.sector_large) for company in companies])
    sector_trend = _persistent(rng, sessions, len(sectors), 0.975, 0.0005)
    sector = sector_trend + 0.0075 * _fat(rng, (sessions, len(sectors)), 5)

    own_trend = _persistent(rng, sessions, count, 0.97, 0.00065)
    own_level = np.exp(_persistent(rng, sessions, count, 0.93, 0.14))
    spread = np.array([company.spread_pct / 100 for company in companies]) * own_level * np.exp(0.5 * calm)[:, None]
    own = own_trend + spread * _fat(rng, (sessions, count), 4)
    news = (rng.random((sessions, count)) < 0.012) * rng.normal(0.012, 0.065, (sessions, count))
    for index, company in enumerate(companies):
        if company.kind in (AssetKind.SPAC, AssetKind.REIT, AssetKind.ETF):
            news[:, index], own_trend[:, index] = 0.0, 0.0
            own[:, index] = spread[:, index] * 0.3 * rng.normal(size=sessions)

    beta = np.array([company.beta for company in companies])
    tied = np.array([0.0 if company.kind in (AssetKind.SPAC, AssetKind.ETF) else 1.0 for company in companies])
    total = np.clip(market[:, None] * beta + sector[:, member] * tied + own, -0.24, 0.24)
    overnight = np.clip(rng.normal(0.28, 0.12, (sessions, count)), 0.0, 0.7)
    noise = 0.25 * spread * rng.normal(size=(sessions, count))
    gap = total * overnight + noise + news * 0.8
    return Moves(gap=gap, session=total - total * overnight - noise + news * 0.2, spread=spread, market=market)


def _persistent(rng: np.random.Generator, sessions: int, width: int, keep: float, step: float) -> Floats:
    """Columns of a slowly wandering level around zero."""
    noise = rng.normal(0.0, step, (sessions, width))
    levels = np.zeros_like(noise)
    level = np.zeros(width)
    for row in range(sessions):
        level = keep * level + noise[row]
        levels[row] = level
    return levels


def _fat(rng: np.random.Generator, shape: tuple[int, ...], freedom: int) -> Floats:
    draws: Floats = rng.standard_t(freedom, shape) * np.sqrt((freedom - 2) / freedom)
    return draws


def _draw_turnover(rng: np.random.Generator, companies: Sequence[Company], moves: Moves) -> Floats:
    """Won traded per cell: by size and activity, more on days that move (거래대금)."""
    usual = np.array([company.first_price_krw * company.shares * 0.012 * company.activity for company in companies])
    size = np.abs(moves.gap + moves.session) / np.maximum(moves.spread, 1e-4)
    level = np.exp(_persistent(rng, len(moves.gap), len(companies), 0.9, 0.22))
    turnover: Floats = usual * level * (0.45 + 0.55 * size) * rng.lognormal(0.0, 0.25, moves.gap.shape)
    return turnover
