"""The scanner's state machine (R-SCAN-01..05, R-STRAT-10/11, R-GATE, R-BAR-04)."""

from datetime import date
from typing import Any

import pytest

from jennie_core.domain.control import StopState
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, SignalType, TradeTier
from jennie_core.domain.market import ClockMark, MinuteBar, Tick
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.bars import MINUTE_US
from jennie_core.strategy.scanner import Decision, ScannerCore, SignalRefusal, signal_id
from tests.unit.strategy.builders import (
    CODE,
    DAY,
    SESSION,
    Feed,
    at,
    context,
    entry,
    risk,
    scanner,
    tick,
    us,
    watchlist,
)

CALM = ScannerSettings(rsi_max=100.0, rsi_max_bull=100.0)
"""Without the RSI guard: the jumps of these little stories always look overbought."""


def warmed(core: ScannerCore, code: str = CODE, start: str = "09:20", count: int = 20) -> Feed:
    """Twenty quiet minutes."""
    feed = Feed(core, code, start)
    feed.bars(*[10_000 if index % 2 else 9_990 for index in range(count)])
    return feed


def jump(core: ScannerCore, **feed_options: Any) -> list[Decision]:
    """A momentum hit and a confirming minute; what was decided at the confirmation."""
    feed = warmed(core, **feed_options)
    feed.bar(10_200)
    assert list(feed.bar(10_210)) == []
    return list(feed.bar(10_220))


def rules(decisions: list[Decision]) -> list[str]:
    return [decision.refusal.rule for decision in decisions if isinstance(decision, SignalRefusal)]


@pytest.mark.rule("R-STRAT-05", "R-STRAT-10")
def test_a_momentum_hit_is_published_after_its_confirmation_bar() -> None:
    [signal] = jump(scanner(CALM))
    assert isinstance(signal, BuySignal)
    assert signal.signal_type is SignalType.MOMENTUM
    assert signal.signal_price_krw == 10_220
    assert signal.signalled_at == at("09:42")
    assert (signal.watchlist_version, signal.score_run_id) == ("wl-1", "scout-1")
    assert signal.signal_id == signal_id("2025-06-27", CODE, SignalType.MOMENTUM, us("09:42"))


@pytest.mark.rule("R-STRAT-10")
def test_the_pending_price_itself_confirms() -> None:
    """At the pending price or better."""
    feed = warmed(scanner(CALM))
    feed.bar(10_200)
    feed.bar(10_210)
    assert isinstance(feed.bar(10_210)[0], BuySignal)


@pytest.mark.rule("R-STRAT-10")
def test_an_unconfirmed_hit_is_discarded_and_says_so() -> None:
    feed = warmed(scanner(CALM))
    feed.bar(10_200)
    feed.bar(10_210)
    [refusal] = feed.bar(10_190)
    assert isinstance(refusal, SignalRefusal)
    assert refusal.refusal.rule == "R-STRAT-10"
    assert (refusal.refusal.value, refusal.refusal.limit) == (10_190.0, 10_210.0)


@pytest.mark.rule("R-STRAT-10")
def test_gates_of_time_context_and_cooldown_run_again_at_the_confirmation() -> None:
    core = scanner(CALM)
    feed = warmed(core)
    feed.bar(10_200)
    feed.bar(10_210)
    core.set_context(context(risk_off_level=2))
    assert rules(feed.bar(10_220)) == ["R-GATE-05"]


@pytest.mark.rule("R-STRAT-10")
def test_the_confirmed_signal_carries_the_saved_readings() -> None:
    """RSI, ratio and VWAP of the hit, not of the confirmation."""
    core = scanner(CALM)
    feed = warmed(core)
    feed.bar(10_200)
    feed.bar(10_210)
    state = core._states[CODE]
    saved = state.pending
    assert saved is not None
    [signal] = feed.bar(10_220, volume=4_000)
    assert isinstance(signal, BuySignal)
    assert signal.rsi_value == saved.readings.rsi
    assert signal.volume_ratio == saved.readings.volume_ratio
    assert signal.vwap_krw == saved.readings.vwap_krw


