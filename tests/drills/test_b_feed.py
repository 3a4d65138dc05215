"""Drills B: market data, with scanner and monitor as processes. Each name begins with the number of its drill."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from jennie_core.domain.market import Tick
from tests.drills.exchange import HELD, HELD_AVERAGE_KRW
from tests.drills.feed_exchange import CODES, FALLEN_KRW
from tests.drills.feed_rig import WATCHED, FeedRig, bars_of, true_bars
from tests.drills.rig import BASE_KRW, running_rig

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

STALL = "gateway-feed-stalled"
RATE_LIMIT = {"status": 500, "msg_cd": "EGW00201"}
STALE = f"stale-price:{HELD}"


@pytest.fixture
async def feed(
    drill_seed: int, port_bases: Iterator[int], record_property: Callable[[str, object], None]
) -> AsyncIterator[FeedRig]:
    """A rig with all five workers for each run."""
    made: AbstractAsyncContextManager[FeedRig] = running_rig(  # type: ignore[assignment]  # the class that is given
        Path(tempfile.mkdtemp(prefix="jd-")), next(port_bases), FeedRig, seed=drill_seed
    )
    async with made as rig:
        rig.recovery.record = record_property
        yield rig


@pytest.mark.rule("R-EXIT-20", "R-SCAN-02")
@pytest.mark.safety
async def test_16_a_feed_without_ticks_freezes_entries_polls_what_is_held_and_heals(feed: FeedRig) -> None:
    began = feed.now
    feed.admin.faults({"name": "stall_ticks"})
    await feed.slices(14)  # over the end of a minute, at which every watched code would be bought
    assert feed.feed()["stalled"]
    assert feed.health("buy-scanner")["detail"]["feed_stalled"]
    said = await feed.said(STALL)
    assert [alert.cleared for alert in said] == [False], "I5: once"
    assert said[0].raised_at - began <= timedelta(seconds=15)
    late = [item for item in await feed.items() if isinstance(item, Tick) and item.source == "poll"]
    assert {item.code for item in late} == {HELD}, "held symbols move to polling"
    assert await feed.signalled() == []
    await feed.written(lambda: "FEED-STALE" in feed.refusals(), "the frozen entries are on record")
    await feed.until(lambda: feed.relay.connections >= 2, "a new session is tried")
    assert feed.relay.most_open == 1
    await feed.registered()

    feed.admin.faults({"clear": True})
    feed.fault_is_over()
    await feed.slices(2)
    assert not feed.feed()["stalled"]
    assert [alert.cleared for alert in await feed.said(STALL)] == [False, True], "I5: its end"
    await feed.slices_until(lambda: feed.intents(side="buy"), "entries go on", 30)
    await feed.slices_until(lambda: not feed.unresolved("buy"), "settled")
    await feed.holds()


@pytest.mark.safety
async def test_16_a_silent_held_code_whose_quotes_fail_is_stale_and_a_quote_brings_its_exit(feed: FeedRig) -> None:
    """The price falls below the stop while nothing of it can be seen: no exit is made up, and the first quote sells."""
    began = feed.now
    feed.admin.faults({"name": "stall_ticks", "params": {"codes": [HELD]}})
    feed.admin.faults({"name": "status", "endpoint": "inquire-price", "params": RATE_LIMIT})
    await feed.slices_until(lambda: feed.now - began > timedelta(seconds=200), "past the fall", 60)
    said = await feed.said(STALE)
    assert [alert.cleared for alert in said] == [False], "I5: once"
    assert timedelta(seconds=60) <= said[0].raised_at - began <= timedelta(seconds=75)
    assert feed.feed()["silent_codes"] == HELD
    assert not feed.feed()["stalled"], "the others tick"
    assert not feed.health("buy-scanner")["detail"]["feed_stalled"]
    assert feed.orders(HELD) == [], "no exit on a price that is not known"

    feed.admin.faults({"clear": True})
    feed.admin.faults({"name": "stall_ticks", "params": {"codes": [HELD]}})
    feed.fault_is_over()
    await feed.slices_until(lambda: HELD not in feed.theirs(), "I6: a quote confirms the price, and the exit goes out")
    assert [alert.cleared for alert in await feed.said(STALE)] == [False, True]
    sold = [row for row in feed.orders(HELD) if row["side"] == "sell"]
    assert len(sold) == 1
    quoted = [item for item in await feed.items() if isinstance(item, Tick) and item.code == HELD]
    assert all(item.source == "ws" or item.price_krw == FALLEN_KRW for item in quoted)
    await feed.slices_until(lambda: not feed.unresolved("buy"), "settled")
    await feed.holds()


@pytest.mark.rule("R-GW-11")
@pytest.mark.timeout(600)
async def test_17_cuts_every_five_seconds_leave_the_registrations_whole_and_the_gaps_marked(feed: FeedRig) -> None:
    await feed.slices(8)
    for _ in range(24):
        await feed.slice_cut_off()
    feed.fault_is_over()
    assert feed.relay.connections >= 25
    assert feed.relay.most_open == 1, "never two sessions on one key"
    await feed.slices(14)
    bars = bars_of(await feed.items(), WATCHED)
    marked = 0
    for code in WATCHED:
        truth = true_bars(code)
        for bar in bars[code]:
            marked += not bar.is_complete
            if bar.is_complete:
                assert bar[:6] == truth[bar.start_us][:6], f"{code}: a bar touched by a gap must say so"
        assert bars[code][-1].is_complete
    assert marked
    assert feed.feed()["tick_gaps"] > 0
    assert feed.admin.violations()["violations"] == []
    await feed.slices_until(lambda: not feed.unresolved("buy"), "settled")
    await feed.holds()


async def test_17_registrations_without_an_answer_are_asked_again_until_the_sets_are_equal(feed: FeedRig) -> None:
    """A third of the registrations is lost on the way, a third of the answers on the way back."""
    chance = feed.random.random
    feed.relay.loses_request = lambda tr_type, code: tr_type == "1" and chance() < 0.3
    feed.relay.loses_answer = lambda tr_type, code: tr_type == "" and code in CODES and chance() < 0.3
    feed.relay.cut()
    await feed.slices(2)
    feed.relay.loses_request = feed.relay.loses_answer = lambda tr_type, code: False
    feed.fault_is_over()
    await feed.registered()
    await feed.until(lambda: feed.feed()["polled"] == 0, "none is polled any more")
    assert feed.admin.violations()["violations"] == []
    await feed.slices_until(lambda: not feed.unresolved("buy"), "settled")
    await feed.holds()


def is_possible(code: str, price_krw: int) -> bool:
    """Whether the exchange's tape has a price near this one."""
    base = HELD_AVERAGE_KRW if code == HELD else BASE_KRW
    return abs(price_krw - base) <= 400 or (code == HELD and price_krw == FALLEN_KRW)


