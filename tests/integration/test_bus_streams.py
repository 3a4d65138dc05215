"""Streams, readers, cache and locks against a real server (S1, S2, drills 5, 7, 24)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import redis as redis_sync

from jennie_core.domain.base import KST
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import IntradayRiskLevel, SellReason, SignalType, TradeTier
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_infra.bus import cache, readers
from jennie_infra.bus.connect import AsyncRedis, connect, connect_blocking, text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.readers import TRIMMED, CursorReader, GroupReader
from jennie_infra.bus.streams import (
    PARKED_STREAM,
    STREAMS,
    Streams,
    StreamWriter,
    decode_watermark,
    encode_message,
    ensure_groups,
    publish_watermark,
)
from jennie_infra.bus.ticks import TickWriter, decode_tick_entry

NOW = datetime(2025, 6, 27, 10, 0, tzinfo=KST)
T0 = int(NOW.timestamp()) * 1_000_000


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[AsyncRedis]:
    made = connect(redis_url)
    await ensure_groups(made)
    yield made
    await made.aclose()


@pytest.fixture
async def blocking(redis_url: str) -> AsyncIterator[AsyncRedis]:
    made = connect_blocking(redis_url)
    yield made
    await made.aclose()


def sell(number: int = 1) -> SellOrder:
    return SellOrder(
        order_id=f"s{number}",
        stock_code="005930",
        stock_name="삼성전자",
        sell_reason=SellReason.STOP_LOSS,
        rule="R-EXIT-01",
        trigger_price_krw=60_000,
        quantity=number,
        raised_at=NOW,
    )


def buy() -> BuySignal:
    return BuySignal(
        signal_id="b1",
        stock_code="005930",
        stock_name="삼성전자",
        signal_type=SignalType.MOMENTUM,
        signal_price_krw=60_000,
        source="scanner",
        position_multiplier=1,
        watchlist_version="w",
        score_run_id="r",
        is_tradable=True,
        trade_tier=TradeTier.TIER1,
        risk_tag="NEUTRAL",  # type: ignore[arg-type]
        sector_group="반도체",
        scored_on=date(2025, 6, 27),
        tick_exchange_us=T0,
        tick_received_us=T0,
        signalled_at=NOW,
    )


def sells(client: AsyncRedis, blocking: AsyncRedis, consumer: str = "one") -> GroupReader:
    return GroupReader(client, blocking, Streams.SELL_ORDERS, "sell-executor", consumer)


async def parked(client: AsyncRedis) -> list[dict[bytes, bytes]]:
    rows: Any = await client.xrange(PARKED_STREAM)
    return [fields for _, fields in rows]


async def pending(client: AsyncRedis, stream: Streams = Streams.SELL_ORDERS, group: str = "sell-executor") -> int:
    answer: Any = await client.xpending(stream.value, group)
    return int(answer["pending"])


# ---- envelope, parking ------------------------------------------------------------------------------


@pytest.mark.rule("R-MSG-02", "R-MSG-05")
async def test_a_message_comes_back_as_it_went_in(client: AsyncRedis, blocking: AsyncRedis) -> None:
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    (entry,) = await sells(client, blocking).read()
    assert entry.message == sell()
    raw: Any = await client.xrange(Streams.SELL_ORDERS.value)
    assert set(raw[0][1]) == {b"message_id", b"type", b"schema_version", b"created_at", b"payload"}


async def test_a_model_that_is_not_declared_for_the_stream_is_a_type_error(client: AsyncRedis) -> None:
    with pytest.raises(TypeError, match="BuySignal is not declared for stream:sell-orders"):
        await StreamWriter(client, Streams.SELL_ORDERS).publish(buy(), NOW)


def test_a_group_that_is_not_declared_is_refused(client: AsyncRedis, blocking: AsyncRedis) -> None:
    with pytest.raises(ValueError, match="no-such"):
        GroupReader(client, blocking, Streams.SELL_ORDERS, "no-such", "one")


BAD: dict[str, tuple[dict[Any, Any], bytes]] = {
    "field missing": ({"type": "SellOrder"}, b"schema_version"),
    "unknown type": (encode_message(sell(), NOW) | {"type": "Sell"}, b"not a declared message"),
    "other version": (encode_message(sell(), NOW) | {"schema_version": "2"}, b"schema_version: 2 is not 1"),
    "version no number": (encode_message(sell(), NOW) | {"schema_version": "x"}, b"invalid literal"),
    "payload cut": (encode_message(sell(), NOW) | {"payload": '{"order_id": "s'}, b"Invalid JSON"),
    "payload of another kind": (encode_message(sell(), NOW) | {"payload": '{"order_id": 1}'}, b"order_id"),
    "unknown field": (
        encode_message(sell(), NOW) | {"payload": sell().model_dump_json()[:-1] + ',"new_field":1}'},
        b"new_field",
    ),
    "extra envelope field": (encode_message(sell(), NOW) | {"surprise": "1"}, b"surprise"),
    "bytes that are no text": (encode_message(sell(), NOW) | {"payload": b"\xff\xfe"}, b"utf-8"),
    "mark that is no number": ({"mark": "soon"}, b"invalid literal"),
    "mark of another century": ({"mark": "1"}, b"outside 2000-2100"),
}


@pytest.mark.rule("R-MSG-05")
@pytest.mark.parametrize("kind", sorted(BAD))
async def test_a_malformed_message_is_parked_with_its_error_and_the_rest_goes_on(
    client: AsyncRedis, blocking: AsyncRedis, kind: str
) -> None:
    fields, error = BAD[kind]
    writer = StreamWriter(client, Streams.SELL_ORDERS)
    await writer.publish(sell(1), NOW)
    bad: Any = await client.xadd(Streams.SELL_ORDERS.value, fields)
    await writer.publish(sell(2), NOW)
    reader = sells(client, blocking)
    assert [entry.message for entry in await reader.read()] == [sell(1), sell(2)]
    assert reader.parked == 1
    (row,) = await parked(client)
    assert error in row[b"parked_error"]
    assert row[b"parked_stream"] == b"stream:sell-orders"
    assert row[b"parked_entry"] == bad
    for name, value in fields.items():
        assert row[name.encode()] == (value if isinstance(value, bytes) else value.encode())
    assert await pending(client) == 2


async def test_marks_travel_between_messages_and_need_no_acknowledgement(
    client: AsyncRedis, blocking: AsyncRedis
) -> None:
    writer = StreamWriter(client, Streams.SELL_ORDERS)
    await writer.publish_mark(ClockMark(T0, settled=True))
    await writer.publish(sell(), NOW)
    await writer.publish_mark(ClockMark(T0 + 1, settled=False))
    entries = await sells(client, blocking).read()
    assert [entry.mark for entry in entries] == [ClockMark(T0, True), None, ClockMark(T0 + 1, False)]
    assert await pending(client) == 1


async def test_watermarks_come_back(client: AsyncRedis) -> None:
    await publish_watermark(client, "buy-scanner", T0)
    raw: Any = await client.xrange(Streams.WATERMARKS.value)
    assert decode_watermark(raw[0][1]) == ("buy-scanner", NOW)


# ---- groups -----------------------------------------------------------------------------------------


@pytest.mark.rule("R-MSG-01", "R-MSG-06")
async def test_a_buy_signal_is_acknowledged_before_it_is_handled(client: AsyncRedis, blocking: AsyncRedis) -> None:
    """At most once: a reader that dies with a signal in hand loses it."""
    assert STREAMS[Streams.BUY_SIGNALS].acknowledge_before
    await StreamWriter(client, Streams.BUY_SIGNALS).publish(buy(), NOW)
    reader = GroupReader(client, blocking, Streams.BUY_SIGNALS, "buy-executor", "one")
    assert [entry.message for entry in await reader.read()] == [buy()]
    assert await pending(client, Streams.BUY_SIGNALS, "buy-executor") == 0
    assert await reader.read(pending=True) == []


async def test_an_entry_waits_for_its_acknowledgement_and_is_found_again(
    client: AsyncRedis, blocking: AsyncRedis
) -> None:
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    reader = sells(client, blocking)
    (entry,) = await reader.read()
    assert await reader.read() == []
    assert await reader.read(pending=True) == [entry]
    await reader.acknowledge([entry.entry_id])
    assert await reader.read(pending=True) == []


async def test_each_group_sees_every_entry(client: AsyncRedis, blocking: AsyncRedis) -> None:
    await client.xadd(Streams.NOTICES.value, {"mark": str(T0), "settled": "1"})
    for group in STREAMS[Streams.NOTICES].groups:
        assert len(await GroupReader(client, blocking, Streams.NOTICES, group, "one").read()) == 1


@pytest.mark.rule("R-RDS-02")
async def test_a_dead_consumers_entries_are_claimed_after_they_were_idle(
    client: AsyncRedis, blocking: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    await sells(client, blocking, "dead").read()
    heir = sells(client, blocking, "heir")
    assert await heir.claim_stale() == [], "30 s have not passed"
    monkeypatch.setattr(readers, "CLAIM_IDLE_MS", 0)
    assert [entry.message for entry in await heir.claim_stale()] == [sell()]


async def test_an_entry_that_failed_three_times_is_parked(
    client: AsyncRedis, blocking: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "CLAIM_IDLE_MS", 0)
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    reader = sells(client, blocking)
    tries = [await reader.read(), await reader.claim_stale(), await reader.claim_stale()]
    assert [len(found) for found in tries] == [1, 1, 1]
    assert await reader.claim_stale() == []
    (row,) = await parked(client)
    assert row[b"parked_error"] == b"failed 3 times"
    assert await pending(client) == 0


@pytest.mark.parametrize("how", ["claim", "own"])
async def test_an_entry_trimmed_while_it_was_pending_is_said_and_not_kept_for_ever(
    client: AsyncRedis, blocking: AsyncRedis, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(readers, "CLAIM_IDLE_MS", 0)
    writer = StreamWriter(client, Streams.SELL_ORDERS)
    for number in (1, 2):
        await writer.publish(sell(number), NOW)
    reader = sells(client, blocking)
    first, second = await reader.read()
    await client.xtrim(Streams.SELL_ORDERS.value, minid=second.entry_id, approximate=False)
    found = await (reader.claim_stale() if how == "claim" else reader.read(pending=True))
    assert [entry.message for entry in found] == [sell(2)]
    (row,) = await parked(client)
    assert row[b"parked_error"] == TRIMMED.encode()
    assert row[b"parked_entry"] == first.entry_id.encode()
    assert await pending(client) == 1


async def test_only_acknowledged_entries_are_trimmed(client: AsyncRedis, blocking: AsyncRedis) -> None:
    """S2: never an entry a reader still owes; the slowest group decides."""
    stream = Streams.NOTICES
    fast, slow = (GroupReader(client, blocking, stream, group, "one") for group in STREAMS[stream].groups)
    ids = [await client.xadd(stream.value, {"mark": str(T0 + n), "settled": "1"}) for n in range(1_000)]
    await fast.read(count=1_000)
    await fast.trim_acknowledged()
    assert await client.xlen(stream.value) == 1_000, "the slow group has read nothing"
    await slow.read(count=500)
    await slow.trim_acknowledged()
    rest: Any = await client.xrange(stream.value, count=1)
    assert 0 < await client.xlen(stream.value) < 1_000
    assert rest[0][0] <= ids[500]
    assert len(await slow.read(count=1_000)) == 500


async def test_a_pending_entry_is_never_trimmed(client: AsyncRedis, blocking: AsyncRedis) -> None:
    writer, reader = StreamWriter(client, Streams.SELL_ORDERS), sells(client, blocking)
    for number in range(1, 301):
        await writer.publish(sell(number), NOW)
    entries = await reader.read(count=300)
    await reader.acknowledge([entry.entry_id for entry in entries[1:]])
    await reader.trim_acknowledged()
    assert await reader.read(pending=True) == entries[:1]


@pytest.mark.rule("R-RDS-01")
async def test_a_new_group_starts_at_the_end(client: AsyncRedis, blocking: AsyncRedis) -> None:
    """No old signal is replayed."""
    await client.xgroup_destroy(Streams.BUY_SIGNALS.value, "buy-executor")
    await StreamWriter(client, Streams.BUY_SIGNALS).publish(buy(), NOW)
    await ensure_groups(client)
    reader = GroupReader(client, blocking, Streams.BUY_SIGNALS, "buy-executor", "one")
    assert await reader.read() == []


async def test_groups_come_back_after_flushall(client: AsyncRedis, blocking: AsyncRedis) -> None:
    reader = sells(client, blocking)
    await client.flushall()
    assert await reader.read() == []
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    assert [entry.message for entry in await reader.read()] == [sell()]


@pytest.mark.rule("R-RDS-04")
async def test_a_blocked_group_reader_survives_flushall(client: AsyncRedis, blocking: AsyncRedis) -> None:
    reader = sells(client, blocking)
    reading = asyncio.create_task(reader.read(block_ms=5_000))
    await _until_blocked(client)
    await client.flushall()
    assert await asyncio.wait_for(reading, 6) == []
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    assert [entry.message for entry in await reader.read(block_ms=1_000)] == [sell()]


@pytest.mark.rule("R-RDS-03")
async def test_a_blocked_reader_gets_the_next_entry(client: AsyncRedis, blocking: AsyncRedis) -> None:
    reader = sells(client, blocking)
    reading = asyncio.create_task(reader.read(block_ms=5_000))
    await _until_blocked(client)
    await StreamWriter(client, Streams.SELL_ORDERS).publish(sell(), NOW)
    assert [entry.message for entry in await asyncio.wait_for(reading, 5)] == [sell()]


async def _until_blocked(client: AsyncRedis) -> None:
    async with asyncio.timeout(5):
        while (await client.info("clients"))["blocked_clients"] == 0:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)


# ---- cursor -----------------------------------------------------------------------------------------


async def add_ticks(client: AsyncRedis, count: int, *, keep: int | None = None) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(count):
        pipeline.xadd(Streams.TICKS.value, {"t": str(number)}, maxlen=keep, approximate=False)
    await pipeline.execute()


async def test_a_cursor_starts_at_the_end_and_sees_everything_after(client: AsyncRedis) -> None:
    await add_ticks(client, 10)
    reader = CursorReader(client, Streams.TICKS)
    assert await reader.read_raw() == []
    await add_ticks(client, 25)
    seen = [len(await reader.read_raw(count=10)) for _ in range(4)]
    assert seen == [10, 10, 5, 0]
    assert (reader.gaps, reader.lost) == (0, 0)


async def test_a_cursor_on_a_stream_that_does_not_exist_yet(client: AsyncRedis) -> None:
    reader = CursorReader(client, Streams.TICKS)
    assert await reader.read_raw() == []
    await add_ticks(client, 3)
    assert len(await reader.read_raw()) == 3


async def test_trimmed_entries_are_a_gap_with_their_number(client: AsyncRedis) -> None:
    """Drill 24."""
    reader = CursorReader(client, Streams.TICKS)
    await reader.read_raw()
    await add_ticks(client, 10, keep=100)
    assert len(await reader.read_raw(count=50)) == 10
    await add_ticks(client, 250, keep=100)
    assert len(await reader.read_raw(count=50)) == 50
    assert (reader.gaps, reader.lost) == (1, 150)
    assert len(await reader.read_raw(count=50)) == 50
    assert (reader.gaps, reader.lost) == (1, 150), "the same gap is said once"


async def test_lagging_without_a_trim_past_the_cursor_is_no_gap(client: AsyncRedis) -> None:
    reader = CursorReader(client, Streams.TICKS)
    await add_ticks(client, 5)
    await reader.start_at_end()
    await add_ticks(client, 100, keep=100)
    assert len(await reader.read_raw(count=50)) == 50
    assert len(await reader.read_raw(count=50)) == 50
    assert (reader.gaps, reader.lost) == (0, 0), "exactly what was read before has been trimmed"


async def test_a_given_cursor_notices_a_trim_past_it(client: AsyncRedis) -> None:
    await add_ticks(client, 10)
    rows: Any = await client.xrange(Streams.TICKS.value)
    reader = CursorReader(client, Streams.TICKS, start=text(rows[4][0]))
    await add_ticks(client, 200, keep=100)
    assert len(await reader.read_raw(count=50)) == 50
    assert reader.gaps == 1


async def test_a_stream_made_anew_is_a_gap(client: AsyncRedis) -> None:
    await add_ticks(client, 500)
    reader = CursorReader(client, Streams.TICKS)
    await reader.read_raw()
    await client.flushall()
    await add_ticks(client, 60)
    assert len(await reader.read_raw(count=50)) == 50
    assert reader.gaps == 1


# ---- tick codec -------------------------------------------------------------------------------------

TICK = Tick("005930", 60_000, 3, 300, 60_100, 60_000, T0, T0 + 5, "0", "ws")


async def test_ticks_and_marks_keep_their_order(client: AsyncRedis) -> None:
    items = [TICK, ClockMark(T0, settled=False), TICK._replace(code="00104K"), ClockMark(T0, settled=True)]
    await TickWriter(client).write(items)
    raw: Any = await client.xrange(Streams.TICKS.value)
    assert [decode_tick_entry(fields) for _, fields in raw] == items


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"t": b"5"},
        {b"t": b"{}"},
        {b"t": b"not json"},
        {b"t": b'["005930"]'},
        {b"t": b'["005930","60000",3,300,1,1,1750986000000000,1,"0","ws"]'},
        {b"t": b'["005930",60000,3,300,1,1,null,1,"0","ws"]'},
        {b"t": b'["005930",60000,3,300,1,1,17,1,"0","ws"]'},
        {b"t": b'["005930",60000,3.5,300,1,1,1750986000000000,1,"0","ws"]'},
        {b"mark": b"x"},
        {b"mark": b"99999999999999999999"},
    ],
)
def test_a_malformed_tick_is_a_value_error(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_tick_entry(fields)


# ---- cache ------------------------------------------------------------------------------------------


def risk(expires: datetime = NOW + timedelta(minutes=5)) -> IntradayRisk:
    return IntradayRisk(level=IntradayRiskLevel.NORMAL, position_multiplier=1, known_at=NOW, expires_at=expires)


async def test_a_cached_value_comes_back_with_its_life(client: AsyncRedis) -> None:
    await cache.put(client, RedisKeys.RISK_INTRADAY, risk())
    assert (await cache.get(client, RedisKeys.RISK_INTRADAY, IntradayRisk)).value == risk()
    assert 0 < await client.ttl(RedisKeys.RISK_INTRADAY.value) <= 86_400


async def test_a_wrong_model_is_a_type_error_on_both_sides(client: AsyncRedis) -> None:
    with pytest.raises(TypeError, match="regime:current"):
        await cache.put(client, RedisKeys.REGIME_CURRENT, risk())
    with pytest.raises(TypeError, match="risk:intraday"):
        await cache.get(client, RedisKeys.RISK_INTRADAY, TradingContext)


@pytest.mark.parametrize(
    ("raw", "why"),
    [(None, "is not set"), ("{", "malformed"), ('{"level": "NORMAL"}', "position_multiplier"), (b"\xff", "malformed")],
)
async def test_what_cannot_be_read_is_unknown_with_its_reason(client: AsyncRedis, raw: Any, why: str) -> None:
    if raw is not None:
        await client.set(RedisKeys.RISK_INTRADAY.value, raw)
    reading = await cache.get(client, RedisKeys.RISK_INTRADAY, IntradayRisk)
    assert not reading.is_known
    assert why in reading.problem


async def test_an_unreachable_server_is_unknown_too() -> None:
    gone = connect("redis://127.0.0.1:1/0", timeout_seconds=0.2, retries=0)
    reading = await cache.get(gone, RedisKeys.STOP_STATE, StopState)
    assert "cannot be read" in reading.problem
    await gone.aclose()


def test_a_value_expires_in_market_time() -> None:
    """T4: judged in code; the Redis TTL is garbage collection."""
    reading = cache.Reading(risk(expires=NOW))
    assert cache.fresh(reading, NOW - timedelta(microseconds=1)).is_known
    stale = cache.fresh(reading, NOW)
    assert not stale.is_known
    assert "expired at 2025-06-27T10:00:00+09:00" in stale.problem
    unknown: cache.Reading[IntradayRisk] = cache.Reading(None, "why")
    assert cache.fresh(unknown, NOW) is unknown


def test_the_server_is_the_real_one(redis_url: str) -> None:
    with redis_sync.Redis.from_url(redis_url) as client:
        assert client.ping()
