"""Silence of the whole feed and of single held codes, as the gateway judges it (drill 16)."""

from datetime import datetime
from types import SimpleNamespace

import pytest

from jennie_core.domain.base import KST, to_epoch_us
from jennie_live.gateway.stall import StallWatch
from jennie_live.gateway.subscriptions import Claims

TEN = to_epoch_us(datetime(2025, 6, 27, 10, 0, tzinfo=KST))
S = 1_000_000
WATCHED = [f"{number:06d}" for number in range(100, 120)]


class Rig:
    """A watch over a stand-in feed whose trades the test sets."""

    def __init__(self) -> None:
        self.claims = Claims()
        self.claims.put("held", ["000001", "000002"])
        self.claims.put("watchlist", WATCHED)
        self.last: dict[str, int] = {}
        self.feed = SimpleNamespace(connected=True, subscribed=frozenset(self.claims.wanted().subscribed), polled=tuple)
        screen = SimpleNamespace(last_trade_us=self.last.get)
        self.intake = SimpleNamespace(last_tick_us=None, screen=screen)
        self.watch = StallWatch(self.feed, self.intake, self.claims)  # type: ignore[arg-type]

    def trade(self, at_us: int, *codes: str) -> None:
        self.intake.last_tick_us = at_us
        self.last.update(dict.fromkeys(codes, at_us))

    def alive_until(self, seconds: int, *codes: str) -> None:
        for second in range(seconds):
            self.trade(TEN + second * S, *codes)
            self.watch.check(TEN + second * S)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_stalled_feed_polls_what_is_held_and_asks_for_one_new_session_a_minute(rig: Rig) -> None:
    rig.alive_until(1, "000001", "000002")
    rig.watch.check(TEN + 10 * S)
    assert not rig.watch.stalled
    rig.watch.check(TEN + 11 * S)
    assert rig.watch.stalled
    assert list(rig.watch.polled()) == ["000001", "000002"]
    asked = [second for second in range(11, 140) if rig.watch.should_reconnect(TEN + second * S)]
    assert asked == [11, 71, 131]


def test_a_new_session_without_trades_does_not_end_the_stall(rig: Rig) -> None:
    """I5: the alert would come and go once a minute."""
    rig.alive_until(1)
    for second in range(11, 80):
        rig.feed.connected = second % 20 != 0
        rig.feed.subscribed = frozenset() if second % 20 == 0 else frozenset(rig.claims.wanted().subscribed)
        rig.watch.check(TEN + second * S)
        assert rig.watch.stalled
    rig.trade(TEN + 80 * S, "000001")
    rig.watch.check(TEN + 80 * S)
    assert not rig.watch.stalled


def test_one_silent_held_code_is_polled_after_a_minute_and_registered_anew_ever_more_rarely(rig: Rig) -> None:
    renewed: list[int] = []
    for second in range(600):
        rig.trade(TEN + second * S, "000001", *WATCHED[1:])
        rig.watch.check(TEN + second * S)
        if rig.watch.to_renew(TEN + second * S):
            renewed.append(second)
    assert not rig.watch.stalled
    assert rig.watch.quiet == ("000002",), "a silent code that is only watched is no danger"
    assert list(rig.watch.polled()) == ["000002"]
    assert renewed == [61, 121, 241, 481]
    rig.trade(TEN + 600 * S, "000002")
    rig.watch.check(TEN + 600 * S)
    assert rig.watch.quiet == ()


def test_a_code_bought_a_moment_ago_is_not_silent_yet(rig: Rig) -> None:
    rig.alive_until(100, "000001", "000002")
    rig.claims.put("open_orders", ["000003"])
    rig.trade(TEN + 100 * S, "000001", "000002")
    rig.watch.check(TEN + 100 * S)
    assert rig.watch.quiet == ()


def test_nothing_is_stalled_or_silent_on_a_day_without_a_session(rig: Rig) -> None:
    """Drill 20: a process lives over weekends and holidays, and nobody is told on Saturday that the feed is silent."""
    rig.alive_until(1, "000001")
    saturday = TEN + 86_400 * S
    for second in range(0, 200, 10):
        rig.watch.check(saturday + second * S)
        assert not rig.watch.stalled
        assert rig.watch.quiet == ()
        assert not rig.watch.should_reconnect(saturday + second * S)
    monday = TEN + 3 * 86_400 * S
    for second in range(0, 20, 5):
        rig.watch.check(monday + second * S)
    assert rig.watch.stalled
