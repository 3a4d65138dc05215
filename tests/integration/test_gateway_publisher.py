"""The publisher on a real Redis-compatible server: order, failure, conflation."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import pytest

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.enums import OrderSide
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.streams import decode_entry, decode_watermark
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.embedded import valkey
from jennie_infra.telemetry import Metrics
from jennie_live.gateway import publish
from jennie_live.gateway.publish import Publisher

NINE = to_epoch_us(datetime(2025, 6, 27, 9, 0, tzinfo=KST))


def tick(number: int, code: str = "005930") -> Tick:
    return Tick(code, 100 + number, 1, number, 101, 100, NINE + number, 1)


def notice(number: int) -> ExecutionNotice:
    return ExecutionNotice(
        notice_key=f"k{number}", order_number="0000000117", stock_code="005930", side=OrderSide.BUY, is_execution=True,
        quantity=1, price_krw=1, order_quantity=1, exchange_at=datetime(2025, 6, 27, 9, 0, tzinfo=KST), received_us=1,
    )  # fmt: skip


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[AsyncRedis]:
    client = connect(redis_url, retries=0)
    yield client
    await client.aclose()


class Log:
    """Takes the place of the recorder."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def put(self, day: date, lines: list[bytes]) -> None:
        assert day == date(2025, 6, 27)
        self.lines += lines


async def test_the_order_of_items_is_the_order_in_the_streams(redis: AsyncRedis) -> None:
    log = Log()
    publisher = Publisher(redis, "kis-gateway", Metrics("t"), log.put, may_conflate=False)
    marks = [ClockMark(NINE, settled=False), ClockMark(NINE + 5, settled=True)]
    for item in (marks[0], tick(1), notice(1), tick(2), marks[1], tick(6)):
        publisher.add(item)
    await publisher.flush()
    assert [decode_tick_entry(fields) for _, fields in await redis.xrange("stream:ticks")] == [
        marks[0], tick(1), tick(2), marks[1], tick(6),
    ]  # fmt: skip
    told = [decode_entry(entry_id, fields) for entry_id, fields in await redis.xrange("stream:notices")]
    assert [entry.mark or entry.message for entry in told] == [marks[0], notice(1), marks[1]]
    ((_, fields),) = await redis.xrange("stream:watermarks")
    assert decode_watermark(fields)[0] == "kis-gateway"
    assert len(log.lines) == 6
    await publisher.close()


async def test_an_outage_costs_ticks_that_are_counted_and_no_notice(short_directory: Path) -> None:
    config = valkey.ValkeyConfig(short_directory / "outage", durable=True)
    with valkey.running(config) as url:
        client = connect(url, retries=0, timeout_seconds=0.3)
        publisher = Publisher(client, "kis-gateway", Metrics("t"), Log().put, may_conflate=False)
        publisher.add(tick(1))
        await publisher.flush()
    for item in (tick(2), notice(1), ClockMark(NINE, settled=True)):
        publisher.add(item)
    writing = asyncio.create_task(publisher.flush())
    deadline = time.monotonic() + 5
    while not publisher.failing and time.monotonic() < deadline:  # noqa: ASYNC110  the flag is health's, not an event
        await asyncio.sleep(0.01)
    assert publisher.failing
    with valkey.running(config):
        async with asyncio.timeout(10):
            await writing
        assert publisher.lost == 1
        assert not publisher.failing
        told = [decode_entry(entry_id, fields) for entry_id, fields in await client.xrange("stream:notices")]
        assert notice(1) in [entry.message for entry in told]
        await publisher.close()
        await client.aclose()


async def test_under_load_the_newest_price_of_a_code_wins_and_volume_is_kept(
    redis: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drill 19: memory stays bounded and the conflation is counted; never across a mark."""
    monkeypatch.setattr(publish, "CONFLATE_ABOVE", 5)
    publisher = Publisher(redis, "kis-gateway", Metrics("t"), Log().put, may_conflate=True)
    items = [tick(1), tick(2, "000660"), tick(3), tick(4), ClockMark(NINE + 5, settled=True), tick(6), tick(7)]
    for item in items:
        publisher.add(item)
    await publisher.flush()
    found = [decode_tick_entry(fields) for _, fields in await redis.xrange("stream:ticks")]
    assert found == [
        tick(4)._replace(volume=3), tick(2, "000660"), items[4], tick(7)._replace(volume=2),
    ]  # fmt: skip
    assert publisher.conflated == 3
    await publisher.close()


async def test_under_load_an_announcement_takes_in_no_trade_and_keeps_its_place(
    redis: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the trade's shares would be missing in its bar, and its price in the exits' sight (drill 19, T6)."""
    monkeypatch.setattr(publish, "CONFLATE_ABOVE", 1)
    publisher = Publisher(redis, "kis-gateway", Metrics("t"), Log().put, may_conflate=True)
    announcement = tick(3)._replace(volume=0, session_phase="C")
    for item in (tick(1), tick(2), announcement, tick(4), tick(5)):
        publisher.add(item)
    await publisher.flush()
    found = [decode_tick_entry(fields) for _, fields in await redis.xrange("stream:ticks")]
    assert found == [tick(2)._replace(volume=2), announcement, tick(5)._replace(volume=2)]
    await publisher.close()


async def test_what_is_due_goes_out_in_bounded_writes_and_in_order(
    redis: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drill 19: what a burst left waiting is not encoded all at once."""
    monkeypatch.setattr(publish, "MOST_AT_ONCE", 3)
    publisher = Publisher(redis, "kis-gateway", Metrics("t"), Log().put, may_conflate=False)
    sizes: list[int] = []
    append = publisher._appender.append

    async def counted(commands: list[bytes]) -> None:
        sizes.append(len(commands))
        await append(commands)

    monkeypatch.setattr(publisher._appender, "append", counted)
    for number in range(1, 9):
        publisher.add(tick(number))
    await publisher.flush()
    found = [decode_tick_entry(fields) for _, fields in await redis.xrange("stream:ticks")]
    assert found == [tick(number) for number in range(1, 9)]
    assert sizes == [3, 3, 2]
    await publisher.close()
