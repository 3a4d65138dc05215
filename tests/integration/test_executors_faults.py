"""Executors under duplicates, stops, refused permits, restarts and unreadable accounts (drills 3-5, 9, 11, 12)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.control import ControlVerb
from jennie_core.domain.enums import ListingStatus, SellReason, SignalType
from jennie_infra import stops
from jennie_infra.bus.streams import Streams, StreamWriter
from jennie_infra.db.repositories.tables import DECISION_LOG, DESK_LEASE, RECONCILIATION, SIGNAL_LOG
from tests.drills.invariants import alerts
from tests.integration.desk_rig import DeskRig, buy_signal, desk_rig

BUYER, SELLER = "buy-executor", "sell-executor"
CODE = "005930"


def say(rig: DeskRig, verb: ControlVerb) -> None:
    stops.say(rig.settings, verb, said_by="test", reason="drill", now=rig.now, redis=None, ledger=None)


async def until_stops(rig: DeskRig, service: str, *, halted: bool) -> None:
    watcher = rig.worker(service).runtime.stops
    await rig.until(lambda: watcher.state.halted is halted, "stop seen")


async def holding(rig: DeskRig, quantity: int = 0) -> int:
    """Buy and fill one position; returns its shares."""
    await rig.signal()
    await rig.mark()
    order = rig.gateway.orders[-1]
    await rig.notice(rig.gateway.execute(order, order.remaining, 10_000))
    await rig.mark()
    await rig.mark()
    return order.filled


@pytest.mark.rule("R-BUY-10", "R-MSG-06")
async def test_one_order_for_fifty_equal_signals(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Drill 4: one order, 49 recorded refusals that name the duplicate rule; a restart changes nothing."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        signal = buy_signal(rig.now + timedelta(seconds=1))
        writer = StreamWriter(rig.redis, Streams.BUY_SIGNALS)
        for _ in range(25):
            await writer.publish(signal, signal.signalled_at)
        await rig.until(lambda: len(rig.gateway.orders) == 1, "first order")
        await rig.kill(BUYER)
        for _ in range(25):
            await writer.publish(signal, signal.signalled_at)
        await rig.start(BUYER)
        await rig.mark()
        assert len(rig.gateway.sent_intents) == 1
        assert rig.outcomes() == [("ordered", None)]
        assert len(rig.rows(DECISION_LOG, rule="R-MSG-06")) == 49


@pytest.mark.rule("R-MSG-06")
async def test_an_entry_that_is_delivered_again_is_no_second_signal(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Drill 4: died between outcome and acknowledgement, so the stream hands the same entry out once more."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        worker = rig.worker(BUYER)
        acknowledge = worker.inputs.acknowledge

        async def lose_requests(stream: Streams, entry_ids: list[str]) -> None:
            await acknowledge(stream, [] if stream is Streams.BUY_SIGNALS else entry_ids)

        worker.inputs.acknowledge = lose_requests  # type: ignore[method-assign]
        signal = await rig.signal()
        await StreamWriter(rig.redis, Streams.BUY_SIGNALS).publish(signal, signal.signalled_at)
        await rig.mark()
        await rig.kill(BUYER)
        await rig.start(BUYER)
        await rig.mark()
        assert rig.outcomes() == [("ordered", None)]
        assert len(rig.rows(DECISION_LOG, rule="R-MSG-06")) == 1, "the second entry, once, though it came twice"


@pytest.mark.rule("R-BUY-06", "R-BUY-10")
async def test_different_signals_of_one_code_make_one_order(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """O1: the second finds the first unresolved, the third finds the stock held."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.signal(signal_id="a")
        await rig.signal(signal_id="b")
        await rig.mark()
        await rig.notice(rig.gateway.execute(rig.gateway.orders[0], 10, 10_000))
        await rig.signal(signal_id="c")
        await rig.mark()
        assert rig.outcomes() == [("ordered", None), ("refused", "R-BUY-06"), ("refused", "R-BUY-10")]


