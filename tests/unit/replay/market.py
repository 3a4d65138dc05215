"""A market made by hand for the backtest's tests: a few codes, calm days, and whatever a test changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

import polars as pl

from jennie_core.domain.base import KST
from jennie_core.domain.enums import AssetKind, Market, MarketRegime, RiskTag, TradeTier
from jennie_core.domain.macro import SectorBudget, TradingContext
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.replay.backtest import Backtest
from jennie_core.replay.backtest_bars import BarPanel, IndexBar, Listing
from jennie_core.replay.backtest_terms import BacktestTerms

CODES = ("000010", "000020", "000030", "000040")
CALM = 20_000
VOLUME = 1_000_000
SETTINGS = TradingSettings()
TERMS = BacktestTerms()
LISTING = Listing("가나전자", Market.KOSPI, AssetKind.COMMON)

Prices = tuple[int, int, int, int]


def sessions(count: int, first: date = date(2024, 3, 4)) -> list[date]:
    return KrxCalendar.shipped().sessions_between(first, date(2025, 6, 30))[:count]


@dataclass
class TinyMarket:
    """Bars by (code, session number); a session number that is not set is calm, None means no bar at all."""

    days: list[date]
    history: int = 30
    codes: Sequence[str] = CODES
    bars: dict[tuple[str, int], Prices | None] = field(default_factory=dict)
    volumes: dict[tuple[str, int], int] = field(default_factory=dict)
    halted: set[tuple[str, int]] = field(default_factory=set)
    index_moves: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    """Session number -> open, low, close against the close before, in percent."""

    def frame(self) -> pl.DataFrame:
        rows = []
        for place, code in enumerate(self.codes):
            close = CALM
            for number, day in enumerate(self.days):
                bar = self.bars.get((code, number), self._calm(close, place, number))
                if bar is None:
                    continue
                volume = self.volumes.get((code, number), VOLUME)
                if (code, number) in self.halted:
                    rows.append((code, day, 0, 0, 0, close, 0, True))
                    continue
                close = bar[3]
                rows.append((code, day, *bar, volume, False))
        names = ["code", "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume", "is_halted"]
        return pl.DataFrame(rows, schema=names, orient="row")

    def _calm(self, close: int, place: int, number: int) -> Prices:
        """Half a tick of life, different for each code, so that no two move together."""
        step = 50 if (number * (place + 3) + place) % (place + 2) == 0 else 0
        base = CALM + step
        return base, base + 50, base - 50, base

    def index(self) -> dict[date, IndexBar]:
        found, before = {}, 2_500.0
        for number, day in enumerate(self.days):
            opening, low, close = self.index_moves.get(number, (0.0, 0.0, 0.0))
            bar = IndexBar(*(before * (1 + move / 100) for move in (opening, low, close)), before)
            found[day], before = bar, bar.close
        return found

    def engine(self, *, settings: TradingSettings = SETTINGS, terms: BacktestTerms = TERMS) -> Backtest:
        return Backtest(
            panel=BarPanel(self.frame()),
            index=self.index(),
            vix={},
            listings={code: Listing(f"종목{code}", Market.KOSPI, AssetKind.COMMON) for code in self.codes},
            settings=settings,
            terms=terms,
        )

    def plans(self, wanted: Mapping[int, Sequence[str]] | None = None, **changes: object) -> "list[Plan]":
        """One plan a session after the history; by default the first code is on the list every day."""
        listed = dict.fromkeys(range(len(self.days)), CODES[:1]) if wanted is None else wanted
        return [
            plan(self.days[number - 1], self.days[number], listed.get(number, ()), **changes)  # type: ignore[arg-type]
            for number in range(self.history, len(self.days))
        ]


@dataclass(frozen=True)
class Plan:
    """A day plan by hand."""

    market_day: date
    as_of: date
    context: TradingContext
    watchlist: HotWatchlist
    budget: SectorBudget
    scores: pl.DataFrame


def plan(
    as_of: date,
    day: date,
    codes: Sequence[str],
    *,
    regime: MarketRegime = MarketRegime.BULL,
    close_krw: int = CALM,
    context_changes: Mapping[str, object] | None = None,
) -> Plan:
    at = datetime.combine(day, time(8, 30), tzinfo=KST)
    until = session_times(day).close_at
    context: dict[str, object] = {
        "market_day": day, "run_id": "r", "market_regime": regime, "position_multiplier": 1.0,
        "stop_loss_multiplier": 1.0, "risk_off_level": 0, "known_at": at, "expires_at": until,
    }  # fmt: skip
    entries = tuple(
        WatchlistEntry(
            code=code, name=f"종목{code}", rank=rank, sector_group=f"업종{rank}", quant_score=90.0, llm_score=70.0,
            hybrid_score=90.0, coverage_ratio=0.9, is_tradable=True, trade_tier=TradeTier.TIER1,
            risk_tag=RiskTag.NEUTRAL, previous_close_krw=close_krw, atr_krw=400.0, first_listed_on=day, scored_at=at,
        )
        for rank, code in enumerate(codes, start=1)
    )  # fmt: skip
    return Plan(
        market_day=day,
        as_of=as_of,
        context=TradingContext.model_validate(context | dict(context_changes or {})),
        watchlist=HotWatchlist(
            version="v", run_id="r", market_day=day, market_regime=regime, entries=entries, known_at=at,
            expires_at=until,
        ),
        budget=SectorBudget(run_id="r", market_day=day, sectors={}, known_at=at, expires_at=until),
        scores=pl.DataFrame(
            {"code": list(codes), "hybrid_score": [90.0] * len(codes), "coverage_ratio": [0.9] * len(codes),
             "is_tradable": [True] * len(codes)},
            schema={"code": pl.String, "hybrid_score": pl.Float64, "coverage_ratio": pl.Float64,
                    "is_tradable": pl.Boolean},
        ),
    )  # fmt: skip
