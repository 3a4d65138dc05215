"""The risk gates in order (R-GATE-01..14)."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime, TradeTier, VixRegime
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.strategy import gates
from jennie_core.strategy.bars import MINUTE_US, Bar
from jennie_core.strategy.context import effective_context
from jennie_core.strategy.gates import GateView
from jennie_core.strategy.listed import Listed
from jennie_core.strategy.scan_views import DayWindows
from tests.unit.strategy.builders import CODE, SESSION, at, context, entry, risk, us

WINDOWS = DayWindows.of(SESSION, ScannerSettings())


GAPPED = Bar(us("09:19"), 10_000, 10_000, 10_000, 10_000, 100, is_complete=False)
"""Touched by a feed gap: its volume is unknown."""


def bars(count: int = 20, last: Bar | None = None, before: Bar | None = None) -> deque[Bar]:
    made = [Bar(us("09:00") + index * MINUTE_US, 10_000, 10_000, 10_000, 10_000, 100) for index in range(count)]
    if before is not None:
        made[-2] = before
    if last is not None:
        made[-1] = last
    return deque(made)


def view(**changes: Any) -> GateView:
    joined = effective_context(context(**changes.pop("council", {})), risk(), at("10:00"))
    assert not isinstance(joined, Refusal)
    values: dict[str, Any] = {
        "listed": Listed.from_entry(entry()),
        "bars": bars(),
        "price_krw": 10_000,
        "rsi": 50.0,
        "volume_ratio": 1.0,
        "vwap_krw": 10_000.0,
        "context": joined,
        "market_us": us("10:00"),
        "trade_from_us": WINDOWS.trade_from_us,
        "danger_from_us": WINDOWS.danger_from_us,
        "entry_end_us": WINDOWS.entry_end_us,
        "interrupted_us": None,
        "last_signal_us": None,
        "stop_loss_cooldowns": {},
        "sell_cooldowns": {},
        "settings": ScannerSettings(),
    }
    return GateView(**(values | changes))


def refused(**changes: Any) -> str | None:
    refusal = gates.first_refusal(gates.COMMON_GATES, view(**changes))
    return None if refusal is None else refusal.rule


def shape(open_: int, high: int, low: int, close: int) -> Bar:
    return Bar(0, open_, high, low, close, 100)


def test_an_ordinary_minute_passes_every_gate() -> None:
    assert refused() is None


@pytest.mark.rule(
    "R-GATE-01",
    "R-GATE-02",
    "R-GATE-03",
    "R-GATE-04",
    "R-GATE-05",
    "R-GATE-07",
    "R-GATE-08",
    "R-GATE-09",
    "R-GATE-10",
    "R-GATE-11",
    "R-GATE-12",
    "R-GATE-14",
)
@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("R-GATE-01", {"bars": bars(19)}),
        ("R-GATE-02", {"market_us": us("09:14:59")}),
        ("R-GATE-03", {"market_us": us("14:00")}),
        ("R-GATE-03", {"market_us": us("15:00")}),
        ("R-GATE-03", {"market_us": us("15:25")}),
        ("R-GATE-14", {"interrupted_us": us("09:58")}),
        ("R-GATE-04", {"rsi": 75.1}),
        ("R-GATE-04", {"rsi": 85.1, "council": {"market_regime": MarketRegime.BULL}}),
        ("R-GATE-05", {"council": {"risk_off_level": 2}}),
        ("R-GATE-05", {"council": {"vix_regime": VixRegime.CRISIS}}),
        ("R-GATE-07", {"volume_ratio": 2.1, "price_krw": 10_201}),
        ("R-GATE-07", {"volume_ratio": None, "price_krw": 10_201, "bars": bars(last=GAPPED)}),
        ("R-GATE-08", {"last_signal_us": us("09:50:01")}),
        ("R-GATE-09", {"stop_loss_cooldowns": {CODE: us("10:00:01")}}),
        ("R-GATE-10", {"sell_cooldowns": {CODE: us("10:00:01")}}),
        ("R-GATE-11", {"listed": replace(Listed.from_entry(entry()), trade_tier=TradeTier.BLOCKED)}),
        ("R-GATE-11", {"listed": replace(Listed.from_entry(entry()), is_tradable=False)}),
        ("R-GATE-12", {"bars": bars(last=shape(100, 131, 100, 110))}),
        ("R-GATE-12", {"bars": bars(before=shape(100, 110, 100, 110), last=shape(110, 110, 100, 100))}),
    ],
)
def test_each_gate_refuses_with_its_rule(rule: str, changes: dict[str, Any]) -> None:
    assert refused(**changes) == rule


@pytest.mark.rule(
    "R-GATE-02", "R-GATE-03", "R-GATE-04", "R-GATE-05", "R-GATE-07", "R-GATE-08", "R-GATE-09", "R-GATE-10", "R-GATE-12"
)
@pytest.mark.parametrize(
    "changes",
    [
        {"market_us": us("09:15")},
        {"market_us": us("13:59:59")},
        {"rsi": 75.0},
        {"rsi": None},
        {"rsi": 85.0, "council": {"market_regime": MarketRegime.STRONG_BULL}},
        {"council": {"risk_off_level": 1, "vix_regime": VixRegime.ELEVATED}},
        {"volume_ratio": 2.1},
        {"volume_ratio": 2.0, "price_krw": 10_300},
        {"volume_ratio": 2.1, "price_krw": 10_200},
        {"price_krw": 10_300},
        {"volume_ratio": 9.0, "price_krw": 20_000, "vwap_krw": None},
        {"last_signal_us": us("09:50")},
        {"stop_loss_cooldowns": {CODE: us("10:00")}, "sell_cooldowns": {"000660": us("15:00")}},
        {"bars": bars(last=shape(100, 130, 100, 110))},
        {"bars": bars(last=shape(100, 130, 100, 100))},
        {"bars": bars(before=shape(100, 110, 100, 110), last=shape(109, 109, 100, 100))},
        {"bars": bars(before=shape(110, 115, 100, 110), last=shape(110, 110, 100, 100))},
    ],
)
def test_each_limit_is_on_the_passing_side(changes: dict[str, Any]) -> None:
    assert refused(**changes) is None


@pytest.mark.rule("R-GATE-06")
@pytest.mark.parametrize("regime", [MarketRegime.BEAR, MarketRegime.STRONG_BEAR])
def test_bear_markets_pass_the_regime_gate(regime: MarketRegime) -> None:
    """Not blocking; sizing and the cash floor carry bear markets."""
    bear = view(council={"market_regime": regime})
    assert gates.market_regime(bear) is None
    blocking = gates.market_regime(bear, blocking=True)
    assert blocking is not None
    assert blocking.rule == "R-GATE-06"


@pytest.mark.rule("R-GATE-13")
def test_unreadable_cooldowns_refuse() -> None:
    """Fail-closed for buys."""
    assert refused(stop_loss_cooldowns=None) == "R-GATE-09"
    assert refused(sell_cooldowns=None) == "R-GATE-10"


@pytest.mark.rule("R-CAL-02")
def test_new_entries_end_with_continuous_trading() -> None:
    """Also for the setups that skip the danger zone."""
    late = gates.first_refusal(gates.ORB_GATES, view(market_us=us("15:20")))
    assert late is not None
    assert late.rule == "R-CAL-02"


@pytest.mark.rule("R-GATE-14")
@pytest.mark.parametrize(
    "gate_list", [gates.COMMON_GATES, gates.CONVICTION_GATES, gates.ORB_GATES, gates.CONFIRMATION_GATES]
)
def test_no_setup_buys_into_an_interruption(gate_list: tuple[gates.Gate, ...]) -> None:
    refusal = gates.first_refusal(gate_list, view(interrupted_us=us("09:58")))
    assert refusal is not None
    assert (refusal.rule, refusal.value, refusal.limit) == ("R-GATE-14", 120.0, "the next trade")


def test_the_first_failing_gate_names_the_refusal_and_all_can_be_listed() -> None:
    both = view(market_us=us("09:05"), rsi=90.0)
    first = gates.first_refusal(gates.COMMON_GATES, both)
    assert first is not None
    assert first.rule == "R-GATE-02"
    assert [refusal.rule for refusal in gates.all_refusals(gates.COMMON_GATES, both)] == ["R-GATE-02", "R-GATE-04"]


@pytest.mark.rule("R-GATE-12")
def test_two_bars_are_enough_to_be_engulfed_and_one_is_not() -> None:
    up, down = shape(100, 110, 100, 110), shape(110, 110, 100, 100)
    refusal = gates.micro_timing(view(bars=deque([up, down])))
    assert refusal is not None
    assert refusal.detail == "bearish engulfing"
    assert gates.micro_timing(view(bars=deque([down]))) is None
    assert gates.micro_timing(view(bars=deque())) is None


def test_a_refusal_carries_the_value_and_the_limit() -> None:
    refusal = gates.rsi_guard(view(rsi=80.0))
    assert refusal is not None
    assert (refusal.value, refusal.limit) == (80.0, 75.0)
