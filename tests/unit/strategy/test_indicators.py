"""Indicators over a series and their incremental forms (R-IND-01..09)."""

import math

import pytest

from jennie_core.strategy import indicators as ind
from jennie_core.strategy.running import RunningAtr, RunningEma, RunningMacd, RunningRsi, RunningSma

WAVE = [10_000 + round(800 * math.sin(index / 5)) + 13 * index for index in range(80)]


@pytest.mark.rule("R-IND-01")
def test_sma_is_the_mean_of_the_last_n() -> None:
    assert ind.sma([1, 2, 3, 4], 2) == 3.5
    assert ind.sma([1], 2) is None


@pytest.mark.rule("R-IND-02")
def test_ema_is_seeded_with_the_first_value() -> None:
    assert ind.ema([10.0, 20.0], 3) == pytest.approx(15.0)
    assert ind.ema([], 3) is None


@pytest.mark.rule("R-IND-03")
def test_rsi_needs_fifteen_values() -> None:
    assert ind.rsi(list(range(14))) is None
    assert ind.rsi([float(value) for value in range(15)]) == 100.0


@pytest.mark.rule("R-IND-03")
def test_rsi_follows_wilder() -> None:
    """Seed = mean of the first 14 changes, then smoothing."""
    values = [100.0] + [101.0 if index % 2 == 0 else 100.0 for index in range(14)]
    assert ind.rsi(values) == pytest.approx(50.0)
    gain, loss = (7 / 14 * 13 + 2) / 14, (7 / 14 * 13) / 14
    assert ind.rsi([*values, 102.0]) == pytest.approx(100 - 100 / (1 + gain / loss))


@pytest.mark.rule("R-IND-04")
def test_atr_is_the_simple_mean_of_the_last_true_ranges() -> None:
    bars = [ind.Ohlc(12, 10, 11), ind.Ohlc(15, 13, 14), ind.Ohlc(14, 8, 9)]
    assert ind.true_ranges(bars) == [4, 6]
    assert ind.atr(bars) == 5.0
    assert ind.atr(bars, 1) == 6.0
    assert ind.atr(bars[:1]) == 0.0
    wide_first = [ind.Ohlc(1_000, 1, 500), ind.Ohlc(1_000, 1, 500), *[ind.Ohlc(510, 490, 500)] * 14]
    assert ind.atr(wide_first) == 20.0, "fourteen ranges, not fifteen"
    assert ind.atr(wide_first[:-1]) > 20.0


@pytest.mark.rule("R-IND-05")
@pytest.mark.parametrize(
    ("atr", "clamped"), [(None, 200.0), (0.0, 200.0), (-5.0, 200.0), (50.0, 100.0), (300.0, 300.0), (900.0, 500.0)]
)
def test_atr_clamp_for_sizing(atr: float | None, clamped: float) -> None:
    assert ind.clamp_atr(atr, 10_000) == clamped


@pytest.mark.rule("R-IND-06")
def test_bollinger_uses_the_population_deviation() -> None:
    bands = ind.bollinger([1.0, 3.0] * 10)
    assert bands == pytest.approx((0.0, 2.0, 4.0))
    assert ind.bollinger([1.0] * 19) is None


@pytest.mark.rule("R-IND-07")
def test_macd_is_the_difference_of_emas_with_its_own_ema() -> None:
    result = ind.macd(WAVE)
    line = [fast - slow for fast, slow in zip(ind.ema_series(WAVE, 12), ind.ema_series(WAVE, 26), strict=True)]
    assert result.line == pytest.approx(line)
    assert result.histogram[-1] == pytest.approx(line[-1] - ind.ema_series(line, 9)[-1])


@pytest.mark.rule("R-IND-08")
def test_death_cross_needs_a_cross_just_now_and_a_margin() -> None:
    assert ind.death_cross([100.0] * 20) is None
    assert ind.death_cross([*[100.0] * 20, 90.0]) is True
    assert ind.death_cross([*[100.0] * 20, 99.9]) is False
    assert ind.death_cross([*[100.0] * 19, 90.0, 89.0]) is False
    assert ind.death_cross([*[100.0] * 20, 98.6]) is True, "SMA5 is 0.21 % below SMA20"
    assert ind.death_cross([*[100.0] * 20, 98.7]) is False, "0.195 %"


@pytest.mark.rule("R-IND-09")
def test_macd_divergence_is_a_high_price_with_a_fading_histogram() -> None:
    assert ind.macd_bearish_divergence([100.0] * 35) is None
    rise = [100 * 1.03**index for index in range(30)]
    stall = [rise[-1] * (1 + 0.001 * index) for index in range(1, 11)]
    assert ind.macd_bearish_divergence([*rise, *stall[:-1], stall[-2] * 0.999]) is True
    for share, near in ((0.985, True), (0.975, False)):
        assert ind.macd_bearish_divergence([*rise, *stall[:-1], stall[-2] * share]) is near
    assert ind.macd_bearish_divergence([100.0] * 36) is False
    for behind, inside in ((9, True), (10, False)):
        spiked = [*[100.0] * 30, 110.0, *[107.0] * behind]
        assert ind.macd_bearish_divergence(spiked) is not inside, "a peak ten bars back counts, an older one does not"
    fall = [rise[-1] * 0.97**index for index in range(1, 11)]
    assert ind.macd_bearish_divergence(rise + fall) is False


def test_running_forms_equal_the_list_forms_at_every_step() -> None:
    sma, ema, rsi, macd, atr = RunningSma(5), RunningEma(12), RunningRsi(), RunningMacd(), RunningAtr()
    for count in range(1, len(WAVE) + 1):
        seen, value = WAVE[:count], WAVE[count - 1]
        assert sma.add(value) == (pytest.approx(ind.sma(seen, 5)) if count >= 5 else None)
        assert ema.add(value) == pytest.approx(ind.ema(seen, 12))
        expected = ind.rsi(seen)
        assert rsi.add(value) == (None if expected is None else pytest.approx(expected))
        assert macd.add(value) == pytest.approx(ind.macd(seen).histogram[-1])
        bars = [ind.Ohlc(close + 50, close - 70, close) for close in seen]
        assert atr.add(value + 50, value - 70, value) == pytest.approx(ind.atr(bars))


def test_running_forms_remember_the_value_before() -> None:
    sma = RunningSma(2)
    for value in (1, 2, 4):
        sma.add(value)
    assert (sma.previous, sma.value) == (1.5, 3.0)
