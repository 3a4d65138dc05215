"""A silent feed freezes entries and no exit rule takes an old price for a new one (drill 16)."""

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.signals import BuySignal
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.feed_state import FEED_LIMIT_US, SECOND_US, THIN_FEED_CODES, THIN_FEED_LIMIT_US, FeedState
from jennie_core.strategy.monitor import MonitorCore
from tests.unit.strategy.builders import CODE, DAY, SETTINGS, context, entry, position, scanner, tick, us, watchlist

NOW = us("10:00")


def state(last_us: int = NOW) -> FeedState:
    made = FeedState(session_times(DAY))
    made.judge(last_us, THIN_FEED_CODES)
    made.saw_trade(last_us)
    return made


def test_a_feed_is_stalled_after_ten_seconds_and_a_thin_one_after_sixty() -> None:
    feed = state()
    assert not feed.judge(NOW + FEED_LIMIT_US, THIN_FEED_CODES)
    assert feed.judge(NOW + FEED_LIMIT_US + SECOND_US, THIN_FEED_CODES)
    thin = state()
    assert not thin.judge(NOW + THIN_FEED_LIMIT_US, THIN_FEED_CODES - 1)
    assert thin.judge(NOW + THIN_FEED_LIMIT_US + SECOND_US, THIN_FEED_CODES - 1)


def test_only_a_newer_trade_ends_a_stall() -> None:
    """I5: a new connection or an old trade in between would end the alert and begin it again."""
    feed = state()
    feed.judge(NOW + 20 * SECOND_US, THIN_FEED_CODES)
    feed.saw_trade(NOW)
    assert feed.judge(NOW + 21 * SECOND_US, THIN_FEED_CODES + 5)
    feed.saw_trade(NOW + 21 * SECOND_US)
    assert not feed.judge(NOW + 22 * SECOND_US, THIN_FEED_CODES + 5)


def test_more_codes_begin_the_silence_anew() -> None:
    feed = FeedState(session_times(DAY))
    feed.judge(NOW, 1)
    assert not feed.judge(NOW + 30 * SECOND_US, THIN_FEED_CODES)
    assert feed.judge(NOW + 41 * SECOND_US, THIN_FEED_CODES)


def test_nothing_is_stalled_outside_continuous_trading_or_without_codes() -> None:
    feed = state(us("15:19:50"))
    assert not feed.judge(us("15:20:30"), THIN_FEED_CODES)
    early = FeedState(session_times(DAY))
    assert not early.judge(us("08:00"), THIN_FEED_CODES)
    assert not early.judge(us("09:00"), THIN_FEED_CODES)
    idle = state()
    assert not idle.judge(NOW + 100 * SECOND_US, 0)


def buying_refusals(core: object, market_us: int) -> list[str]:
    refusals: list[Refusal] = core.explain(CODE, market_us)  # type: ignore[attr-defined]
    return [refusal.rule for refusal in refusals]


def test_the_scanner_freezes_entries_while_nothing_is_streamed() -> None:
    codes = [entry(f"{number:06d}", rank=number + 2) for number in range(THIN_FEED_CODES)]
    core = scanner(None, watchlist=watchlist(entry(), *codes))
    core.on_mark(NOW)
    core.on_tick(tick(10_000, NOW))
    core.on_mark(NOW + 9 * SECOND_US)
    assert "FEED-STALE" not in buying_refusals(core, NOW + 9 * SECOND_US)
    core.on_tick(tick(10_000, NOW + 11 * SECOND_US)._replace(source="poll"))
    core.on_mark(NOW + 11 * SECOND_US)
    assert "FEED-STALE" in buying_refusals(core, NOW + 11 * SECOND_US)
    assert not any(isinstance(each, BuySignal) for each in core.on_mark(NOW + 80 * SECOND_US))
    core.on_tick(tick(10_000, NOW + 81 * SECOND_US))
    assert "FEED-STALE" not in buying_refusals(core, NOW + 81 * SECOND_US)


def watching() -> MonitorCore:
    core = MonitorCore(SETTINGS, session_times(DAY))
    core.set_context(context())
    core.set_positions([position()], us("09:00"))
    core.on_tick(tick(9_600, NOW))
    return core


def test_a_stale_price_fires_no_price_rule_that_it_did_not_fire_when_it_was_new() -> None:
    """A harsher council would sell at this price; the price is two minutes old, so the next one decides."""
    core = watching()
    core.on_mark(NOW + 61 * SECOND_US)
    core.set_context(context(stop_loss_multiplier=0.5))
    assert [core.on_mark(NOW + second * SECOND_US) for second in range(62, 300)] == [[]] * 238
    assert [order.rule for order in core.on_tick(tick(9_600, NOW + 300 * SECOND_US))]


def test_an_exit_raised_on_a_good_price_is_raised_again_while_the_price_is_stale() -> None:
    """I6: a lost sell order must not wait for the feed."""
    core = watching()
    core.set_context(context(stop_loss_multiplier=0.5))
    (first,) = core.on_tick(tick(9_600, NOW + SECOND_US))
    again = [order for second in range(2, 600) for order in core.on_mark(NOW + second * SECOND_US)]
    assert again
    assert {order.rule for order in again} == {first.rule}
