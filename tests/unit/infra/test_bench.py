"""The bench measures what it says: equal rates, one trigger per code and turn, ratios of the rounds."""

import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from bench import decisions, generated, order_to_broker, pattern
from bench.result import Figure, quantile, write
from bench.tick_to_order import WINDOW_SECONDS, Round, _figures
from jennie_core.domain.enums import Mode
from jennie_core.domain.trading_settings import SellSettings
from jennie_infra.kis.limits import REQUESTS_PER_SECOND


@pytest.mark.parametrize("index", range(8))
def test_a_window_has_two_thousand_ticks_a_second_and_ten_triggers(index: int) -> None:
    trades = pattern.window(index)
    assert len(trades) / WINDOW_SECONDS == pytest.approx(2_000, rel=0.02)
    triggers = [trade for trade in trades if trade.is_trigger]
    assert len({trade.number for trade in triggers}) == pattern.TRIGGERS
    assert [trade.offset for trade in trades] == sorted(trade.offset for trade in trades)
    for trigger in triggers:
        assert min(trade.offset for trade in trades if trade.number == trigger.number) == trigger.offset


def test_every_bar_has_the_same_volume_so_that_no_other_setup_matches() -> None:
    for index in range(8):
        volumes = Counter[int]()
        for trade in pattern.window(index):
            volumes[trade.number] += trade.size
        assert set(volumes.values()) == {pattern.SIZE * pattern.TICKS_PER_CODE}


def test_a_trigger_follows_the_window_in_which_its_code_rose() -> None:
    for index in range(1, 8):
        rose = {trade.number for trade in pattern.window(index - 1) if trade.is_high and not trade.is_trigger}
        assert {trade.number for trade in pattern.window(index) if trade.is_trigger} == rose


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    ours = [Round([value], 1, 2_000) for value in (2.0, 30.0, 4.0)]
    floor = [Round([value], 1, 2_000) for value in (1.0, 10.0, 4.0)]
    p50, _ = _figures(ours, floor, 1.0, 100.0, Console(quiet=True))
    assert p50.ratio == 2.0
    assert p50.holds is None, "the floor moved: this session judges nothing"
    assert p50.detail["steady"] is False


def test_quantiles_are_of_the_sample() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_the_file_has_the_fields_that_were_agreed(tmp_path: Path) -> None:
    write([Figure(name="x", value=1.0, unit="ms", floor=1.0, ratio=1.0, target=1.5)], tmp_path / "latest.json")
    (row,) = json.loads((tmp_path / "latest.json").read_text())
    wanted = {
        "name",
        "value",
        "unit",
        "floor",
        "ratio",
        "target",
        "holds",
        "cpu_seconds",
        "rss_mb",
        "samples",
        "versions",
    }
    assert wanted <= set(row)
    assert row["holds"] is True


@pytest.mark.parametrize(("value", "holds"), [(1.4, True), (1.6, False)])
def test_a_steady_session_says_whether_the_target_holds(value: float, holds: bool) -> None:
    rounds = [Round([1.0], 1, 2_000)] * 3
    p50, _ = _figures([Round([value], 1, 2_000)] * 3, rounds, 1.0, 100.0, Console(quiet=True))
    assert p50.holds is holds


def test_the_orders_of_a_whole_run_fit_into_the_budget_of_one_slice() -> None:
    """Market time stands in this bench: an order over the budget would be refused."""
    budget = REQUESTS_PER_SECOND[Mode.REHEARSAL] * order_to_broker.SLICE_SECONDS
    assert budget > order_to_broker.WARM + order_to_broker.ROUNDS * order_to_broker.PER_ROUND


def test_an_order_is_compared_with_the_bare_trip_of_its_own_round() -> None:
    rounds = [order_to_broker.Round([1.0] * 10, [3.0] * 10), order_to_broker.Round([2.0] * 10, [3.0] * 10)]
    figures = {each.name.split(", ")[1]: each for each in order_to_broker._figures(rounds, Console(quiet=True))}
    assert figures["p99"].ratio == pytest.approx(2.25)
    assert figures["p99"].holds is None, "the floor moved, so nothing is judged"
    steady = [order_to_broker.Round([1.0] * 10, [1.9] * 10)] * 3
    assert [each.holds for each in order_to_broker._figures(steady, Console(quiet=True))] == [None, True]


def test_a_crowded_minute_closes_no_bar_and_a_thin_session_one_with_every_tick() -> None:
    crowded, thin = generated.scanner(), generated.scanner()
    for tick in generated.one_crowded_minute(2_000):
        crowded.on_tick(tick)
    for tick in generated.one_trade_a_minute()[: 50 * len(generated.CODES)]:
        thin.on_tick(tick)
    assert [len(crowded.bars(code)) for code in generated.CODES] == [0] * len(generated.CODES)
    assert [len(thin.bars(code)) for code in generated.CODES] == [49] * len(generated.CODES)
    assert crowded.late_ticks == thin.late_ticks == 0
    assert all(bar.is_complete for bar in thin.bars(generated.CODES[0]))


def test_the_price_paths_touch_every_exit_rule_of_the_shipped_settings() -> None:
    assert decisions.touched_rules(generated.exit_paths(decisions.PATH_STEPS), SellSettings()) == decisions.RULES