@pytest.mark.rule("R-BAR-01")
def test_a_bar_that_closes_by_timer_decides_as_well() -> None:
    """The mark's time is the signal's, the last tick's time its cause."""
    core = scanner(CALM)
    feed = warmed(core)
    feed.bar(10_200)
    assert feed.close() == []
    feed.bar(10_210)
    [signal] = feed.close()
    assert isinstance(signal, BuySignal)
    assert signal.signalled_at == at("09:42:01")
    assert signal.tick_exchange_us == us("09:41:45")


@pytest.mark.rule("R-SCAN-03", "R-STRAT-02")
def test_an_orb_breakout_needs_no_confirmation() -> None:
    """Opening range and its own gates only."""
    core = scanner()
    feed = Feed(core, start="09:00")
    for _ in range(16):
        feed.bar(10_100, open_=10_000, high=10_150)
    feed.bar(10_200, volume=400)
    [signal] = feed.bar(10_210)
    assert isinstance(signal, BuySignal)
    assert signal.signal_type is SignalType.ORB_BREAKOUT


@pytest.mark.rule("R-GATE-08")
def test_the_cooldown_holds_ten_minutes_of_market_time() -> None:
    core = scanner(CALM)
    feed = warmed(core)
    feed.bar(10_200)
    feed.bar(10_210)
    assert isinstance(feed.bar(10_220)[0], BuySignal)
    assert rules(feed.bar(10_230)) == ["R-GATE-08"]
    feed.bars(*[10_230] * 8)
    feed.bar(10_450)
    assert feed.bar(10_460) == []
    assert isinstance(feed.bar(10_470)[0], BuySignal)


@pytest.mark.rule("R-REG-09", "R-SCAN-01", "R-THR-07")
@pytest.mark.parametrize(
    ("inputs", "rule"),
    [
        ({"context": None}, "R-REG-09"),
        ({"context": context(expires_at=at("09:30"))}, "R-REG-09"),
        ({"risk": None}, "R-THR-07"),
        ({"risk": risk(expires_at=at("09:30"))}, "R-THR-07"),
        ({"risk": risk(IntradayRiskLevel.CRITICAL, position_multiplier=0.0)}, "R-THR-07"),
        ({"watchlist": watchlist(expires_at=at("09:30"))}, "R-SCAN-01"),
    ],
)
def test_an_unknown_world_means_no_buys_and_a_recorded_refusal(inputs: dict[str, Any], rule: str) -> None:
    """S3, T4: unknown is refused when a setup matches, never passed over in silence."""
    feed = warmed(scanner(CALM, **inputs))
    feed.bar(10_200)
    assert rules(feed.bar(10_210)) == [rule]


@pytest.mark.rule("R-REG-09")
def test_a_scanner_that_was_told_nothing_signals_nothing() -> None:
    core = ScannerCore(CALM, SESSION)
    core.set_watchlist(watchlist())
    feed = warmed(core)
    feed.bar(10_200)
    assert rules(feed.bar(10_210)) == ["R-REG-09"]


@pytest.mark.rule("R-SCAN-04")
@pytest.mark.parametrize("stops", [StopState(paused=True, reason="lunch"), StopState(halted=True), None])
def test_a_stopped_scanner_stores_the_signal_as_suppressed_and_starts_the_cooldown(stops: StopState | None) -> None:
    core = scanner(CALM, stops=stops)
    [decision] = jump(core)
    assert isinstance(decision, SignalRefusal)
    assert decision.is_suppressed
    assert decision.signal is not None
    assert decision.refusal.rule == "R-SCAN-04"
    assert core.explain(CODE, us("09:43"))[0].rule == "R-SCAN-04"
    assert "R-GATE-08" in [refusal.rule for refusal in core.explain(CODE, us("09:43"))]


@pytest.mark.rule("R-STRAT-11")
def test_an_avoided_strategy_is_dropped() -> None:
    core = scanner(CALM, context=context(strategies_to_avoid=(SignalType.MOMENTUM,)))
    feed = warmed(core)
    feed.bar(10_200)
    assert rules(feed.bar(10_210)) == ["R-STRAT-11"]


