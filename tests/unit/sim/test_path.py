"""Properties of the tick path: inside the range, touching both ends, every share accounted for."""

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import SessionHours
from jennie_sim.market.path import DayBar, draw_trades

HOURS = SessionHours(9 * 3_600_000, 15 * 3_600_000 + 1_800_000)
GRID = PriceGrid.of(date(2025, 6, 27))


@st.composite
def day_bars(draw: st.DrawFn) -> DayBar:
    """Legal bars of any price, range and volume that can show its own four prices."""
    base = draw(st.integers(150, 900_000))
    levels = GRID.levels(max(1, int(base * draw(st.floats(0.71, 1.0)))), int(base * draw(st.floats(1.0, 1.29))))
    if not len(levels):
        levels = GRID.levels(1_000, 1_010)
    low, high = int(levels[0]), int(levels[-1])
    opened, close = (int(levels[draw(st.integers(0, len(levels) - 1))]) for _ in range(2))
    smallest = DayBar("700010", opened, high, low, close, 1).fewest_trades
    volume = draw(st.one_of(st.integers(smallest, smallest + 6), st.integers(smallest, 40_000_000)))
    return DayBar("700010", opened, high, low, close, volume)


@given(day_bars(), st.integers(0, 2**31))
def test_a_path_shows_exactly_its_bar(bar: DayBar, seed: int) -> None:
    trades = draw_trades(bar, GRID.levels(bar.low, bar.high), HOURS, seed)
    assert trades.price[0] == bar.open
    assert trades.price[-1] == bar.close
    assert trades.price.max() == bar.high
    assert trades.price.min() == bar.low
    assert trades.size.min() >= 1
    assert trades.size.sum() == bar.volume
    assert np.isin(trades.price, GRID.levels(bar.low, bar.high)).all()


@given(day_bars(), st.integers(0, 2**31))
def test_times_rise_and_stay_in_the_session(bar: DayBar, seed: int) -> None:
    at_ms = draw_trades(bar, GRID.levels(bar.low, bar.high), HOURS, seed).at_ms
    assert (np.diff(at_ms) >= 0).all()
    assert HOURS.open_ms <= at_ms[0] < HOURS.open_ms + 1_000
    inner = at_ms[1:-1]
    assert not len(inner) or (inner[0] >= HOURS.open_ms + 1_000 and inner[-1] < HOURS.continuous_end_ms)
    assert bar.volume == 1 or HOURS.close_ms <= at_ms[-1] < HOURS.close_ms + 1_000


BUSY = DayBar("700010", 70_000, 72_500, 69_100, 71_800, 2_400_000)


def test_about_ten_ticks_a_minute_in_a_u_shape() -> None:
    at_ms = draw_trades(BUSY, GRID.levels(BUSY.low, BUSY.high), HOURS, 5).at_ms
    per_hour = [int(((at_ms >= hour * 3_600_000) & (at_ms < (hour + 1) * 3_600_000)).sum()) for hour in range(9, 15)]
    assert 3_500 <= len(at_ms) <= 4_100
    assert per_hour[0] > 1.3 * max(per_hour[2:4])


def test_price_moves_come_with_volume() -> None:
    trades = draw_trades(BUSY, GRID.levels(BUSY.low, BUSY.high), HOURS, 5)
    minute = trades.at_ms[1:-1] // 60_000
    moved = [np.ptp(trades.price[1:-1][minute == m]) for m in np.unique(minute)]
    volume = [trades.size[1:-1][minute == m].sum() for m in np.unique(minute)]
    assert np.corrcoef(moved, volume)[0, 1] > 0.3


def test_the_same_seed_and_code_give_the_same_path_and_another_code_another() -> None:
    levels = GRID.levels(BUSY.low, BUSY.high)
    first, again = draw_trades(BUSY, levels, HOURS, 5), draw_trades(BUSY, levels, HOURS, 5)
    other = draw_trades(DayBar("700020", BUSY.open, BUSY.high, BUSY.low, BUSY.close, BUSY.volume), levels, HOURS, 5)
    assert np.array_equal(first.price, again.price)
    assert np.array_equal(first.at_ms, again.at_ms)
    assert not np.array_equal(first.at_ms[:50], other.at_ms[:50])


def test_a_halted_day_has_no_trades() -> None:
    trades = draw_trades(DayBar("700010", 0, 0, 0, 70_000, 0), GRID.levels(0, 0), HOURS, 1)
    assert not len(trades.price)
