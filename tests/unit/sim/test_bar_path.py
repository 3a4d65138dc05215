"""Paths along real minute bars: the bars give the shape, the official daily bar has the last word."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_sim.market.bar_path import MinuteBars, draw_bar_trades
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import MINUTE_MS, SessionHours
from jennie_sim.market.path import AUCTION, DayBar, Trades

FIVE = 5 * MINUTE_MS
HOURS = SessionHours(9 * 3_600_000, 15 * 3_600_000 + 1_800_000)
GRID = PriceGrid.of(date(2025, 6, 27))
DAY = DayBar("700010", 70_000, 73_000, 68_000, 71_500, 2_000_000)


def bars(count: int = 72, scale: float = 1.0, skip: tuple[int, ...] = ()) -> MinuteBars:
    """A fall of three per cent until noon and a rise behind it, five minutes a bar, ending at 15:00."""
    chosen = [n for n in range(count) if n not in skip]
    middle = [70_000 - 2_000 * np.sin(n / 72 * np.pi) for n in chosen]
    opened = np.array(middle) * scale
    close = np.roll(opened, -1)
    close[-1] = opened[-1]
    high, low = np.maximum(opened, close) + 100 * scale, np.minimum(opened, close) - 100 * scale
    volume = np.array([0] + [20_000] * (len(chosen) - 1))
    start = np.array([HOURS.open_ms + n * FIVE for n in chosen])
    return MinuteBars(FIVE, start, opened, high, low, close, volume)


def draw(minutes: MinuteBars, bar: DayBar = DAY, seed: int = 3) -> Trades:
    return draw_bar_trades(bar, minutes, GRID, GRID.levels(bar.low, bar.high), HOURS, seed)


def holds(trades: Trades, bar: DayBar) -> bool:
    prices = (trades.price[0], trades.price.max(), trades.price.min(), trades.price[-1])
    return prices == (bar.open, bar.high, bar.low, bar.close) and trades.size.sum() == bar.volume


def test_each_bar_is_shown_at_its_time() -> None:
    made, minutes = draw(bars()), bars()
    for n in (10, 36, 60):
        inside = (made.at_ms >= minutes.start_ms[n]) & (made.at_ms < minutes.start_ms[n] + FIVE)
        assert inside.sum() >= 4
        assert made.price[inside].max() <= minutes.high[n] + 100
        assert made.price[inside].min() >= minutes.low[n] - 100


def test_the_official_daily_bar_wins() -> None:
    """Its open, close and volume hold, its extremes are touched and never left, whatever the bars say."""
    assert holds(draw(bars()), DAY)
    narrow = DayBar("700010", 69_500, 70_000, 69_000, 69_200, 900_000)
    assert holds(draw(bars(), narrow), narrow)


def test_the_missing_last_half_hour_is_filled_to_the_official_close() -> None:
    made = draw(bars())
    rest = made.price[(made.at_ms >= HOURS.close_ms - 6 * FIVE) & (made.at_ms < HOURS.continuous_end_ms)]
    assert len(rest) > 50
    assert abs(rest[-1] - DAY.close) < 300
    assert rest.max() == DAY.high, "the bars never saw the day's high, so it came in the missing half hour"
    assert (made.side[0], made.side[-1]) == (AUCTION, AUCTION)


def test_where_bars_are_missing_in_mid_session_nothing_is_traded() -> None:
    """Such as the market-wide circuit breaker of 2020-03-19."""
    gap = (30, 31, 32, 33)
    made = draw(bars(skip=gap))
    inside = (made.at_ms >= HOURS.open_ms + 30 * FIVE) & (made.at_ms < HOURS.open_ms + 34 * FIVE)
    assert not inside.any()
    assert holds(made, DAY)


def test_bars_of_another_price_scale_are_brought_to_the_days() -> None:
    """Minute bars as traded beside daily bars adjusted for a later 5:1 split give the same shape."""
    plain, split = draw(bars()), draw(bars(scale=5.0))
    at_noon = [int(np.median(made.price[abs(made.at_ms - 12 * 3_600_000) < FIVE])) for made in (plain, split)]
    assert abs(at_noon[0] - at_noon[1]) <= 1_500


def test_the_first_bars_missing_volume_is_not_taken_for_silence() -> None:
    made = draw(bars())
    assert (made.at_ms[1:] < HOURS.open_ms + FIVE).sum() >= 4


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3_000_000), st.integers(0, 2**20), st.integers(1, 77))
def test_every_share_and_every_price_is_accounted_for(volume: int, seed: int, count: int) -> None:
    bar = DayBar("700010", 70_000, 73_000, 68_000, 71_500, max(volume, 4))
    made = draw(bars(count), bar, seed)
    assert holds(made, bar)
    assert made.size.min() >= 1
    assert (np.diff(made.at_ms) >= 0).all()
    assert np.isin(made.price, GRID.levels(bar.low, bar.high)).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_path(seed: int) -> None:
    assert np.array_equal(draw(bars(), seed=seed).price, draw(bars(), seed=seed).price)
    assert not np.array_equal(draw(bars(), seed=seed).price[:50], draw(bars(), seed=seed + 7).price[:50])
