"""What the tick path keeps up to date equals its definition over everything seen (R-IND-01/03, R-BAR-03)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.strategy import indicators
from jennie_core.strategy.bars import MINUTE_US, VOLUME_RATIO_BARS, Bar, BarBuilder
from jennie_core.strategy.running import BarIndicators
from tests.unit.strategy.builders import us

CLOSES = st.lists(st.integers(1_000, 60_000), min_size=1, max_size=80)
MINUTES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 9), st.sampled_from(["whole", "hole before", "gap told", "by timer"])),
    min_size=1,
    max_size=90,
)
"""Per minute: empty minutes before it, volume, and how its trades came."""


def defined_volume_ratio(bars: list[Bar]) -> float | None:
    """Volume of the last bar over the mean of the complete ones among the twenty before it."""
    if not bars or not bars[-1].is_complete:
        return None
    volumes = [bar.volume for bar in bars[:-1][-VOLUME_RATIO_BARS:] if bar.is_complete]
    return bars[-1].volume * len(volumes) / sum(volumes) if volumes else None


@settings(deadline=None)
@given(closes=CLOSES)
def test_running_means_and_rsi_equal_their_list_forms(closes: list[int]) -> None:
    running = BarIndicators()
    before: tuple[float | None, ...] = (None, None, None)
    for count, close in enumerate(closes, 1):
        running.add(close)
        seen = closes[:count]
        assert running.sma5.value == indicators.sma(seen, 5)
        assert running.sma20.value == indicators.sma(seen, 20)
        defined = indicators.rsi(seen)
        assert running.rsi.value == (None if defined is None else pytest.approx(defined))
        assert (running.sma5.previous, running.sma20.previous, running.rsi.previous) == before
        before = (running.sma5.value, running.sma20.value, running.rsi.value)


@settings(deadline=None)
@given(minutes=MINUTES)
def test_the_running_volume_ratio_equals_its_definition_over_the_bars(minutes: list[tuple[int, int, str]]) -> None:
    builder = BarBuilder()
    start_us, total = us("09:00"), 0
    for empty, volume, way in minutes:
        start_us += (1 + empty) * MINUTE_US
        if way == "gap told":
            builder.mark_gap()
        total += volume + (5 if way == "hole before" else 0)
        builder.add(10_000, volume, start_us, total)
        assert builder.volume_ratio == defined_volume_ratio(list(builder.bars))
        if way == "by timer":
            builder.close_until(start_us + MINUTE_US)
            assert builder.volume_ratio == defined_volume_ratio(list(builder.bars))
