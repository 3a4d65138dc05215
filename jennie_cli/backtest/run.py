"""One backtest from folder to outcome: read, check the range, live every session, judge."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import polars as pl

from jennie_cli.backtest.ranges import calendar_sessions, checked_sessions, require_index
from jennie_cli.backtest.request import BacktestRequest
from jennie_cli.errors import UserError
from jennie_core.replay.backtest import Backtest
from jennie_core.replay.backtest_bars import BarPanel, index_bars, listings
from jennie_core.replay.backtest_book import Holding
from jennie_core.replay.backtest_data import DataFacts, data_facts
from jennie_core.replay.backtest_figures import Figures, figures
from jennie_core.replay.backtest_records import DayRecord, RoundTrip
from jennie_core.replay.backtest_scores import ScoreCollector, ScoreRecord, coverage_by_year, judge_scores
from jennie_core.scoring.history import scout_days
from jennie_infra.sources.errors import MarketDataError
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.history import MarketHistory, read_history

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]
"""Phase, sessions done, sessions in all (0 = no count)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything the report shows."""

    request: BacktestRequest
    days: tuple[DayRecord, ...]
    trips: tuple[RoundTrip, ...]
    holdings: tuple[Holding, ...]
    figures: Figures
    scores: ScoreRecord
    score_coverage: dict[int, tuple[float, float]]
    facts: DataFacts
    described: dict[str, str]
    trade_hash: str
    seconds: dict[str, float]


def run_backtest(request: BacktestRequest, progress: Progress) -> Outcome:
    """Raises UserError for a folder or a range that cannot be."""
    clock = _Stopwatch()
    progress("read", 0, 0)
    try:
        source = MarketFolder(request.data)
        sessions = checked_sessions(request, source)
        history = read_history(source, request.start, request.end)
    except MarketDataError as error:
        raise UserError(f"--data={request.data}: {error}") from error
    require_index(request, history.inputs, sessions)
    clock.lap("read")
    engine, collector = _engine(request, history), ScoreCollector()
    clock.lap("prepare")
    progress("score", 0, 0)
    plans = scout_days(
        history.inputs, sessions, settings=request.settings.scout, held_per_sector=engine.held_per_sector
    )
    days = []
    for day in engine.run(clock.timed("score", collector.watch(plans))):
        days.append(day)
        progress("trade", len(days), len(sessions))
    clock.lap("trade", less="score")
    progress("judge", 0, 0)
    outcome = Outcome(
        request=request,
        days=tuple(days),
        trips=tuple(engine.book.round_trips),
        holdings=tuple(engine.book.holdings.values()),
        figures=figures(days, engine.book.round_trips),
        scores=judge_scores(collector.scores, history.inputs.prices, request.terms.score_horizon_sessions),
        score_coverage=coverage_by_year(collector.scores),
        facts=data_facts(
            history.inputs.prices,
            history.listed,
            request.start,
            request.end,
            calendar_sessions(request),
        ),
        described=source.describe(),
        trade_hash=engine.trade_hash(),
        seconds=clock.seconds,
    )
    clock.lap("judge")
    return outcome


def _engine(request: BacktestRequest, history: MarketHistory) -> Backtest:
    inputs = history.inputs
    panel = BarPanel(inputs.prices)
    return Backtest(
        panel=panel,
        index=index_bars(inputs.index_daily),
        vix=known_before(inputs.macro_daily, "VIX", panel.sessions),
        listings=listings(inputs.master),
        settings=request.settings,
        terms=request.terms,
    )


def known_before(macro: pl.DataFrame, series: str, days: Iterable[date]) -> dict[date, float]:
    """The newest value of a foreign series dated before each day; a day without any is left out."""
    values = macro.filter((pl.col("series") == series) & pl.col("value").is_not_null()).sort("observed_on")
    asked = pl.DataFrame({"day": list(days)}, schema={"day": pl.Date}).sort("day")
    joined = asked.join_asof(
        values, left_on="day", right_on="observed_on", strategy="backward", allow_exact_matches=False
    )
    return dict(joined.select("day", "value").drop_nulls().iter_rows())


class _Stopwatch:
    """Wall seconds per phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str, *, less: str | None = None) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._since - (self.seconds.get(less, 0.0) if less else 0.0)
        self._since = now

    def timed(self, name: str, items: Iterable[Item]) -> Iterable[Item]:
        """Pass items on and count the time spent waiting for them."""
        iterator = iter(items)
        self.seconds[name] = 0.0
        while True:
            begun = time.monotonic()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds[name] += time.monotonic() - begun
            yield item