async def test_a_refused_permit_refuses_with_its_reason(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """O6: the refusal carries rule and reason, nothing is sent."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, granted=False) as rig:
        await rig.signal()
        await rig.mark()
        row = rig.rows(SIGNAL_LOG)[0]
        assert (row["outcome"], row["refusal_rule"]) == ("refused", "PERMIT")
        assert row["refusal_text"] == "freshness of daily_prices failed"
        assert rig.gateway.sent_intents == []


async def test_a_permit_for_another_watchlist_names_value_and_limit(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.signal(watchlist_version="wl-0")
        await rig.mark()
        row = rig.rows(SIGNAL_LOG)[0]
        assert (row["refusal_rule"], row["refusal_value"], row["refusal_limit"]) == ("PERMIT", "wl-0", "wl-1")


@pytest.mark.rule("R-BUY-14")
async def test_an_old_signal_is_recorded_as_expired(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Drill 23: what waited while the executor was away is not bought."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.stop(BUYER)
        await rig.signal()
        for _ in range(15):
            await rig.mark(services=())
        await rig.start(BUYER)
        await rig.mark()
        assert rig.outcomes() == [("expired", "R-BUY-14")]
        assert rig.gateway.sent_intents == []


@pytest.mark.rule("R-BUY-02")
async def test_a_pause_stops_buys_and_never_exits(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """O4, I6."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        await holding(rig)
        say(rig, ControlVerb.PAUSE)
        await rig.until(lambda: rig.worker(BUYER).runtime.stops.state.paused, "pause seen")
        await rig.signal(stock_code="000660")
        await rig.sell()
        await rig.mark()
        assert ("refused", "R-BUY-02") in rig.outcomes()
        assert [intent["side"] for intent in rig.intents()] == ["buy", "sell"]


@pytest.mark.rule("R-BUY-02", "R-MON-07")
async def test_a_halt_cancels_open_buys_within_a_second_and_lets_exits_go_on(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """O4: without waiting for a mark."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        await holding(rig)
        await rig.signal(stock_code="000660", signal_type=SignalType.MOMENTUM)
        await rig.mark()
        say(rig, ControlVerb.HALT)
        started = asyncio.get_running_loop().time()
        await rig.until(lambda: rig.gateway.orders[1].cancelled > 0, "cancelled")
        assert asyncio.get_running_loop().time() - started < 1.0
        await rig.sell()
        await rig.mark()
        assert rig.gateway.orders[2].request.quantity == rig.gateway.orders[0].filled


@pytest.mark.rule("R-SELL-03")
@pytest.mark.parametrize(("reason", "sent"), [(SellReason.STOP_LOSS, False), (SellReason.MANUAL, True)])
async def test_a_halt_that_blocks_exits_lets_the_operator_sell(
    redis_url: str, sqlite_url: str, tmp_path: Path, reason: SellReason, sent: bool
) -> None:
    """O4: only with JENNIE_HALT_BLOCKS_EXITS, and with an alert for each exit held back."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        await holding(rig)
        runtime = rig.worker(SELLER).runtime
        runtime.stops._settings = runtime.settings.model_copy(update={"halt_blocks_exits": True})
        say(rig, ControlVerb.HALT)
        await until_stops(rig, SELLER, halted=True)
        await rig.sell(sell_reason=reason)
        await rig.mark()
        assert (len(rig.gateway.orders) == 2) is sent
        assert ("refused", "R-SELL-03") in rig.outcomes() or sent
        assert (f"exit-suppressed-{CODE}" in runtime._alerts) is not sent


async def test_never_more_than_the_managed_shares_are_sold(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """O3, drill 11: what the owner bought by hand is not ours to sell."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        managed = await holding(rig)
        rig.gateway.trade_by_hand(CODE, 500, 10_000)
        await rig.mark(seconds=300)
        assert rig.holdings() == {CODE: (managed, 500)}
        await rig.sell()
        await rig.mark()
        assert rig.gateway.orders[-1].request.quantity == managed


@pytest.mark.rule("R-SELL-04", "R-SELL-05")
async def test_a_failed_sell_is_reconciled_before_the_next_try(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Drill 9: at most one rejection, then the books are compared; the lock keeps a loop away."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        managed = await holding(rig)
        rig.gateway.trade_by_hand(CODE, -managed, 10_000)
        rig.gateway.replies.append("refuse")
        await rig.sell(order_id="x1")
        await rig.mark()
        await rig.sell(order_id="x2")
        await rig.mark()
        assert rig.holdings() == {}
        assert ("refused", "KIS") in rig.outcomes()
        assert len([intent for intent in rig.gateway.sent_intents if intent.startswith("sell")]) == 1
        assert "failed-sell" in {row["trigger"] for row in rig.rows(RECONCILIATION)}


async def test_an_exit_that_a_halt_refused_is_sent_again_when_the_halt_is_over(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Drill 10: it asks first; an operator's sell asks nobody."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        await holding(rig)
        rig.gateway.statuses[CODE] = ListingStatus.HALTED
        rig.gateway.replies.append("refuse")
        await rig.sell(order_id="into-the-halt")
        await rig.mark()
        await rig.mark(seconds=70)
        await rig.sell(order_id="still-halted")
        await rig.mark()
        assert ("refused", "HALTED") in rig.outcomes()
        assert sum(intent.startswith("sell") for intent in rig.gateway.sent_intents) == 1
        rig.gateway.statuses.clear()
        await rig.sell(order_id="traded-again")
        await rig.mark()
        assert sum(intent.startswith("sell") for intent in rig.gateway.sent_intents) == 2


async def test_the_end_of_an_unknown_order_is_said_by_the_process_that_sees_it(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """I5: raised by a process that died; its successor says the end, and does not raise it again."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        rig.gateway.replies.append("lose")
        await rig.signal()
        await rig.until(lambda: [row["state"] for row in rig.intents()] == ["unknown"], "the fate is open")
        await rig.kill(BUYER)
        await rig.start(BUYER)
        await rig.mark()
        await rig.mark()
        said = [(alert.alert_id, alert.cleared) for alert in await alerts(rig.redis)]
        name = f"unknown-{rig.intents()[0]['intent_id']}"
        assert [cleared for alert_id, cleared in said if alert_id == name] == [False, True]


@pytest.mark.rule("R-SELL-05")
async def test_one_sell_at_a_time(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Two exits of one stock in one slice make one order."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        managed = await holding(rig)
        await rig.sell(order_id="x1", quantity=managed // 2)
        await rig.sell(order_id="x2")
        await rig.mark()
        sells = [order for order in rig.gateway.orders if order.request.side.value == "sell"]
        assert [order.request.quantity for order in sells] == [managed // 2]
        assert {rule for _, rule in rig.outcomes()} & {"O1", "R-SELL-05"}


@pytest.mark.rule("R-BUY-05")
async def test_the_balance_unknown_refuses_buys(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Drill 12, I4: cash that was not read for three minutes is unknown, not zero."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.mark()
        rig.gateway.reads_fail = True
        for _ in range(4):
            await rig.mark(seconds=60)
        rig.gateway.reads_fail = False
        rig.worker(BUYER).desk.book._balance_us = to_epoch_us(rig.now) - 200_000_000
        await rig.signal()
        await rig.mark()
        assert {rule for outcome, rule in rig.outcomes() if outcome == "refused"} & {"R-BUY-05", "Q3-status"}
        assert rig.gateway.sent_intents == []


async def test_a_balance_that_cannot_be_read_is_not_asked_for_at_every_mark(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Drill 12, I6: each reading that hangs holds up the exits behind it; the trouble and its end are said, once."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, SELLER) as rig:
        await rig.mark()
        rig.gateway.reads_fail = True
        await rig.mark(seconds=60)
        before = len(rig.gateway.calls)
        await rig.mark()
        await rig.mark()
        assert len(rig.gateway.calls) == before, "ten seconds after a failure"
        await rig.mark()
        assert len(rig.gateway.calls) == before + 1
        rig.gateway.reads_fail = False
        for _ in range(3):
            await rig.mark()
        said = [alert.cleared for alert in await alerts(rig.redis) if alert.alert_id == "balance-unknown"]
        assert said == [False, True]


async def test_the_second_executor_waits_and_says_who_holds_the_desk(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Drill 5: one sender at a time, lease numbers only grow."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        first = rig.worker(BUYER)
        rig._tasks["first"] = rig._tasks.pop(BUYER)
        await rig.start(BUYER)
        second = rig.worker(BUYER)
        await rig.until(lambda: second.desk.lease.waits_for is not None, "waits")
        assert second.desk.lease.waits_for == first.runtime.consumer
        assert second.health()[0] == "starting"
        await rig.stop("first")
        await rig.until(lambda: second.health()[0] == "healthy", "takes over")
        assert rig.rows(DESK_LEASE, side="buy")[0]["lease"] == 2


async def test_a_lost_lease_is_noticed_before_the_next_order(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Drill 5: as after SIGSTOP for longer than the lock's life; the desk is taken again with a new number."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        worker = rig.worker(BUYER)
        worker.desk.lease._renewed -= 60.0
        await rig.redis.delete("lease:desk:buy")
        await rig.until(lambda: worker.desk.lease.number == 2 and worker.health()[0] == "healthy", "new lease")
        await rig.signal()
        await rig.mark()
        assert rig.intents()[0]["lease"] == 2


async def test_a_killed_executor_settles_its_open_order_before_new_signals(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Drill 3: the fill that came while it was away is found by inquiry; the notice adds nothing."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.signal()
        await rig.mark()
        await rig.kill(BUYER)
        order = rig.gateway.orders[0]
        await rig.notice(rig.gateway.execute(order, order.remaining, 10_000))
        await rig.start(BUYER)
        await rig.until(lambda: rig.holdings() == {CODE: (order.filled, 0)}, "position")
        await rig.mark()
        assert sum(row["quantity"] for row in rig.fills()) == order.filled


@pytest.mark.rule("R-BUY-06", "R-BUY-07")
async def test_a_position_sold_in_this_slice_may_be_bought_only_after_the_next(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Decision 0001: the other desk's change comes into force at the end of the following slice, always.

    Until then the balance lacks what the books still hold: profit and loss are unknown, which refuses first (0013).
    """
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        managed = await holding(rig)
        await rig.sell(sell_reason=SellReason.PROFIT_TARGET)
        await rig.mark()
        await rig.notice(rig.gateway.execute(rig.gateway.orders[1], managed, 11_000))
        await rig.mark()
        await rig.signal(signal_id="same-slice")
        await rig.mark()
        await rig.signal(signal_id="next-slice")
        await rig.mark()
        refused = {row["signal_id"]: row["refusal_rule"] for row in rig.rows(SIGNAL_LOG, outcome="refused")}
        assert refused == {"same-slice": "R-GRD-08", "next-slice": "R-BUY-07"}


@pytest.mark.rule("R-TG-16")
async def test_manual_buys_pass_cooldowns_and_keep_the_caps(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """The owner's quantity, never more than sizing allows."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        managed = await holding(rig)
        await rig.sell()
        await rig.mark()
        await rig.notice(rig.gateway.execute(rig.gateway.orders[1], managed, 9_000))
        await rig.mark()
        await rig.mark()
        manual: dict[str, Any] = {"source": "manual", "signal_type": SignalType.MANUAL, "hybrid_score": None}
        await rig.signal(**manual, requested_quantity=3, watchlist_version="manual", score_run_id="manual")
        await rig.mark()
        assert rig.gateway.orders[-1].request.quantity == 3


@pytest.mark.rule("R-BUY-17", "R-BUY-11")
async def test_what_does_not_trade_now_is_not_bought(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """A bar that closed by timer proves no trading, an owner's order has no trade behind it: both ask for a quote."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        timer = to_epoch_us(rig.now - timedelta(seconds=50))
        rig.gateway.interrupted.add("005930")
        await rig.signal(signal_id="interrupted", tick_exchange_us=timer)
        await rig.signal(
            signal_id="owners", source="manual", signal_type=SignalType.MANUAL, hybrid_score=None,
            watchlist_version="manual", score_run_id="manual",
        )  # fmt: skip
        await rig.mark()
        rig.gateway.interrupted.clear()
        rig.gateway.statuses["005930"] = ListingStatus.HALTED
        await rig.signal(signal_id="halted", tick_exchange_us=timer)
        await rig.mark()
        refused = {row["signal_id"]: row["refusal_rule"] for row in rig.rows(SIGNAL_LOG, outcome="refused")}
        assert refused == {"interrupted": "R-BUY-17", "owners": "R-BUY-17", "halted": "Q3-status"}
        assert rig.gateway.orders == []
        rig.gateway.statuses.clear()
        await rig.signal(signal_id="over", tick_exchange_us=timer)
        await rig.mark()
        assert len(rig.gateway.orders) == 1, "what forbade the buy is asked for again"


async def test_a_repeated_mark_is_answered_again(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """The conductor repeats the heartbeat when an answer was lost."""
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER) as rig:
        await rig.redis.delete(Streams.WATERMARKS.value)
        await rig.mark(seconds=0)


@pytest.mark.rule("R-REC-06", "R-SVC-02")
async def test_a_close_is_reconciled_and_status_is_published(redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    async with desk_rig(redis_url, sqlite_url, tmp_path, BUYER, SELLER) as rig:
        rig.now = rig.now.replace(hour=15, minute=31)
        await rig.mark()
        triggers = [row["trigger"] for row in rig.rows(RECONCILIATION)]
        assert triggers.count("close") == 2
        assert await rig.redis.get("status:buy-executor") is not None
