"""The whole chain of one scout run, from canonical frames to the watchlist (R-SEL-11), for replay, backtest and tests.

The data plane materialises the same steps one asset at a time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.macro import SectorBudget
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.scoring.analyst import hybrid_scores
from jennie_core.scoring.budget import build_sector_budget, effective_caps
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.selection import select
from jennie_core.scoring.smoothing import HISTORY, smoothed_scores
from jennie_core.scoring.universe import Universe, select_universe
from jennie_core.scoring.watchlist import build_watchlist, first_listed_dates


@dataclass(frozen=True)
class RunStamp:
    """Who and when: the same for every document of one run."""

    run_id: str
    market_day: date
    known_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class ScoutRun:
    """Everything one run decided; `scores` holds every analysed stock, selected or not (R-SEL-12)."""

    readings: pl.DataFrame
    universe: Universe
    scores: pl.DataFrame
    budget: SectorBudget
    watchlist: HotWatchlist


def universe_rows(readings: pl.DataFrame, universe: Universe) -> pl.DataFrame:
    """Rows of the universe's members with size_rank, largest first."""
    return readings.join(universe.members.select("code", "size_rank"), on="code", how="inner", validate="1:1").sort(
        "size_rank"
    )


def run_scout(
    inputs: MarketInputs,
    *,
    stamp: RunStamp,
    as_of: date,
    known_by: date,
    regime: MarketRegime,
    settings: ScoutSettings,
    history: pl.DataFrame | None = None,
    previous: HotWatchlist | None = None,
    favor: Collection[str] = (),
    avoid: Collection[str] = (),
    held_per_sector: Mapping[str, int] | None = None,
    opinions: pl.DataFrame | None = None,
) -> ScoutRun:
    """Run the chain with what is known at `as_of` (last session) and `known_by` (last calendar day of facts).

    `opinions` are a model's (`analyst.OPINIONS`); without them the rules take the analyst's seat. `history` holds
    earlier days' hybrid scores (`smoothing.HISTORY`), `previous` the list in force at the start.
    """
    readings = assemble_readings(inputs, as_of=as_of, known_by=known_by)
    universe = select_universe(readings, as_of=as_of, settings=settings, listed_codes=inputs.master["code"].to_list())
    scored = SCORERS[settings.scorer].scores(universe_rows(readings, universe), regime=regime)
    judged = hybrid_scores(scored, rules_opinions(scored) if opinions is None else opinions, settings=settings)
    past = pl.DataFrame(schema=dict(HISTORY)) if history is None else history
    smoothed = smoothed_scores(judged, past, market_day=stamp.market_day, window=settings.ma_window)
    budget = build_sector_budget(
        scored,
        run_id=stamp.run_id,
        market_day=stamp.market_day,
        known_at=stamp.known_at,
        expires_at=stamp.expires_at,
        favor=favor,
        avoid=avoid,
    )
    listed_since = first_listed_dates(previous)
    selected = select(
        smoothed,
        previous_codes=listed_since.keys(),
        sector_caps=effective_caps(budget, {} if held_per_sector is None else held_per_sector),
        settings=settings,
    )
    watchlist = build_watchlist(
        selected,
        run_id=stamp.run_id,
        market_day=stamp.market_day,
        market_regime=regime,
        known_at=stamp.known_at,
        expires_at=stamp.expires_at,
        listed_since=listed_since,
    )
    return ScoutRun(readings, universe, selected, budget, watchlist)
