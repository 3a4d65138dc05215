"""The entry setups, one by one (R-STRAT-01..09)."""

from collections import deque
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from jennie_core.domain.enums import MarketRegime, SignalType, TradeTier
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.strategy import entries
from jennie_core.strategy.bars import MINUTE_US, Bar, BarBuilder
from jennie_core.strategy.entries import Setup
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.opening_range import OpeningRange
from jennie_core.strategy.running import BarIndicators
from tests.unit.strategy.builders import entry, us

BULL, SIDEWAYS, BEAR = MarketRegime.BULL, MarketRegime.SIDEWAYS, MarketRegime.BEAR
CONVICTION = ScannerSettings(conviction_enabled=True)


def bar(index: int, close: int, *, open_: int | None = None, high: int | None = None, volume: int = 100) -> Bar:
    open_ = close if open_ is None else open_
    top = max(open_, close) if high is None else high
    return Bar(us("09:00") + index * MINUTE_US, open_, top, min(open_, close), close, volume)


def setup(bars: list[Bar], **changes: Any) -> Setup:
    """A setup whose indicators, VWAP and volume ratio follow from the bars, decided just after the last one."""
    builder, indicators = BarBuilder(), BarIndicators()
    opening = OpeningRange(us("09:00"), us("09:15"))
    for one in bars:
        builder.append(one)
        indicators.add(one.close_krw)
        opening.add(one)
    values: dict[str, Any] = {
        "listed": Listed.from_entry(entry()),
        "bars": deque(bars),
        "indicators": indicators,
        "opening_range": opening,
        "price_krw": bars[-1].close_krw,
        "vwap_krw": float(bars[-1].close_krw),
        "volume_ratio": builder.volume_ratio,
        "regime": SIDEWAYS,
        "market_us": bars[-1].start_us + MINUTE_US,
        "open_us": us("09:00"),
        "listed_sessions": 2,
        "scored_sessions": 0,
        "settings": ScannerSettings(),
    }
    return Setup(**(values | changes))


def listed(**changes: Any) -> Listed:
    return replace(Listed.from_entry(entry()), **changes)


def strength(value: float | None, previous: float | None = None) -> Any:
    """Indicators of which only the RSI is looked at."""
    return SimpleNamespace(rsi=SimpleNamespace(value=value, previous=previous))


def flat(count: int, close: int = 10_000, volume: int = 100) -> list[Bar]:
    return [bar(index, close, volume=volume) for index in range(count)]


# R-STRAT-01


def conviction(**changes: Any) -> bool:
    usual = {"settings": CONVICTION, "market_us": us("09:40")}
    return entries.watchlist_conviction(setup(flat(10), **(usual | changes)))


@pytest.mark.rule("R-STRAT-01")
def test_conviction_takes_a_convincing_score_near_vwap() -> None:
    assert conviction()
    assert not conviction(settings=ScannerSettings())


@pytest.mark.rule("R-STRAT-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"regime": BEAR},
        {"regime": MarketRegime.STRONG_BEAR},
        {"listed": listed(hybrid_score=74.99)},
        {"listed": listed(trade_tier=TradeTier.BLOCKED)},
        {"regime": BULL, "listed": listed(hybrid_score=69.9, llm_score=71.9)},
        {"scored_sessions": 3},
        {"scored_sessions": None},
        {"market_us": us("09:14:59")},
        {"market_us": us("10:30:01")},
        {"price_krw": 10_300, "vwap_krw": 10_300.0},
        {"vwap_krw": 9_850.0},
        {"vwap_krw": None},
        {"indicators": strength(65.0)},
    ],
)
def test_conviction_refuses(changes: dict[str, Any]) -> None:
    """One condition at a time."""
    assert not conviction(**changes)


@pytest.mark.rule("R-STRAT-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"listed": listed(hybrid_score=75.0)},
        {"regime": BULL, "listed": listed(hybrid_score=69.0, llm_score=72.0)},
        {"market_us": us("09:15")},
        {"market_us": us("10:30")},
        {"price_krw": 10_299, "vwap_krw": 10_299.0},
        {"price_krw": 10_149, "vwap_krw": 10_000.0},
        {"regime": BULL, "listed": listed(hybrid_score=70.0, llm_score=10.0)},
        {"scored_sessions": 2},
        {"indicators": strength(64.99)},
        {"indicators": strength(None)},
    ],
)
def test_conviction_limits_are_inclusive_where_the_rule_says_so(changes: dict[str, Any]) -> None:
    assert conviction(**changes)


@pytest.mark.rule("R-STRAT-01")
def test_conviction_refuses_a_high_rsi() -> None:
    """RSI below 65 or unknown."""
    rising = [bar(index, 10_000 + index) for index in range(20)]
    assert not conviction(indicators=setup(rising).indicators)


