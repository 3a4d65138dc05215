"""The scout over years at once: what `run_scout` would have decided on each session, and the regime of the day.

Everything that depends on one day alone is computed for all days in one pass; only selection with its hysteresis runs
day by day. Each day equals `run_scout` over `knowledge.inputs_known` of that day, so nothing looks ahead.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.macro import SectorBudget, TradingContext
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.scoring import history_scores
from jennie_core.scoring.budget import budget_of, effective_caps, sector_returns
from jennie_core.scoring.factors import HISTORY_SESSIONS, sector_momentum
from jennie_core.scoring.history_context import ContextHistory, run_stamp
from jennie_core.scoring.history_prices import price_history
from jennie_core.scoring.knowledge import HistoryInputs
from jennie_core.scoring.scout import RunStamp
from jennie_core.scoring.selection import choose, selection_order
from jennie_core.scoring.watchlist import first_listed_dates, watchlist_of

__all__ = ["HistoryInputs", "ScoutDay", "daily_readings", "scout_days"]

HeldPerSector = Callable[[date], Mapping[str, int]]
_SCORES = (
    pl.col("code"), pl.col("total_quant_score").alias("quant_score"),
    pl.col("hybrid_score", "smoothed_score", "coverage_ratio", "trade_tier", "is_tradable"),
    pl.col("sector_group", "size_rank"),
)  # fmt: skip
_LISTED = (
    *("market_day", "code", "name", "sector_group", "size_rank", "total_quant_score", "llm_score", "smoothed_score"),
    *("coverage_ratio", "is_tradable", "trade_tier", "risk_tag", "veto_applied", "close_krw", "atr_krw"),
)


@dataclass(frozen=True, slots=True)
class ScoutDay:
    """One session's decision. `scores` holds every stock of the universe, largest first: code, quant_score,
    hybrid_score, smoothed_score, coverage_ratio, trade_tier, is_tradable, sector_group, size_rank.
    """

    market_day: date
    as_of: date
    context: TradingContext
    watchlist: HotWatchlist
    budget: SectorBudget
    scores: pl.DataFrame


def daily_readings(inputs: HistoryInputs) -> pl.DataFrame:
    """`price_history` of the inputs: the price readings of every code and session, known at that session's close."""
    return price_history(inputs.prices)


def scout_days(
    inputs: HistoryInputs,
    sessions: Sequence[date],
    *,
    settings: ScoutSettings,
    held_per_sector: HeldPerSector | None = None,
    readings: pl.DataFrame | None = None,
) -> Iterator[ScoutDay]:
    """The days of `sessions` (KRX sessions, ascending), each decided with what was known at the session before.

    The inputs shall reach back 250 sessions before the first; with fewer, what needs them is unknown, as on a single
    day. `held_per_sector` is asked at each day before its list is made (R-BUD-06). `readings` are `daily_readings` of
    the same inputs, computed here when not given. A day on which no stock passes the universe's filters has an empty
    list. Raises ValueError for a session without any earlier price.
    """
    days = _decision_days(inputs.prices, sessions)
    panel = daily_readings(inputs) if readings is None else readings
    market = history_scores.market_rows(panel, inputs.master, days)
    momentum = sector_momentum(market, ("market_day", "sector_group"))
    contexts = ContextHistory(inputs, market, momentum)
    context_of = {
        day: contexts.at(day, as_of=as_of, window_from=window_from)
        for day, as_of, window_from in days.select("market_day", "trade_date", "window_from").iter_rows()
    }
    members = history_scores.universe_members(market, inputs, settings)
    del market
    bulls = pl.DataFrame(
        {"market_day": list(context_of), "is_bull": [context.market_regime.is_bull for context in context_of.values()]},
        schema={"market_day": pl.Date, "is_bull": pl.Boolean},
    )
    rows = history_scores.member_readings(members, panel, momentum, inputs).join(
        bulls, on="market_day", how="left", maintain_order="left"
    )
    scores = history_scores.score_history(rows, settings)
    scored = _ByDay(scores)
    returns = _ByDay(sector_returns(rows, ("market_day", "sector_group")))
    lists = _Lists(scores, settings)
    previous: HotWatchlist | None = None
    for day, as_of in days.select("market_day", "trade_date").iter_rows():
        stamp, context = run_stamp(day), context_of[day]
        budget = budget_of(
            returns.rows(day),
            run_id=stamp.run_id,
            market_day=day,
            known_at=stamp.known_at,
            expires_at=stamp.expires_at,
            favor=context.favor_sectors,
            avoid=context.avoid_sectors,
        )
        caps = effective_caps(budget, {} if held_per_sector is None else held_per_sector(day))
        previous = lists.make(stamp, context.market_regime, caps, previous)
        yield ScoutDay(
            market_day=day,
            as_of=as_of,
            context=context,
            watchlist=previous,
            budget=budget,
            scores=scored.rows(day).select(_SCORES),
        )


def _decision_days(prices: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """market_day, trade_date (the last session before it), known_by and window_from (first session of the window)."""
    known = prices["trade_date"].unique().sort().to_list()
    rows = []
    for day in sessions:
        place = bisect_left(known, day)
        if place == 0:
            raise ValueError(f"no price before the session {day}")
        first = known[max(0, place - HISTORY_SESSIONS)]
        rows.append((day, known[place - 1], day - timedelta(days=1), first))
    names = ("market_day", "trade_date", "known_by", "window_from")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Date), orient="row")


class _ByDay:
    """Rows of a frame sorted by market_day, one slice per day."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        counts = frame.group_by("market_day", maintain_order=True).len()
        ends = counts["len"].cum_sum().to_list()
        self._slices = dict(zip(counts["market_day"], zip([0, *ends], ends, strict=False), strict=True))

    def rows(self, day: date) -> pl.DataFrame:
        start, end = self._slices.get(day, (0, 0))
        return self._frame.slice(start, end - start)


class _Lists:
    """Each day's watchlist from that day's scores and the list of the day before."""

    def __init__(self, scored: pl.DataFrame, settings: ScoutSettings) -> None:
        staying = pl.col("is_tradable") & (pl.col("smoothed_score") >= settings.exit_threshold)
        self._days = _ByDay(scored.filter(staying).select(_LISTED).sort("market_day", *selection_order()))
        self._settings = settings

    def make(
        self, stamp: RunStamp, regime: MarketRegime, caps: Mapping[str, int], previous: HotWatchlist | None
    ) -> HotWatchlist:
        listed_since = first_listed_dates(previous)
        rows = {row["code"]: row for row in self._days.rows(stamp.market_day).iter_rows(named=True)}
        eligible = [
            (code, row["sector_group"])
            for code, row in rows.items()
            if row["smoothed_score"] >= self._settings.entry_threshold or code in listed_since
        ]
        codes, _ = choose(eligible, caps, self._settings.max_watchlist)
        return watchlist_of(
            [rows[code] for code in codes],
            run_id=stamp.run_id,
            market_day=stamp.market_day,
            market_regime=regime,
            known_at=stamp.known_at,
            expires_at=stamp.expires_at,
            listed_since=listed_since,
        )