@pytest.mark.rule("R-SCAN-01")
def test_only_listed_codes_are_watched() -> None:
    core = scanner(CALM)
    assert list(core.on_tick(tick(10_000, us("09:30"), code="000660"))) == []
    assert core.unlisted_ticks == 1


@pytest.mark.rule("R-SCAN-01")
def test_manual_entries_join_after_the_list_without_replacing_it() -> None:
    core = scanner(CALM, entry(rank=7), manual={"000660": "SK", CODE: "twice"})
    assert core.codes() == [CODE, "000660"]
    signals = [decision for decision in jump(core, code="000660") if isinstance(decision, BuySignal)]
    assert [(signal.hybrid_score, signal.trade_tier, signal.sector_group) for signal in signals] == [
        (50.0, TradeTier.TIER2, "기타")
    ]


def test_a_code_that_leaves_the_list_is_silent_and_keeps_its_bars() -> None:
    core = scanner(CALM)
    feed = warmed(core)
    core.set_watchlist(watchlist(entry("000660")))
    feed.bar(10_200)
    assert feed.bar(10_210) == []
    core.set_watchlist(watchlist())
    assert len(core.bars(CODE)) == 21
    assert feed.bar(10_220) == []
    assert core._states[CODE].pending is not None


def test_ticks_outside_continuous_trading_never_enter_bars() -> None:
    """T6"""
    core = scanner(CALM)
    core.on_tick(tick(9_000, us("08:59:59")))
    core.on_tick(tick(9_000, us("09:10"), phase="C"))
    core.on_tick(tick(9_000, us("16:30")))
    core.on_tick(tick(10_000, us("09:10")))
    core.on_mark(us("09:11:01"))
    assert core.outside_ticks == 3
    assert [bar.low_krw for bar in core.bars(CODE)] == [10_000]


@pytest.mark.rule("R-SCAN-04")
def test_at_most_one_refusal_per_rule_and_bar() -> None:
    """Refusals stay bounded; opening range and momentum fail at the same gate here."""
    core = scanner(CALM)
    feed = Feed(core, start="09:00")
    for _ in range(20):
        feed.bar(10_100, open_=10_000, high=10_150)
    core.set_context(None)
    feed.bar(10_400, volume=4_000)
    assert rules(feed.bar(10_410)) == ["R-REG-09"]


def test_windows_follow_a_late_opening() -> None:
    """T6, drill 21: on exam day the no-trade window ends at 10:15."""
    day = date(2025, 11, 13)
    core = ScannerCore(ScannerSettings(rsi_max=100, min_bars=5), session_times(day))
    core.set_watchlist(watchlist(expires_at=at("16:30", day)))
    core.set_context(context(expires_at=at("16:30", day)))
    core.set_intraday(risk(expires_at=at("16:30", day)))
    core.set_stops(StopState())
    core.set_cooldowns({}, {})
    feed = Feed(core)
    feed.now_us = us("10:05", day)
    feed.bars(*[10_000, 9_990] * 3)
    feed.bar(10_200)
    assert rules(feed.bar(10_210)) == ["R-GATE-02"]
    assert core.outside_ticks == 0


def test_explain_names_every_reason_now() -> None:
    core = scanner(CALM, stops=StopState(paused=True))
    warmed(core, start="09:00", count=5)
    found = [refusal.rule for refusal in core.explain(CODE, us("09:06"))]
    assert found == ["R-SCAN-04", "R-GATE-01", "R-GATE-02"]
    assert [refusal.rule for refusal in core.explain("000660", us("09:06"))] == ["R-SCAN-01"]


@pytest.mark.rule("R-GATE-06")
def test_bear_markets_pass_and_say_their_regime() -> None:
    [signal] = jump(scanner(CALM, context=context(market_regime=MarketRegime.BEAR, position_multiplier=0.6)))
    assert isinstance(signal, BuySignal)
    assert (signal.market_regime, signal.position_multiplier) == (MarketRegime.BEAR, 0.6)