# R-STRAT-02


def opening(width_high: int = 10_200, count: int = 15) -> list[Bar]:
    bars = [bar(index, 10_100, open_=10_000, high=width_high) for index in range(count)]
    return bars + [bar(index, 10_100) for index in range(count, 16)]


def breakout(close: int = 10_250, volume: int = 200, **changes: Any) -> bool:
    return entries.orb_breakout(setup([*opening(), bar(16, close, volume=volume)], **changes))


@pytest.mark.rule("R-STRAT-02")
def test_orb_takes_a_close_above_the_range_with_volume() -> None:
    assert breakout()
    assert not breakout(close=10_200)
    assert not breakout(volume=199)
    assert not breakout(settings=ScannerSettings(orb_enabled=False))


@pytest.mark.rule("R-STRAT-02")
def test_orb_ends_at_1030() -> None:
    assert breakout(market_us=us("10:30"))
    assert not breakout(market_us=us("10:30:01"))


@pytest.mark.rule("R-STRAT-02")
def test_orb_needs_a_width_between_half_and_five_percent() -> None:
    for high, allowed in ((10_049, False), (10_050, True), (10_500, True), (10_501, False)):
        bars = [bar(index, 10_000, high=high) for index in range(15)] + flat(1)
        bars = [*bars, bar(16, 10_600, volume=500)]
        assert entries.orb_breakout(setup(bars)) is allowed, high


@pytest.mark.rule("R-STRAT-02")
def test_orb_needs_three_bars_of_the_opening_and_a_bar_after_it() -> None:
    late = [bar(index, 10_100, open_=10_000, high=10_200) for index in (13, 14)] + [bar(15, 10_100)]
    assert not entries.orb_breakout(setup([*late, bar(16, 10_250, volume=900)]))
    inside = [bar(index, 10_100, open_=10_000, high=10_200) for index in range(10)]
    assert not entries.orb_breakout(setup([*inside, bar(10, 10_250, volume=900)]))


# R-STRAT-03


def cross_bars(volume: int = 150) -> list[Bar]:
    down = [bar(index, 10_000 - index * 10) for index in range(20)]
    return [*down, bar(20, 10_400, volume=volume)]


@pytest.mark.rule("R-STRAT-03")
def test_golden_cross_takes_the_bar_on_which_sma5_crosses() -> None:
    assert entries.golden_cross(setup(cross_bars()))
    assert not entries.golden_cross(setup([*cross_bars(), bar(21, 10_400, volume=500)]))
    assert entries.golden_cross(setup([*flat(20), bar(20, 10_400, volume=150)])), "level before counts as below"
    assert not entries.golden_cross(setup([*flat(20), bar(20, 10_000, volume=150)]))


@pytest.mark.rule("R-STRAT-03")
def test_golden_cross_needs_volume_bars_and_no_bear() -> None:
    """Ratio 1.5, not the documented 1.2."""
    assert not entries.golden_cross(setup(cross_bars(volume=149)))
    assert not entries.golden_cross(setup(cross_bars()[1:]))
    assert not entries.golden_cross(setup(cross_bars(), regime=BEAR))
    assert entries.golden_cross(setup(cross_bars(), regime=MarketRegime.STRONG_BULL))


# R-STRAT-04


def continuation_bars(last: int) -> list[Bar]:
    return [*flat(20), *[bar(20 + index, 10_000) for index in range(2)], bar(22, last)]


@pytest.mark.rule("R-STRAT-04")
@pytest.mark.parametrize(("last", "expected"), [(10_199, False), (10_200, True), (10_500, True), (10_501, False)])
def test_momentum_continuation_needs_two_to_five_percent_over_four_bars(last: int, expected: bool) -> None:
    assert entries.momentum_continuation(setup(continuation_bars(last), regime=BULL)) is expected


@pytest.mark.rule("R-STRAT-04")
def test_momentum_continuation_is_for_bull_markets_and_good_scores() -> None:
    bars = continuation_bars(10_300)
    assert not entries.momentum_continuation(setup(bars, regime=SIDEWAYS))
    assert entries.momentum_continuation(setup(bars[2:], regime=BULL, listed=listed(llm_score=65.0)))
    assert not entries.momentum_continuation(setup(bars, regime=BULL, listed=listed(llm_score=64.99)))
    assert not entries.momentum_continuation(setup(bars[3:], regime=BULL))


# R-STRAT-05


