"""The whole chain on a generated market: knowledge time, determinism, one list a day."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring import frames
from jennie_core.scoring.frames import LookAheadError
from jennie_core.scoring.readings import MarketInputs
from jennie_core.scoring.scout import RunStamp, ScoutRun, run_scout

AS_OF = date(2025, 3, 14)
DAY = date(2025, 3, 17)
NOW = datetime(2025, 3, 17, 8, 30, tzinfo=KST)


@pytest.fixture
def inputs(bars: Any, master: Any) -> MarketInputs:
    codes = [f"{i:05}0" for i in range(1, 31)]
    prices = pl.concat(
        [
            bars([20_000 + (60 - k) * i + (i * i * k) % 700 for i in range(250)], code=code)
            for k, code in enumerate(codes)
        ]
    )
    filed = pl.DataFrame(
        [(code, "2024", date(2025, 3, 10), 12.0, 1e11, 1e12) for code in codes],
        schema=dict(frames.FUNDAMENTALS),
        orient="row",
    )
    caps = pl.DataFrame(
        [(code, AS_OF, 10**12 + k, 10**7) for k, code in enumerate(codes)],
        schema=dict(frames.MARKET_CAPS),
        orient="row",
    )
    return MarketInputs(prices=prices, master=master(codes), fundamentals=filed, market_caps=caps)


def run(inputs: MarketInputs, **changes: Any) -> ScoutRun:
    stamp = RunStamp("run-1", DAY, NOW, NOW + timedelta(hours=24))
    return run_scout(
        inputs, stamp=stamp, as_of=AS_OF, known_by=DAY - timedelta(days=1), regime=MarketRegime.SIDEWAYS,
        settings=ScoutSettings(), **changes,
    )  # fmt: skip


def test_the_chain_ends_in_a_list_of_tradable_stocks(inputs: MarketInputs) -> None:
    found = run(inputs)
    assert 0 < len(found.watchlist.entries) <= 25
    assert [entry.rank for entry in found.watchlist.entries] == list(range(1, len(found.watchlist.entries) + 1))
    assert all(entry.is_tradable and entry.coverage_ratio >= 0.55 for entry in found.watchlist.entries)
    assert found.scores.height == found.universe.members.height


@pytest.mark.rule("R-QNT-80")
def test_the_same_inputs_give_the_same_list(inputs: MarketInputs) -> None:
    """Row order included."""
    shuffled = MarketInputs(
        prices=inputs.prices.sample(fraction=1.0, shuffle=True, seed=7), master=inputs.master.reverse(),
        fundamentals=inputs.fundamentals.reverse(), market_caps=inputs.market_caps.reverse(),
    )  # fmt: skip
    assert run(inputs).watchlist == run(shuffled).watchlist


def test_a_poisoned_market_day_cannot_reach_the_list(inputs: MarketInputs) -> None:
    """Q2: rows of day D are refused, and without them the 08:30 list is the same."""
    poison = inputs.prices.filter(pl.col("trade_date") == AS_OF).with_columns(
        trade_date=pl.lit(DAY), close_krw=pl.col("close_krw") * 2
    )
    poisoned = pl.concat([inputs.prices, poison])
    with pytest.raises(LookAheadError):
        run(MarketInputs(prices=poisoned, master=inputs.master))
    cut = MarketInputs(
        prices=poisoned.filter(pl.col("trade_date") < DAY), master=inputs.master, fundamentals=inputs.fundamentals,
        market_caps=inputs.market_caps,
    )  # fmt: skip
    assert run(cut).watchlist == run(inputs).watchlist


@pytest.mark.parametrize("column", ["fundamentals", "headlines", "flows"])
def test_facts_dated_on_the_market_day_are_refused(inputs: MarketInputs, column: str) -> None:
    """Q2: facts dated before D only."""
    late = {
        "fundamentals": pl.DataFrame(
            [("000010", "2024", DAY, 1.0, 1.0, 1.0)], schema=dict(frames.FUNDAMENTALS), orient="row"
        ),
        "headlines": pl.DataFrame([("000010", DAY, "급등", None)], schema=dict(frames.HEADLINES), orient="row"),
        "flows": pl.DataFrame([("000010", DAY, 1, 1, 1.0)], schema=dict(frames.INVESTOR_FLOWS), orient="row"),
    }
    with pytest.raises(LookAheadError):
        run(MarketInputs(prices=inputs.prices, master=inputs.master, **{column: late[column]}))


def test_unknown_fundamentals_lower_coverage_below_tradable(inputs: MarketInputs) -> None:
    """Q1: prices and sector alone are 45 of 110 points."""
    found = run(MarketInputs(prices=inputs.prices, master=inputs.master, market_caps=inputs.market_caps))
    assert found.scores["coverage_ratio"].max() == pytest.approx(45 / 110, abs=1e-4)
    assert found.watchlist.entries == ()
    assert "Q1: coverage under 0.55" in found.scores["selection_note"].to_list()
