"""The compact tick payload of `stream:ticks`: a JSON array in one field, pipelined per frame."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from jennie_core.domain.market import ClockMark, Tick
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import STREAMS, Streams

FIELD = b"t"
MARK_FIELD = b"mark"


def encode_tick(tick: Tick) -> bytes:
    """The array `[code, price, volume, cumulative, ask, bid, exchange_us, received_us, phase, source]`."""
    return orjson.dumps(tuple(tick))


def decode_tick_entry(fields: Mapping[Any, Any]) -> Tick | ClockMark:
    """A tick or a mark from raw fields; raises ValueError naming what is wrong."""
    raw = fields.get(FIELD)
    if raw is None:
        mark = fields.get(MARK_FIELD)
        if mark is None:
            raise ValueError("entry has neither t nor mark")
        return ClockMark(int(mark), fields.get(b"settled") == b"1")
    values = orjson.loads(raw)
    if len(values) != len(Tick._fields):
        raise ValueError(f"tick has {len(values)} values, expected {len(Tick._fields)}")
    return Tick._make(values)


class TickWriter:
    """Appends ticks and marks in order through one pipeline per frame."""

    def __init__(self, client: AsyncRedis) -> None:
        self._client = client
        self._length = STREAMS[Streams.TICKS].trim_length

    async def write(self, items: Iterable[Tick | ClockMark]) -> None:
        """Append in the given order; one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for item in items:
            self.queue(pipeline, encode_tick(item) if isinstance(item, Tick) else item)
        await pipeline.execute()

    def queue(self, pipeline: Any, item: bytes | ClockMark) -> None:
        """Put an encoded tick or a mark into a pipeline that the caller executes, among its other commands."""
        fields: Any
        if isinstance(item, bytes):
            fields = {"t": item}
        else:
            fields = {"mark": str(item.market_us), "settled": "1" if item.settled else "0"}
        pipeline.xadd(Streams.TICKS.value, fields, maxlen=self._length, approximate=True)