@pytest.mark.rule("R-STRAT-05")
@pytest.mark.parametrize(("last", "expected"), [(10_149, False), (10_150, True), (10_700, True), (10_701, False)])
def test_momentum_measures_from_the_open_of_the_fifth_last_bar(last: int, expected: bool) -> None:
    bars = [bar(0, 10_900, open_=10_000), *[bar(index, 10_000) for index in (1, 2, 3)], bar(4, last)]
    assert entries.momentum(setup(bars, regime=BEAR)) is expected
    assert not entries.momentum(setup(bars[1:]))


# R-STRAT-06, R-STRAT-09


@pytest.mark.rule("R-STRAT-06")
@pytest.mark.parametrize(
    ("regime", "close", "expected"),
    [
        (BULL, 9_949, True),
        (BULL, 9_951, False),
        (BULL, 9_700, True),
        (BULL, 9_699, False),
        (SIDEWAYS, 9_800, True),
        (SIDEWAYS, 9_801, False),
        (BEAR, 9_500, True),
        (BEAR, 9_499, False),
        (None, 9_500, True),
        (None, 9_499, False),
        (None, 9_950, True),
        (None, 9_951, False),
    ],
)
def test_dip_buy_depends_on_the_regime(regime: MarketRegime | None, close: int, expected: bool) -> None:
    bars = [*flat(4, 9_900), bar(4, close, open_=9_900)]
    bars[0] = bar(0, 9_900, high=10_000)
    assert entries.dip_buy(setup(bars, regime=regime)) is expected


@pytest.mark.rule("R-STRAT-09")
@pytest.mark.parametrize(("sessions", "expected"), [(0, False), (1, True), (5, True), (6, False), (None, False)])
def test_dip_buy_counts_from_the_first_listing(sessions: int | None, expected: bool) -> None:
    """Hourly runs do not reset the age."""
    bars = [*flat(4), bar(4, 9_700, open_=10_000)]
    assert entries.dip_buy(setup(bars, listed_sessions=sessions)) is expected


# R-STRAT-07


@pytest.mark.rule("R-STRAT-07")
def test_rsi_rebound_crosses_its_threshold_upwards_but_is_disabled() -> None:
    falling = [bar(index, 10_000 - 20 * index) for index in range(20)]
    rebound = [*falling, bar(20, 9_850)]
    assert entries.rsi_rebound(setup(rebound, regime=SIDEWAYS))
    assert not entries.rsi_rebound(setup(falling, regime=SIDEWAYS))
    assert not entries.rsi_rebound(setup(rebound, regime=BULL))
    for before, now, crosses in ((39.9, 40.0, True), (40.0, 41.0, False), (39.0, 39.99, False), (None, 41.0, False)):
        assert entries.rsi_rebound(setup(falling, regime=SIDEWAYS, indicators=strength(now, before))) is crosses
    assert SignalType.RSI_REBOUND not in [signal_type for signal_type, _ in entries.ENTRY_ORDER]


# R-STRAT-08


@pytest.mark.rule("R-STRAT-08")
def test_volume_breakout_needs_three_times_the_volume_and_a_new_high() -> None:
    before = [bar(index, 10_000, high=10_050) for index in range(19)]
    assert entries.volume_breakout(setup([*before, bar(19, 10_051, volume=300)]))
    assert not entries.volume_breakout(setup([*before, bar(19, 10_050, volume=300)]))
    assert not entries.volume_breakout(setup([*before, bar(19, 10_051, volume=299)]))
    assert not entries.volume_breakout(setup([*before[1:], bar(19, 10_051, volume=300)]))
    peak = [bar(0, 10_000, high=10_060), *before[1:]]
    assert not entries.volume_breakout(setup([*peak, bar(19, 10_051, volume=300)]))


# Order


def test_the_first_match_wins_in_the_order_of_the_rulebook() -> None:
    both = [*[bar(index, 10_000 - index) for index in range(20)], bar(20, 10_300, volume=400)]
    view = setup(both, regime=BULL)
    assert entries.golden_cross(view)
    assert entries.momentum(view)
    assert entries.volume_breakout(view)
    assert entries.first_entry(view) is SignalType.GOLDEN_CROSS
    assert entries.first_entry(setup(both, regime=BEAR)) is SignalType.MOMENTUM
    assert entries.first_entry(setup(flat(25))) is None


@pytest.mark.rule("R-SCAN-01")
def test_a_manual_entry_has_neutral_scores() -> None:
    manual = Listed.manual("000660", "SK", 26)
    assert (manual.hybrid_score, manual.llm_score, manual.trade_tier) == (50.0, 50.0, TradeTier.TIER2)
    assert manual.first_listed_on is None
    assert listed(first_listed_on=date(2025, 6, 20)).first_listed_on == date(2025, 6, 20)
