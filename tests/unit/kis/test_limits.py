"""The request budget (drill 14): no window over the limit, room for orders, turns among callers."""

import asyncio
import time

import pytest

from jennie_core.domain.enums import Mode
from jennie_infra.kis.errors import BudgetExhaustedError
from jennie_infra.kis.limits import CallKind, MarketBudget, WallBudget, make_budget

SECOND_US = 1_000_000


async def test_no_window_ever_holds_more_than_the_limit() -> None:
    budget = WallBudget(limit=10, reserved=2, window_seconds=0.2)
    taken: list[float] = []

    async def caller(kind: CallKind) -> None:
        await budget.acquire(kind, "test", 5)
        taken.append(time.monotonic())

    await asyncio.gather(*(caller(CallKind.READ) for _ in range(30)), *(caller(CallKind.ORDER) for _ in range(10)))
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
        await budget.acquire(CallKind.ORDER, "sell", 1)
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
    await ask(CallKind.ORDER, "sell")
    await asyncio.gather(*reads)
    assert order_of_service[:2] == ["first", "sell"]


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
    assert budget.use().refused == 1
    assert budget.use().waiting == 0


async def test_in_a_rehearsal_the_bucket_is_rate_times_slice_and_refuses_at_once() -> None:
    """Decision 0001: waiting would hold the slice for ever."""
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=5)
    for _ in range(70):
        await budget.acquire(CallKind.READ, "scan", 60)
    with pytest.raises(BudgetExhaustedError):
        await budget.acquire(CallKind.READ, "scan", 60)
    for _ in range(20):
        await budget.acquire(CallKind.ORDER, "sell", 60)
    with pytest.raises(BudgetExhaustedError):
        await budget.acquire(CallKind.ORDER, "sell", 60)


async def test_the_bucket_fills_as_market_time_settles() -> None:
    budget = MarketBudget(limit=18, reserved=4, slice_seconds=5)
    budget.observe_settled(0)
    for _ in range(70):
        await budget.acquire(CallKind.READ, "scan", 0)
    budget.observe_settled(0)
    assert budget.use().in_window == 70
    budget.observe_settled(5 * SECOND_US)
    assert budget.use().in_window == 0


def test_each_mode_has_its_budget() -> None:
    assert make_budget(Mode.LIVE, 5).use().limit == 18
    assert make_budget(Mode.PAPER, 5).use().limit == 1
    assert make_budget(Mode.REHEARSAL, 5).use().limit == 90
