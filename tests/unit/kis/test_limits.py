"""The request budget (drill 14): no window over the limit, room for orders, turns among callers."""

import asyncio
import random
import time

import pytest

from jennie_core.domain.enums import Mode
from jennie_infra.kis.errors import BudgetExhaustedError
from jennie_infra.kis.limits import CallKind, MarketBudget, WallBudget, make_budget
from jennie_sim.protocol.limits import RequestWindow

SECOND_US = 1_000_000


@pytest.mark.rule("R-GW-01")
async def test_no_window_ever_holds_more_than_the_limit() -> None:
    budget = WallBudget(limit=10, reserved=2, window_seconds=0.2)
    taken: list[float] = []

    async def caller(kind: CallKind) -> None:
        await budget.acquire(kind, "test", 5)
        taken.append(time.monotonic())

    await asyncio.gather(*(caller(CallKind.READ) for _ in range(30)), *(caller(CallKind.EXIT) for _ in range(10)))
    taken.sort()
    assert len(taken) == 40
    for first, eleventh in zip(taken, taken[10:], strict=False):
        assert eleventh - first > 0.19


async def test_an_order_finds_room_while_reads_have_used_theirs() -> None:
    budget = WallBudget(limit=18, reserved=4)
    waiting = [asyncio.create_task(budget.acquire(CallKind.READ, "scan", 5)) for _ in range(100)]
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(4):
        await budget.acquire(CallKind.EXIT, "sell", 1)
    assert time.monotonic() - began < 0.1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_without_reserve_an_order_goes_before_waiting_reads() -> None:
    budget = WallBudget(limit=1, reserved=0, window_seconds=0.05)
    order_of_service: list[str] = []

    async def ask(kind: CallKind, name: str) -> None:
        await budget.acquire(kind, name, 5)
        order_of_service.append(name)

    await ask(CallKind.READ, "first")
    reads = [asyncio.create_task(ask(CallKind.READ, f"read-{number}")) for number in range(3)]
    await asyncio.sleep(0)
    await ask(CallKind.EXIT, "sell")
    await asyncio.gather(*reads)
    assert order_of_service[:2] == ["first", "sell"]


async def test_an_exit_goes_before_entries_that_wait() -> None:
    """I6: whatever holds up buying does not hold up protective selling."""
    budget = WallBudget(limit=1, reserved=0, window_seconds=0.05)
    served: list[str] = []

    async def ask(kind: CallKind, name: str) -> None:
        await budget.acquire(kind, name, 5)
        served.append(name)

    await ask(CallKind.ENTRY, "first")
    entries = [asyncio.create_task(ask(CallKind.ENTRY, f"buy-{number}")) for number in range(3)]
    await asyncio.sleep(0)
    await ask(CallKind.EXIT, "sell")
    await asyncio.gather(*entries)
    assert served[:2] == ["first", "sell"]


async def test_callers_take_turns() -> None:
    budget = WallBudget(limit=2, reserved=0, window_seconds=0.05)
    served: list[str] = []

    async def ask(name: str) -> None:
        await budget.acquire(CallKind.READ, name, 5)
        served.append(name)

    greedy = [asyncio.create_task(ask("greedy")) for _ in range(10)]
    await asyncio.sleep(0)
    modest = asyncio.create_task(ask("modest"))
    await asyncio.gather(*greedy, modest)
    assert served.index("modest") <= 4


async def test_a_read_that_finds_no_room_in_time_is_refused_and_shown() -> None:
    budget = WallBudget(limit=1, reserved=0, window_seconds=10)
    await budget.acquire(CallKind.READ, "a", 1)
    with pytest.raises(BudgetExhaustedError):
        await budget.acquire(CallKind.READ, "b", 0.01)
    assert budget.use().refused_by == {"b": 1}
    assert budget.use().waiting == 0


async def test_in_a_rehearsal_the_bucket_is_rate_times_slice_and_refuses_at_once() -> None:
    """Decision 0001: waiting would hold the slice for ever."""
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=5)
    for _ in range(70):
        await budget.acquire(CallKind.READ, "scan", 60)
    with pytest.raises(BudgetExhaustedError):
        await budget.acquire(CallKind.READ, "scan", 60)
    for _ in range(20):
        await budget.acquire(CallKind.EXIT, "sell", 60)
    with pytest.raises(BudgetExhaustedError):
        await budget.acquire(CallKind.EXIT, "sell", 60)


async def test_the_bucket_fills_as_market_time_settles() -> None:
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=5)
    budget.observe_settled(0)
    for _ in range(70):
        await budget.acquire(CallKind.READ, "scan", 0)
    budget.observe_settled(0)
    assert budget.use().in_window == 70
    budget.observe_settled(5 * SECOND_US)
    assert budget.use().in_window == 0


async def test_in_a_rehearsal_a_scan_leaves_what_others_had_in_the_slice_before() -> None:
    """Drill 14: reads are refused in a fair and visible way; whoever is alone may use everything."""
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=5)
    budget.observe_settled(0)

    async def asks(caller: str, times: int) -> int:
        served = 0
        for _ in range(times):
            try:
                await budget.acquire(CallKind.READ, caller, 0)
            except BudgetExhaustedError:
                continue
            served += 1
        return served

    assert await asks("monitor", 10) == 10
    assert await asks("scan", 200) == 60
    budget.observe_settled(5 * SECOND_US)
    assert await asks("scan", 200) == 60
    assert await asks("monitor", 10) == 10
    budget.observe_settled(10 * SECOND_US)
    assert await asks("greedy", 200) == 37, "scan keeps an even share of 23, monitor the 10 it had"
    assert await asks("scan", 200) == 23
    assert await asks("monitor", 10) == 10
    assert set(budget.use().refused_by) == {"scan", "greedy"}
    budget.observe_settled(15 * SECOND_US)
    budget.observe_settled(20 * SECOND_US)
    assert await asks("scan", 200) == 70


@pytest.mark.parametrize("slice_seconds", [1, 5])
async def test_in_any_window_as_wide_as_a_slice_no_more_than_the_exchange_allows(slice_seconds: int) -> None:
    """The exchange's own rule over random steps of market time (its window and ours must not drift apart)."""
    dice = random.Random(14)
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=slice_seconds)
    window = RequestWindow(18, slice_seconds)
    now_us = 0
    for _ in range(400):
        now_us += dice.choice((slice_seconds, slice_seconds, 2 * slice_seconds)) * SECOND_US
        budget.observe_settled(now_us)
        for _ in range(dice.randrange(120)):
            try:
                await budget.acquire(dice.choice(list(CallKind)), "any", 0)
            except BudgetExhaustedError:
                continue
            assert window.allows("key", now_us // 1000)


@pytest.mark.rule("R-GW-01")
def test_each_mode_has_its_budget() -> None:
    assert make_budget(Mode.LIVE, 5).use().limit == 18
    assert make_budget(Mode.PAPER, 5).use().limit == 1
    assert make_budget(Mode.REHEARSAL, 5).use().limit == 90
