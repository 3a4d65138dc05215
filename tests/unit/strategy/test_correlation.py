"""Correlation with held stocks (R-COR-01..05)."""

from datetime import date, timedelta
from math import sin

import pytest

from jennie_core.strategy.correlation import Closes, check_correlation, return_correlation

START = date(2025, 1, 2)


def closes(count: int = 61, *, phase: float = 0.0, sign: int = 1, start: date = START) -> dict[date, float]:
    price, series = 10_000.0, {}
    for index in range(count):
        price *= 1 + sign * 0.01 * sin(index * 1.7 + phase)
        series[start + timedelta(days=index)] = price
    return series


@pytest.mark.rule("R-COR-01")
def test_equal_movements_correlate_fully_and_opposite_ones_negatively() -> None:
    assert return_correlation(closes(), {day: 3 * close for day, close in closes().items()}) == pytest.approx(1.0)
    opposite = return_correlation(closes(), closes(sign=-1))
    assert opposite is not None
    assert opposite < -0.99


@pytest.mark.rule("R-COR-02")
def test_a_correlated_candidate_is_refused_and_named() -> None:
    refusal = check_correlation("A", closes(), {"B": closes(phase=2.0), "C": closes()}, 0.85)
    assert refusal is not None
    assert (refusal.rule, refusal.detail, refusal.limit) == ("R-COR-02", "moves with C", 0.85)


@pytest.mark.rule("R-COR-02")
def test_the_limit_itself_refuses() -> None:
    value = return_correlation(closes(), closes(phase=0.4))
    assert value is not None
    assert check_correlation("A", closes(), {"B": closes(phase=0.4)}, value) is not None
    assert check_correlation("A", closes(), {"B": closes(phase=0.4)}, value + 1e-9) is None


@pytest.mark.rule("R-COR-02")
def test_the_candidate_itself_is_not_compared() -> None:
    assert check_correlation("A", closes(), {"A": closes()}, 0.85) is None


@pytest.mark.rule("R-COR-03")
@pytest.mark.parametrize("held", [{"B": None}, {"B": {}}, {"B": closes(20)}, {}])
def test_missing_data_passes(held: dict[str, Closes | None]) -> None:
    assert check_correlation("A", closes(), held, 0.85) is None
    assert check_correlation("A", None, {"B": closes()}, 0.85) is None


@pytest.mark.rule("R-COR-01")
def test_twenty_one_prices_are_enough() -> None:
    assert return_correlation(closes(21), closes(21)) == pytest.approx(1.0)
    assert return_correlation(closes(20), closes(20)) is None
    broken = closes(21) | {START: 0.0}
    assert return_correlation(closes(21), broken) is None, "nineteen finite returns"


@pytest.mark.rule("R-COR-04")
def test_series_are_aligned_by_date_not_by_position() -> None:
    """The same prices with a missing day still agree."""
    full = closes()
    gappy = {day: close for index, (day, close) in enumerate(full.items()) if index % 7}
    assert return_correlation(full, gappy) == pytest.approx(1.0)
    shifted = {day + timedelta(days=1): close for day, close in full.items()}
    aligned = return_correlation(full, shifted)
    assert aligned is not None
    assert aligned < 0.5


@pytest.mark.rule("R-COR-05")
def test_negative_correlation_never_blocks() -> None:
    assert check_correlation("A", closes(), {"B": closes(sign=-1)}, 0.85) is None


def test_a_price_that_does_not_move_or_is_zero_gives_no_opinion() -> None:
    flat = dict.fromkeys(closes(), 10_000.0)
    assert return_correlation(closes(), flat) is None
    assert return_correlation(closes(), dict.fromkeys(closes(), 0.0)) is None


@pytest.mark.rule("R-COR-01")
def test_only_the_last_sixty_returns_count() -> None:
    old = closes(200)
    changed = {day: (close if index >= 139 else 10_000.0 + index % 3) for index, (day, close) in enumerate(old.items())}
    assert return_correlation(old, changed) == pytest.approx(1.0)
    sixtieth = {day: (close * 2 if index == 139 else close) for index, (day, close) in enumerate(old.items())}
    counted = return_correlation(old, sixtieth)
    assert counted is not None
    assert counted < 0.9
