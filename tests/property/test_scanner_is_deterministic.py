"""The scanner over random ticks: the same input gives the same decisions, restarts included (R-BAR-04, drill 40)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.domain.control import StopState
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.strategy.scanner import Decision, ScannerCore, SignalRefusal
from tests.unit.strategy.builders import SESSION, context, entry, risk, scanner, tick, us, watchlist

CODES = ("005930", "000660")
EAGER = ScannerSettings(min_bars=6, no_trade_minutes_after_open=0, rsi_max=100, rsi_max_bull=100, cooldown_seconds=120)
STEPS = st.lists(
    st.tuples(st.sampled_from(CODES), st.integers(-90, 100), st.integers(1, 50), st.integers(1, 40)),
    min_size=30,
    max_size=120,
)


def make_items(steps: list[tuple[str, int, int, int]]) -> list[Tick | ClockMark]:
    """Ticks, and of the marks between them the ones that matter: the second after each minute."""
    prices = dict.fromkeys(CODES, 10_000)
    now_us, mark_us = us("09:00"), us("09:00:01")
    items: list[Tick | ClockMark] = []
    for code, move, volume, seconds in steps:
        prices[code] = max(1_000, prices[code] + move)
        now_us += seconds * 1_000_000
        while mark_us <= now_us:
            items.append(ClockMark(mark_us, settled=False))
            mark_us += 60_000_000
        items.append(tick(prices[code], now_us, volume, code))
    return items


def fresh() -> ScannerCore:
    return scanner(EAGER, *[entry(code, rank=rank + 1) for rank, code in enumerate(CODES)])


def run(core: ScannerCore, items: list[Tick | ClockMark]) -> list[Decision]:
    decisions: list[Decision] = []
    for item in items:
        decisions.extend(core.on_mark(item.market_us) if isinstance(item, ClockMark) else core.on_tick(item))
    return decisions


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_same_ticks_give_the_same_decisions(steps: list[tuple[str, int, int, int]]) -> None:
    items = make_items(steps)
    first, second = run(fresh(), items), run(fresh(), items)
    assert first == second
    signals = [decision for decision in first if isinstance(decision, BuySignal)]
    assert len({signal.signal_id for signal in signals}) == len(signals)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, cut=st.floats(0, 1))
def test_a_restart_anywhere_changes_no_signal(steps: list[tuple[str, int, int, int]], cut: float) -> None:
    items = make_items(steps)
    at_index = int(len(items) * cut)
    expected = [decision for decision in run(fresh(), items) if isinstance(decision, BuySignal)]
    early = [decision for decision in run(fresh(), items[:at_index]) if isinstance(decision, BuySignal)]
    again = ScannerCore(EAGER, SESSION)
    again.set_watchlist(watchlist(*[entry(code, rank=rank + 1) for rank, code in enumerate(CODES)]))
    again.set_context(context())
    again.replay(items[:at_index])
    again.set_intraday(risk())
    again.set_stops(StopState())
    again.set_cooldowns({}, {})
    again.restore_signals({signal.stock_code: signal.signalled_at for signal in early})
    late = [decision for decision in run(again, items[at_index:]) if isinstance(decision, BuySignal)]
    assert early + late == expected


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, cut=st.floats(0, 1))
def test_no_decision_looks_ahead(steps: list[tuple[str, int, int, int]], cut: float) -> None:
    """Data cut at T gives the same decisions up to T."""
    items = make_items(steps)
    at_index = int(len(items) * cut)
    whole = run(fresh(), items)
    part = run(fresh(), items[:at_index])
    assert whole[: len(part)] == part


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_refusals_are_bounded_by_one_per_code_rule_and_bar(steps: list[tuple[str, int, int, int]]) -> None:
    core = fresh()
    core.set_context(None)
    seen: set[tuple[str, str, int]] = set()
    for decision in run(core, make_items(steps)):
        assert isinstance(decision, SignalRefusal)
        key = (decision.code, decision.refusal.rule, decision.market_us // 60_000_000)
        assert key not in seen
        seen.add(key)
