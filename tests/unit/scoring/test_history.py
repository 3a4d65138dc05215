"""The scout over many sessions equals the single runs, day for day, and no later row can reach an earlier day."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date, timedelta

import polars as pl
import pytest

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.council import macro_insight, rules_replies
from jennie_core.scoring.history import HistoryInputs, ScoutDay, scout_days
from jennie_core.scoring.history_context import run_stamp
from jennie_core.scoring.knowledge import inputs_known
from jennie_core.scoring.macro_readings import collect_readings
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.regime import trading_context
from jennie_core.scoring.scout import ScoutRun, run_scout

Years = Callable[..., HistoryInputs]
SETTINGS = ScoutSettings(
    universe_size=16, max_watchlist=8, min_coverage_ratio=0.3, min_median_turnover_krw=100_000_000,
    entry_threshold=56, exit_threshold=50,
)  # fmt: skip
HELD = {"금융": 4, "반도체/IT": 1}
SCORES = ("hybrid_score", "smoothed_score", "coverage_ratio", "trade_tier", "is_tradable", "sector_group", "size_rank")
DATED = {
    "prices": "trade_date", "market_caps": "snapshot_date", "fundamentals": "known_on", "flows": "trade_date",
    "consensus": "known_on", "headlines": "published_on", "index_daily": "trade_date", "macro_daily": "observed_on",
    "market_flows": "trade_date",
}  # fmt: skip


def days_of(inputs: HistoryInputs, sessions: Sequence[date], settings: ScoutSettings = SETTINGS) -> list[ScoutDay]:
    return list(scout_days(inputs, sessions, settings=settings, held_per_sector=lambda day: HELD))


def last_sessions(inputs: HistoryInputs, count: int) -> list[date]:
    return inputs.prices["trade_date"].unique().sort().to_list()[-count:]


def single_run(
    inputs: HistoryInputs, day: ScoutDay, before: Sequence[ScoutDay], settings: ScoutSettings, held: dict[str, int]
) -> ScoutRun:
    """`run_scout` and the council of one day from what was known, after checking the day's context."""
    known_by = day.market_day - timedelta(days=1)
    known = inputs_known(inputs, as_of=day.as_of, known_by=known_by)
    stamp = run_stamp(day.market_day)
    readings = collect_readings(
        market_day=day.market_day,
        previous_session=day.as_of,
        index_daily=inputs.index_daily.filter(pl.col("trade_date") <= day.as_of),
        macro=inputs.macro_daily,
        readings=assemble_readings(known, as_of=day.as_of, known_by=known_by),
        market_flows=inputs.market_flows.filter(pl.col("trade_date") <= day.as_of),
        prices=known.prices if inputs.index_daily.height == 0 else None,
    )
    issued = {"run_id": stamp.run_id, "known_at": stamp.known_at, "expires_at": stamp.expires_at}
    insight = macro_insight(readings, rules_replies(readings), **issued)  # type: ignore[arg-type]
    context = trading_context(insight, market_day=day.market_day, **issued)  # type: ignore[arg-type]
    assert day.context == context
    history = [
        earlier.scores.select(pl.lit(earlier.market_day).alias("score_date"), "code", "hybrid_score")
        for earlier in before
    ]
    return run_scout(
        known, stamp=stamp, as_of=day.as_of, known_by=known_by, regime=context.market_regime, settings=settings,
        history=pl.concat(history) if history else None, previous=before[-1].watchlist if before else None,
        favor=context.favor_sectors, avoid=context.avoid_sectors, held_per_sector=held,
    )  # fmt: skip


def assert_equal(day: ScoutDay, run: ScoutRun) -> None:
    assert day.watchlist == run.watchlist
    assert day.budget == run.budget
    single = run.scores.sort("size_rank").select("code", pl.col("total_quant_score").alias("quant_score"), *SCORES)
    assert day.scores.equals(single), day.market_day


@pytest.mark.parametrize("seed", range(3))
def test_every_day_equals_the_single_run(years: Years, seed: int) -> None:
    inputs = years(seed)
    sessions = last_sessions(inputs, 60)
    found = days_of(inputs, sessions)
    assert [day.market_day for day in found] == sessions
    for number in [0, 1, 2, *range(5, 60, 6), 59]:
        run = single_run(inputs, found[number], found[max(0, number - 2) : number], SETTINGS, HELD)
        assert_equal(found[number], run)
    assert sum(len(day.watchlist.entries) for day in found) > 100
    assert len({day.context.market_regime for day in found}) > 2


