"""What is marked for liquidation outlives a Redis that forgets; what was sold or cleared stays gone (O4, drill 22)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from jennie_infra import liquidation
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.liquidation import LiquidationState
from jennie_infra.settings import Settings, load_settings
from jennie_live.monitor.liquidation import LiquidationSet

A, B = "005930", "000660"


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[AsyncRedis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


def settings_in(folder: Path) -> Settings:
    return load_settings({}, folder / "absent.env", home=folder / "state")


async def armed(folder: Path, redis: AsyncRedis) -> LiquidationSet:
    await liquidation.store(settings_in(folder), redis, LiquidationState(codes=(B, A), armed=True))
    return LiquidationSet(settings_in(folder), redis)


@pytest.mark.rule("R-LIQ-01")
async def test_an_armed_set_survives_an_empty_redis(tmp_path: Path, redis: AsyncRedis) -> None:
    marked = await armed(tmp_path, redis)
    await redis.flushdb()
    await marked.refresh()
    assert (marked.codes, marked.armed) == (frozenset({A, B}), True)
    assert await liquidation.load(settings_in(tmp_path / "elsewhere"), redis) == LiquidationState(
        codes=(B, A), armed=True
    ), "Redis was told again"


@pytest.mark.rule("R-LIQ-03", "R-LIQ-04")
async def test_what_was_sold_does_not_come_back_and_the_last_one_disarms(tmp_path: Path, redis: AsyncRedis) -> None:
    marked = await armed(tmp_path, redis)
    await marked.refresh()
    await marked.sold(A)
    await redis.flushdb()
    await marked.refresh()
    assert (marked.codes, marked.armed) == (frozenset({B}), True)
    await marked.sold(B)
    await redis.flushdb()
    await marked.refresh()
    assert (marked.codes, marked.armed) == (frozenset(), False)


async def test_a_code_marked_meanwhile_is_kept_when_another_is_sold(tmp_path: Path, redis: AsyncRedis) -> None:
    marked = await armed(tmp_path, redis)
    await marked.refresh()
    state = await liquidation.load(settings_in(tmp_path), redis)
    await liquidation.store(settings_in(tmp_path), redis, state.with_code("035720"))
    await marked.sold(A)
    assert marked.codes == frozenset({B, "035720"})


async def test_a_set_that_was_cleared_stays_cleared(tmp_path: Path, redis: AsyncRedis) -> None:
    marked = await armed(tmp_path, redis)
    await liquidation.store(settings_in(tmp_path), redis, LiquidationState())
    await redis.flushdb()
    await marked.refresh()
    assert marked.codes == frozenset()


async def test_an_unreadable_file_arms_nothing(tmp_path: Path, redis: AsyncRedis) -> None:
    marked = await armed(tmp_path, redis)
    (tmp_path / "state" / liquidation.FILE_NAME).write_text("{")
    await redis.flushdb()
    await marked.refresh()
    assert (marked.codes, marked.armed) == (frozenset(), False)
