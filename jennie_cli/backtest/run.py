"""One backtest from folder to outcome: read, check the range, live every session, judge."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import polars as pl

from jennie_cli.backtest.request import BacktestRequest
from jennie_cli.errors import UserError
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.replay.backtest import Backtest
from jennie_core.replay.backtest_bars import BarPanel, index_bars, listings
from jennie_core.replay.backtest_book import Holding
from jennie_core.replay.backtest_data import DataFacts, data_facts
from jennie_core.replay.backtest_figures import Figures, figures
from jennie_core.replay.backtest_records import DayRecord, RoundTrip
from jennie_core.replay.backtest_scores import ScoreCollector, ScoreRecord, coverage_by_year, judge_scores
from jennie_core.scoring.history import HistoryInputs, scout_days
from jennie_infra.sources.errors import MarketDataError
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.history import HISTORY_DAYS, MarketHistory, read_history

MIN_SESSIONS_BEFORE = 60
MAX_GAP_SESSIONS = 5
ALL_TIME = (date(1990, 1, 1), date(2200, 1, 1))

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
        sessions = _checked_sessions(request, source)
        history = read_history(source, request.start, request.end)
    except MarketDataError as error:
        raise UserError(f"--data={request.data}: {error}") from error
    _require_index(request, history.inputs, sessions)
    clock.lap("read")
    engine, collector = _engine(request, history), ScoreCollector()
    clock.lap("prepare")
    plans = scout_days(
        history.inputs, sessions, settings=request.settings.scout, held_per_sector=engine.held_per_sector
    )
    days = []
    for day in engine.run(clock.timed("score", collector.watch(plans))):
        days.append(day)
        progress("trade", len(days), len(sessions))
    clock.lap("trade", less="score")
    progress("judge", 0, 0)
    calendar = KrxCalendar.shipped()
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
            calendar.sessions_between(request.start, request.end),
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


def _checked_sessions(request: BacktestRequest, source: MarketFolder) -> list[date]:
    """Sessions of the range; refuses a range outside the data, a missing stretch, and too little history."""
    every = source.sessions(*ALL_TIME)
    if not every:
        raise UserError(f"--data={request.data}: the folder holds no session at all")
    span = f"the data run from {every[0]} to {every[-1]}"
    for name, day, outside in (
        ("START", request.start, request.start < every[0]),
        ("END", request.end, request.end > every[-1] + timedelta(days=MAX_GAP_SESSIONS)),
    ):
        if outside:
            raise UserError(f"{name}={day}: outside the data; {span}")
    sessions = [day for day in every if request.start <= day <= request.end]
    expected = KrxCalendar.shipped().sessions_between(request.start, request.end)
    if len(sessions) < 2:
        raise UserError(f"START={request.start} END={request.end}: {len(sessions)} sessions with bars; 2 are needed")
    _refuse_gap(request, expected, set(sessions))
    window = request.start - timedelta(days=HISTORY_DAYS)
    before = sum(window <= day < request.start for day in every)
    if before < MIN_SESSIONS_BEFORE:
        raise UserError(
            f"START={request.start}: {before} sessions before it, scores need {MIN_SESSIONS_BEFORE}; {span}"
        )
    return sessions


def _refuse_gap(request: BacktestRequest, expected: list[date], known: set[date]) -> None:
    missing: list[date] = []
    for day in [*expected, None]:
        if day is not None and day not in known:
            missing.append(day)
            continue
        if len(missing) > MAX_GAP_SESSIONS:
            raise UserError(
                f"--data={request.data}: no bars from {missing[0]} to {missing[-1]} ({len(missing)} sessions); "
                "the range must be covered, a gap of up to "
                f"{MAX_GAP_SESSIONS} sessions is reported"
            )
        missing = []


def _require_index(request: BacktestRequest, inputs: HistoryInputs, sessions: list[date]) -> None:
    known = set(index_bars(inputs.index_daily))
    missing = [day for day in sessions if day not in known]
    if len(missing) > MAX_GAP_SESSIONS:
        raise UserError(
            f"--data={request.data}: KOSPI bars of {len(missing)} sessions are missing, the first {missing[0]}; "
            "index/krx_index_daily.parquet must cover the range and the session before"
        )


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