class SixtyWanted(FeedRig):
    """More codes than a session allows."""

    watched, by_hand, buys = CODES[:40], CODES[40:], False


@pytest.fixture
async def sixty(drill_seed: int, port_bases: Iterator[int]) -> AsyncIterator[FeedRig]:
    """A rig whose watchlist has sixty codes."""
    made = running_rig(Path(tempfile.mkdtemp(prefix="jd-")), next(port_bases), SixtyWanted, seed=drill_seed)
    async with made as rig:
        assert isinstance(rig, FeedRig)
        yield rig


@pytest.mark.rule("R-SCAN-02")
async def test_17_of_sixty_codes_the_held_and_the_best_are_registered_and_the_rest_is_polled(sixty: FeedRig) -> None:

    def figures() -> tuple[object, object]:
        shown = sixty.feed()
        return shown.get("subscribed"), shown.get("polled")

    for _ in range(2):
        await sixty.slices(3)
        await sixty.registered()
        await sixty.until(lambda: figures() == (40, 21), "the rest is shown as polled")
        sixty.relay.cut()
    await sixty.slices(8)
    sources: dict[str, set[str]] = {}
    for item in await sixty.items():
        if isinstance(item, Tick):
            sources.setdefault(item.source, set()).add(item.code)
    assert sources["poll"] >= set(CODES[39:])
    assert sources["ws"] == {HELD, *CODES[:39]}
    assert sixty.admin.violations()["violations"] == []
    await sixty.slices_until(lambda: not sixty.unresolved("buy"), "settled")
    await sixty.holds()


async def test_18_damaged_frames_cost_no_bar_its_truth_and_cause_no_order(feed: FeedRig) -> None:
    feed.admin.faults({"name": "garble_frame", "probability": 0.1, "seed": feed.seed, "params": {"seed": feed.seed}})
    await feed.slices(24)
    struck = feed.admin.hits("garble_frame")
    feed.admin.faults({"clear": True})
    feed.fault_is_over()
    await feed.slices(26)
    assert struck > 20
    dropped = feed.feed()["dropped"]
    assert dropped
    assert feed.feed()["bad_frames_kept"] > 0
    ticks = [item for item in await feed.items() if isinstance(item, Tick)]
    assert {item.code for item in ticks} <= {HELD, *WATCHED}
    assert all(is_possible(item.code, item.price_krw) for item in ticks)
    bars = bars_of(await feed.items(), WATCHED)
    for code in WATCHED:
        truth = true_bars(code)
        complete = [bar for bar in bars[code] if bar.is_complete]
        assert complete
        assert [bar[:6] for bar in complete] == [truth[bar.start_us][:6] for bar in complete]
    assert all(is_possible(signal.stock_code, signal.signal_price_krw) for signal in await feed.signalled())
    assert all(is_possible(row["code"], row["price_krw"]) for row in feed.admin.ledger()["fills"]), dropped
    assert all(process.poll() is None for process in feed.processes.values()), "every process lives"
    await feed.slices_until(lambda: not feed.unresolved("buy"), "settled")
    await feed.holds()