class Recorder:
    """Takes ticks in place of a core."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []

    def on_tick(self, one: Tick) -> list[Decision]:
        self.ticks.append(one)
        return []


def ticks_of_a_story() -> list[Tick]:
    recorder = Recorder()
    feed = Feed(recorder, start="09:20")  # type: ignore[arg-type]
    feed.bars(*[10_000 if index % 2 else 9_990 for index in range(20)])
    feed.bars(10_200, 10_210, 10_220, 10_230)
    return recorder.ticks


@pytest.mark.rule("R-BAR-04")
@pytest.mark.parametrize("cut", [3, 40, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 90])
def test_a_restart_at_any_tick_decides_as_if_it_had_not_happened(cut: int) -> None:
    """Replayed ticks rebuild bars, indicators and a pending hit."""
    story = ticks_of_a_story()
    whole, broken = scanner(CALM), ScannerCore(CALM, SESSION)
    expected = [decision for one in story for decision in whole.on_tick(one)]
    before = scanner(CALM)
    early = [decision for one in story[:cut] for decision in before.on_tick(one)]
    broken.set_watchlist(watchlist())
    broken.set_context(context())
    broken.replay(story[:cut])
    broken.set_intraday(risk())
    broken.set_stops(StopState())
    broken.set_cooldowns({}, {})
    broken.restore_signals({one.stock_code: one.signalled_at for one in early if isinstance(one, BuySignal)})
    late = [decision for one in story[cut:] for decision in broken.on_tick(one)]
    assert early + late == expected
    assert any(isinstance(decision, BuySignal) for decision in expected)


def test_replay_takes_marks_and_closes_bars_by_timer() -> None:
    core = scanner(CALM)
    core.replay([tick(10_000, us("09:20")), ClockMark(us("09:21:01"), settled=True)])
    assert len(core.bars(CODE)) == 1


@pytest.mark.rule("R-BAR-04")
def test_a_warm_start_from_minute_bars_gives_the_same_indicators() -> None:
    live, warm = scanner(CALM), scanner(CALM)
    feed = warmed(live)
    feed.close()
    bars = [
        MinuteBar(
            code=CODE,
            started_at=at("09:20").fromtimestamp(bar.start_us / 1e6, tz=at("09:20").tzinfo),
            open_krw=bar.open_krw,
            high_krw=bar.high_krw,
            low_krw=bar.low_krw,
            close_krw=bar.close_krw,
            volume=bar.volume,
        )
        for bar in live.bars(CODE)
    ]
    warm.warm_start(CODE, bars)
    assert warm.bars(CODE) == live.bars(CODE)
    assert warm._states[CODE].indicators.rsi.value == live._states[CODE].indicators.rsi.value
    assert warm._states[CODE].indicators.sma20.value == live._states[CODE].indicators.sma20.value


@pytest.mark.rule("R-STRAT-09")
def test_dip_buy_uses_the_sessions_since_the_first_listing() -> None:
    """Two sessions on the list, although the scores are of this morning."""
    for first, expected in ((date(2025, 6, 25), 2), (DAY, 0), (date(2025, 6, 20), 5)):
        core = scanner(CALM, entry(first_listed_on=first))
        assert core._states[CODE].listed_sessions == expected


def test_lost_ticks_mark_bars_and_late_ticks_are_counted() -> None:
    core = scanner(CALM)
    core.on_tick(tick(10_000, us("09:20")))
    core.mark_gap()
    core.on_tick(tick(10_000, us("09:21")))
    core.on_tick(tick(10_000, us("09:20:59")))
    assert not core.bars(CODE)[0].is_complete
    assert core.late_ticks == 1


def test_marks_inside_a_minute_close_nothing() -> None:
    core = scanner(CALM)
    core.on_tick(tick(10_000, us("09:20")))
    for second in range(61):
        assert list(core.on_mark(us("09:20") + second * 1_000_000)) == []
    assert core.bars(CODE) == []
    core.on_mark(us("09:20") + MINUTE_US + 1_000_000)
    assert len(core.bars(CODE)) == 1