def test_without_an_index_the_most_traded_stocks_stand_in(years: Years) -> None:
    inputs = years(4)
    inputs = replace(inputs, index_daily=inputs.index_daily.clear())
    found = days_of(inputs, last_sessions(inputs, 3))
    for number, day in enumerate(found):
        assert_equal(day, single_run(inputs, day, found[:number], SETTINGS, HELD))


def test_a_market_that_no_register_names_is_not_refused_for_it(years: Years) -> None:
    inputs = years(9)
    inputs = replace(inputs, master=inputs.master.with_columns(market=pl.lit(None, dtype=pl.String)))
    (day,) = days_of(inputs, last_sessions(inputs, 1))
    assert_equal(day, single_run(inputs, day, [], SETTINGS, HELD))
    assert day.scores.height == SETTINGS.universe_size


def test_empty_sources_are_unknown(years: Years) -> None:
    """Prices and master alone: nothing is invented, and nothing is tradable under the coverage of Q1."""
    inputs = years(5)
    bare = {f.name: getattr(inputs, f.name).clear() for f in fields(inputs) if f.name not in ("prices", "master")}
    inputs = replace(inputs, **bare)
    found = days_of(inputs, last_sessions(inputs, 2), replace_settings(min_coverage_ratio=0.55))
    for number, day in enumerate(found):
        settings = replace_settings(min_coverage_ratio=0.55)
        assert_equal(day, single_run(inputs, day, found[:number], settings, HELD))
        assert day.watchlist.entries == ()


def replace_settings(**changes: float) -> ScoutSettings:
    return SETTINGS.model_copy(update=changes)


@pytest.mark.rule("R-UNI-06")
def test_a_day_without_any_stock_has_an_empty_list(years: Years) -> None:
    """The next day starts without a list."""
    inputs = years(6)
    (day,) = days_of(inputs, last_sessions(inputs, 1), replace_settings(min_price_krw=10**9))
    assert day.watchlist.entries == ()
    assert day.scores.height == 0


def cut(inputs: HistoryInputs, last: date) -> HistoryInputs:
    return replace(
        inputs, **{name: getattr(inputs, name).filter(pl.col(column) <= last) for name, column in DATED.items()}
    )


def poisoned(inputs: HistoryInputs, last: date) -> HistoryInputs:
    """Every number dated after `last` is changed beyond recognition."""
    changed = {}
    for name, column in DATED.items():
        frame = getattr(inputs, name)
        numbers = [key for key, dtype in frame.schema.items() if dtype.is_numeric()]
        late = pl.col(column) > last
        changed[name] = frame.with_columns(
            pl.when(late).then(pl.col(key) * 3 + 7).otherwise(pl.col(key)).cast(frame.schema[key]) for key in numbers
        )
    return replace(inputs, **changed)


@pytest.mark.parametrize("change", [cut, poisoned])
@pytest.mark.parametrize("seed", [11, 12])
def test_later_rows_cannot_reach_a_day(
    years: Years, change: Callable[[HistoryInputs, date], HistoryInputs], seed: int
) -> None:
    """Q2: the days up to T are byte for byte the same whatever happens after T's last session."""
    inputs = years(seed)
    sessions = last_sessions(inputs, 40)
    last = sessions[seed * 2]
    whole = days_of(inputs, sessions)
    known = [day for day in sessions if day <= last]
    again = days_of(change(inputs, known[-2]), known)
    assert len(again) == len(known)
    for day, same in zip(whole, again, strict=False):
        assert same.scores.serialize() == day.scores.serialize()
        assert same.watchlist.model_dump_json() == day.watchlist.model_dump_json()
        assert same.budget.model_dump_json() == day.budget.model_dump_json()
        assert same.context.model_dump_json() == day.context.model_dump_json()


def test_a_session_before_every_price_is_refused(years: Years) -> None:
    inputs = years(7, codes=2)
    with pytest.raises(ValueError, match="no price before"):
        days_of(inputs, [date(2000, 1, 3)])


def test_the_single_day_inputs_are_all_that_was_known(years: Years) -> None:
    """The cut that the law compares with holds every row up to the day, and none after it."""
    inputs = years(8)
    day = last_sessions(inputs, 30)[0]
    known = inputs_known(inputs, as_of=day, known_by=day)
    assert isinstance(known, MarketInputs)
    assert known.prices["trade_date"].max() == day
    assert known.prices["trade_date"].n_unique() == 250
    assert known.flows["trade_date"].min() > day - timedelta(days=60)
