"""Several scorers over the same readings: each row says whose it is, and the rank is relative to its own day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import polars as pl
import pytest

from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.history import HistoryInputs, scout_days
from jennie_core.scoring.history_context import run_stamp
from jennie_core.scoring.knowledge import inputs_known
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.scout import run_scout

RANK = SCORERS["quant-rank-1"]


def rising(readings: Any, *returns: float) -> pl.DataFrame:
    """Stocks that differ in their 20-session return alone."""
    rows = [{"code": f"{n:05}0", "return_20_pct": value, "ma20": 20_000.0} for n, value in enumerate(returns)]
    frame: pl.DataFrame = readings(*rows)
    return frame


def test_the_settings_name_exactly_the_scorers_that_exist() -> None:
    assert set(get_args(ScoutSettings.model_fields["scorer"].annotation)) == set(SCORERS)
    assert all(version == scorer.version for version, scorer in SCORERS.items())
    assert ScoutSettings().scorer == "quant-1"


@pytest.mark.parametrize("version", sorted(SCORERS))
def test_every_row_says_which_scorer_made_it(readings: Any, version: str) -> None:
    scored = SCORERS[version].scores(rising(readings, 1.0, 2.0), regime=MarketRegime.BULL)
    assert scored["scorer_version"].to_list() == [version] * 2
    assert scored["total_quant_score"].is_between(0, 100).all()


def test_the_rank_says_who_is_better_not_by_how_much(readings: Any) -> None:
    near = RANK.scores(rising(readings, 1.0, 2.0, 3.0), regime=None)["total_quant_score"]
    far = RANK.scores(rising(readings, -9.0, 2.0, 14.0), regime=None)["total_quant_score"]
    assert near.to_list() == far.to_list() == sorted(near.to_list())
    assert near[1] == 50.0
    assert near[0] + near[2] == pytest.approx(100.0)


def test_equal_stocks_have_the_middle_rank(readings: Any) -> None:
    assert RANK.scores(rising(readings, 5.0, 5.0, 5.0), regime=None)["total_quant_score"].to_list() == [50.0] * 3


def test_what_is_unknown_takes_no_part_in_the_rank(readings: Any) -> None:
    """Q1: a stock is neither helped nor harmed by a sub-score that nobody knows; with none known there is no score."""
    rows = rising(readings, 1.0, 2.0).with_columns(
        news_sentiment=pl.Series([90.0, None]), return_20_pct=pl.Series([1.0, None]), ma20=pl.Series([20_000.0, None])
    )
    first, second = RANK.scores(rows, regime=None).rows(named=True)
    assert first["total_quant_score"] == 50.0
    assert second["total_quant_score"] is None
    assert second["coverage_ratio"] < first["coverage_ratio"]


def test_the_rank_of_one_day_knows_nothing_of_another(readings: Any) -> None:
    weak, strong = rising(readings, -8.0, -5.0), rising(readings, 8.0, 12.0)
    both = pl.concat([weak.with_columns(day=pl.lit(1)), strong.with_columns(day=pl.lit(2))])
    scored = RANK.rows(both, is_bull=pl.lit(value=False), day=("day",))
    alone = [RANK.scores(frame, regime=None)["total_quant_score"].to_list() for frame in (weak, strong)]
    assert scored["total_quant_score"].to_list() == [*alone[0], *alone[1]]


def test_a_history_by_rank_equals_the_single_runs(years: Callable[..., HistoryInputs]) -> None:
    inputs = years(21)
    settings = ScoutSettings(
        scorer="quant-rank-1", universe_size=16, max_watchlist=8, min_coverage_ratio=0.3,
        min_median_turnover_krw=100_000_000,
    )  # fmt: skip
    sessions = inputs.prices["trade_date"].unique().sort().to_list()[-12:]
    found = list(scout_days(inputs, sessions, settings=settings))
    for number in (0, 5, 11):
        day, before = found[number], found[max(0, number - 2) : number]
        known_by = day.market_day - timedelta(days=1)
        history = [
            one.scores.select(pl.lit(one.market_day).alias("score_date"), "code", "hybrid_score") for one in before
        ]
        run = run_scout(
            inputs_known(inputs, as_of=day.as_of, known_by=known_by), stamp=run_stamp(day.market_day), as_of=day.as_of,
            known_by=known_by, regime=day.context.market_regime, settings=settings,
            history=pl.concat(history) if history else None, previous=before[-1].watchlist if before else None,
            favor=day.context.favor_sectors, avoid=day.context.avoid_sectors,
        )  # fmt: skip
        assert run.watchlist == day.watchlist
        assert set(run.scores["scorer_version"]) == {"quant-rank-1"}
    assert any(day.watchlist.entries for day in found)
