"""R-IND over polars groups against plain loops."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jennie_core.scoring import indicators as ind


def plain_rsi(closes: list[int], n: int = 14) -> float | None:
    changes = [b - a for a, b in pairwise(closes)]
    if len(changes) < n or not any(changes):
        return None
    gain, loss = sum(max(c, 0) for c in changes[:n]) / n, sum(max(-c, 0) for c in changes[:n]) / n
    for change in changes[n:]:
        gain, loss = (gain * (n - 1) + max(change, 0)) / n, (loss * (n - 1) + max(-change, 0)) / n
    return 100.0 if loss == 0 else 100.0 - 100.0 / (1.0 + gain / loss)


def grouped(closes: list[int], expression: pl.Expr) -> object:
    frame = pl.DataFrame({"code": "A", "close": closes}, schema={"code": pl.String, "close": pl.Int64})
    return frame.group_by("code").agg(expression.alias("x"))["x"][0]


@pytest.mark.rule("R-IND-03", "R-QNT-03")
@given(st.lists(st.integers(1_000, 100_000), min_size=1, max_size=120))
def test_wilder_rsi_equals_the_recursion(closes: list[int]) -> None:
    expected = plain_rsi(closes)
    found = grouped(closes, ind.rsi_wilder(pl.col("close")))
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


@pytest.mark.rule("R-IND-03")
def test_rsi_without_a_loss_is_100_and_without_a_move_is_unknown() -> None:
    """A series that never moved has no strength to tell."""
    assert grouped(list(range(100, 120)), ind.rsi_wilder(pl.col("close"))) == 100.0
    assert grouped([500] * 40, ind.rsi_wilder(pl.col("close"))) is None
    assert grouped([500] * 40, ind.rsi_simple(pl.col("close"))) is None


@pytest.mark.rule("R-ANL-10")
def test_simple_rsi_looks_at_the_last_fourteen_changes_only() -> None:
    """14 simple averages."""
    closes = [900, 100, *[100 + i for i in range(1, 15)]]
    assert grouped(closes, ind.rsi_simple(pl.col("close"))) == 100.0
    mixed = [100, *[110, 100] * 7]
    assert grouped(mixed, ind.rsi_simple(pl.col("close"))) == pytest.approx(50.0)


@pytest.mark.rule("R-IND-04")
def test_atr_is_the_mean_of_the_last_true_ranges_and_skips_halted_bars() -> None:
    """A halted bar has zero high and low, which is no range."""
    frame = pl.DataFrame(
        {
            "code": ["A"] * 4,
            "high": [110, 0, 130, 140],
            "low": [90, 0, 120, 110],
            "close": [100, 100, 125, 120],
            "traded": [True, False, True, True],
        }
    )
    expression = ind.atr(pl.col("high"), pl.col("low"), pl.col("close"), pl.col("traded"))
    assert frame.group_by("code").agg(expression.alias("x"))["x"][0] == pytest.approx((30 + 30) / 2)
    assert frame.head(2).group_by("code").agg(expression.alias("x"))["x"][0] is None


@pytest.mark.rule("R-IND-02", "R-IND-07")
def test_macd_histogram_is_ema_difference_less_its_own_ema() -> None:
    """Seeds are first values."""
    closes = [100.0, 103.0, 101.0, 108.0, 112.0, 109.0]

    def ema(values: list[float], n: int) -> list[float]:
        out = [values[0]]
        for value in values[1:]:
            out.append(out[-1] + 2 / (n + 1) * (value - out[-1]))
        return out

    line = [a - b for a, b in zip(ema(closes, 12), ema(closes, 26), strict=True)]
    expected = line[-1] - ema(line, 9)[-1]
    found = pl.DataFrame({"close": closes}).select(ind.macd_histogram(pl.col("close")).last())["close"][0]
    assert found == pytest.approx(expected)


@pytest.mark.rule("R-IND-03", "R-IND-04")
@given(
    st.lists(st.lists(st.one_of(st.none(), st.integers(1_000, 9_000)), min_size=1, max_size=60), min_size=1, max_size=4)
)
def test_whole_market_terms_give_the_same_as_one_group_at_a_time(market: list[list[int | None]]) -> None:
    """The fast way over all codes at once; None is a halted session."""
    rows = []
    for number, closes in enumerate(market):
        last = 1_000
        for close in closes:
            last = last if close is None else close
            high, low = (0, 0) if close is None else (last + 7, last - 5)
            rows.append((f"{number:06}", high, low, last, close is None))
    names = ["code", "high_krw", "low_krw", "close_krw", "is_halted"]
    bars = pl.DataFrame(rows, schema=names, orient="row")
    slow = bars.group_by("code", maintain_order=True).agg(
        ind.rsi_wilder(pl.col("close_krw")).alias("rsi"),
        ind.rsi_simple(pl.col("close_krw")).alias("simple"),
        ind.atr(pl.col("high_krw"), pl.col("low_krw"), pl.col("close_krw"), ~pl.col("is_halted")).alias("atr"),
    )
    fast = (
        ind.with_terms(bars)
        .group_by("code", maintain_order=True)
        .agg(
            ind.rsi_of_terms().alias("rsi"), ind.simple_rsi_of_terms().alias("simple"), ind.atr_of_terms().alias("atr")
        )
    )
    assert_frame_equal(slow, fast, check_dtypes=False, rel_tol=1e-9)
