"""The scout over many real sessions equals the single runs, whatever happens to the market afterwards."""

import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.history import HistoryInputs, ScoutDay, scout_days
from jennie_core.scoring.history_context import run_stamp
from jennie_core.scoring.knowledge import inputs_known
from jennie_core.scoring.scout import run_scout
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.history import read_history

pytestmark = pytest.mark.realdata

SPAN = 6
SETTINGS = ScoutSettings()


def assert_equals_single(inputs: HistoryInputs, day: ScoutDay, before: list[ScoutDay]) -> None:
    known_by = day.market_day - timedelta(days=1)
    stamp = run_stamp(day.market_day)
    history = pl.concat(
        [
            earlier.scores.select(pl.lit(earlier.market_day).alias("score_date"), "code", "hybrid_score")
            for earlier in before[-2:]
        ]
    )
    run = run_scout(
        inputs_known(inputs, as_of=day.as_of, known_by=known_by), stamp=stamp, as_of=day.as_of, known_by=known_by,
        regime=day.context.market_regime, settings=SETTINGS, history=history, previous=before[-1].watchlist,
        favor=day.context.favor_sectors, avoid=day.context.avoid_sectors,
    )  # fmt: skip
    assert run.watchlist == day.watchlist
    assert run.budget == day.budget
    scores = run.scores.sort("size_rank").rename({"total_quant_score": "quant_score"}).select(day.scores.columns)
    assert scores.equals(day.scores), day.market_day


@pytest.mark.parametrize("seed", range(3))
def test_random_sessions_equal_the_single_runs_and_ignore_the_future(real_data: Path, seed: int) -> None:
    """Q2; among 2020-2021 and from 2024-04, when lists are not empty for want of statements."""
    opened = MarketFolder(real_data).sessions(date(2020, 4, 1), date(2025, 6, 30))
    rich = [n for n, day in enumerate(opened) if day < date(2020, 12, 1) or day > date(2024, 4, 15)]
    start = random.Random(seed).choice(rich[: -SPAN - 1])
    sessions = opened[start : start + SPAN]
    inputs = read_history(MarketFolder(real_data), sessions[0], sessions[-1]).inputs
    found = list(scout_days(inputs, sessions, settings=SETTINGS))
    assert [day.market_day for day in found] == sessions
    assert all(day.scores.height == SETTINGS.universe_size for day in found)
    assert_equals_single(inputs, found[-1], found[:-1])

    last = found[2].as_of
    late = pl.col("trade_date") > last
    names = ("open_krw", "high_krw", "low_krw", "close_krw", "volume")
    poison = [pl.when(late).then(pl.col(name) * 2 + 7).otherwise(pl.col(name)).alias(name) for name in names]
    changed = replace(inputs, prices=inputs.prices.with_columns(poison))
    for day, again in zip(found[:3], scout_days(changed, sessions, settings=SETTINGS), strict=False):
        assert again.scores.serialize() == day.scores.serialize()
        assert again.watchlist == day.watchlist
        assert again.context == day.context
