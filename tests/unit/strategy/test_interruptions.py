"""No buy into a volatility interruption (R-GATE-14): the scanner learns of it from records of the phase C."""

import pytest

from jennie_core.domain.market import ClockMark
from jennie_core.domain.signals import BuySignal
from jennie_core.strategy.scanner import ScannerCore, SignalRefusal
from tests.unit.strategy.builders import CODE, Feed, scanner, tick, us
from tests.unit.strategy.test_scanner import CALM, rules, warmed

pytestmark = pytest.mark.rule("R-GATE-14")


def hit() -> tuple[ScannerCore, Feed]:
    """A momentum hit that waits for its confirmation, at 09:41:45."""
    core = scanner(CALM)
    feed = warmed(core)
    feed.bar(10_200)
    feed.bar(10_210)
    return core, feed


def interrupt(core: ScannerCore, clock: str) -> list[str]:
    return rules(list(core.on_tick(tick(10_210, us(clock), volume=0, phase="C"))))


def test_an_interruption_discards_a_hit_that_waits_for_its_confirmation() -> None:
    core, feed = hit()
    assert interrupt(core, "09:41:50") == ["R-GATE-14"]
    assert rules(list(core.on_mark(us("09:42:01")))) == ["R-GATE-14"]
    feed.jump_to("09:44")
    assert not [each for each in feed.bar(10_900) if isinstance(each, BuySignal)]


def test_a_bar_that_closes_by_timer_in_an_interruption_signals_nothing() -> None:
    core = scanner(CALM)
    feed = warmed(core, count=21)
    feed.bar(10_200)
    assert interrupt(core, "09:41:50") == []
    assert rules(list(core.on_mark(us("09:42:01")))) == ["R-GATE-14"]


def test_the_next_trade_ends_it() -> None:
    core = scanner(CALM)
    feed = warmed(core, count=21)
    assert interrupt(core, "09:40:50") == []
    assert [refusal.rule for refusal in core.explain(CODE, us("09:40:55")) if refusal.rule == "R-GATE-14"]
    feed.bar(10_200)
    feed.bar(10_210)
    assert [type(each) for each in feed.bar(10_220)] == [BuySignal]


def test_an_announcement_older_than_the_last_trade_says_nothing() -> None:
    core, feed = hit()
    assert interrupt(core, "09:41:44") == []
    assert [type(each) for each in feed.bar(10_220)] == [BuySignal]


def test_before_the_open_and_in_the_closing_auction_the_phases_are_no_interruption() -> None:
    core = scanner(CALM)
    core.on_tick(tick(10_000, us("08:50"), volume=0, phase="C"))
    core.on_tick(tick(10_000, us("09:00:30"), volume=0, phase="B"))
    assert "R-GATE-14" not in [refusal.rule for refusal in core.explain(CODE, us("09:01"))]


def test_a_restart_in_an_interruption_knows_of_it() -> None:
    core = scanner(CALM)
    core.replay(
        [tick(10_000, us("09:30")), tick(10_000, us("09:30:10"), volume=0, phase="C"), ClockMark(us("09:31"), True)]
    )
    [refusal] = [each for each in core.explain(CODE, us("09:31:10")) if each.rule == "R-GATE-14"]
    assert refusal.value == 60.0


def test_the_refusal_names_the_setup_that_it_cost() -> None:
    core, _ = hit()
    [decision] = core.on_tick(tick(10_210, us("09:41:50"), volume=0, phase="C"))
    assert isinstance(decision, SignalRefusal)
    assert (decision.signal_type.value, decision.price_krw) == ("MOMENTUM", 10_210)
