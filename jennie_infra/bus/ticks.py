"""The compact tick payload of `stream:ticks`: a JSON array in one field, pipelined per frame."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from jennie_core.domain.market import ClockMark, Tick
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import STREAMS, Streams, checked_market_us

FIELD = b"t"
MARK_FIELD = b"mark"
_TYPES = (str, int, int, int, int, int, int, int, str, str)


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
        return ClockMark(checked_market_us(int(mark)), fields.get(b"settled") == b"1")
    values = orjson.loads(raw)
    if not isinstance(values, list) or len(values) != len(Tick._fields):
        raise ValueError(f"tick is not a list of {len(Tick._fields)} values")
    if tuple(map(type, values)) != _TYPES:
        wrong = [
            name for name, value, kind in zip(Tick._fields, values, _TYPES, strict=True) if type(value) is not kind
        ]
        raise ValueError(f"tick: wrong type of {', '.join(wrong)}")
    tick = Tick._make(values)
    checked_market_us(tick.exchange_us)
    return tick


class TickWriter:
    """Appends ticks and marks in order through one pipeline per frame."""

    def __init__(self, client: AsyncRedis) -> None:
        self._client = client
        self._length = STREAMS[Streams.TICKS].trim_length

    async def write(self, items: Iterable[Tick | ClockMark]) -> None:
        """Append in the given order; one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for item in items:
            fields: Any
            if isinstance(item, Tick):
                fields = {"t": encode_tick(item)}
            else:
                fields = {"mark": str(item.market_us), "settled": "1" if item.settled else "0"}
            pipeline.xadd(Streams.TICKS.value, fields, maxlen=self._length, approximate=True)
        await pipeline.execute()
