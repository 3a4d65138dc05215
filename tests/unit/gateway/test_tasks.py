"""Ending tasks for certain (jennie_live.common.tasks)."""

import asyncio

import pytest

from jennie_live.common.tasks import end, run_together


async def test_a_task_that_swallows_one_cancellation_is_ended_all_the_same() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end([task])
    assert task.cancelled()


async def test_the_first_failure_ends_the_others_and_is_raised() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        await run_together(a=waits(), b=fails())
    assert ended.is_set()


async def test_cancelling_the_group_ends_all() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    group = asyncio.create_task(run_together(a=waits()))
    await asyncio.sleep(0.01)
    await end([group])
    assert ended.is_set()
    assert group.cancelled()
