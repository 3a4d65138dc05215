"""Typed streams: declared once, enveloped, parked when malformed (S1, S2)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from redis.exceptions import ResponseError

from jennie_core.domain.base import Message, from_epoch_us
from jennie_core.domain.control import ControlCommand
from jennie_core.domain.envelope import Envelope
from jennie_core.domain.market import ClockMark
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.domain.positions import PositionEvent
from jennie_core.domain.signals import Alert, BuySignal, SellOrder, TradeNotification
from jennie_infra.bus.connect import AsyncRedis, SyncRedis, text

SCHEMA_VERSION = 1
PARKED_STREAM = "stream:parked"
PARKED_LENGTH = 10_000
EARLIEST_US, LATEST_US = 946_684_800_000_000, 4_102_444_800_000_000


class Streams(StrEnum):
    """All streams."""

    TICKS = "stream:ticks"
    NOTICES = "stream:notices"
    BUY_SIGNALS = "stream:buy-signals"
    SELL_ORDERS = "stream:sell-orders"
    POSITIONS = "stream:positions"
    CONTROL = "stream:control"
    TRADE_NOTIFICATIONS = "stream:trade-notifications"
    ALERTS = "stream:alerts"
    WATERMARKS = "stream:watermarks"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """Policy of one stream. `groups` are made at deployment; no group means plain reads with a cursor."""

    models: tuple[type[Message], ...]
    owners: tuple[str, ...]
    readers: tuple[str, ...]
    groups: tuple[str, ...] = ()
    acknowledge_before: bool = False
    trim_length: int | None = None
    """Length kept by the writer. None: only acknowledged entries are trimmed, alarm at 100,000 (S2)."""


ALARM_LENGTH = 100_000

STREAMS: dict[Streams, StreamSpec] = {
    Streams.TICKS: StreamSpec((), ("gateway",), ("scanner", "monitor", "dashboard"), trim_length=100_000),
    Streams.NOTICES: StreamSpec(
        (ExecutionNotice,), ("gateway",), ("buy_executor", "sell_executor"), groups=("buy-executor", "sell-executor")
    ),
    Streams.BUY_SIGNALS: StreamSpec(
        (BuySignal,),
        ("scanner", "dashboard", "commands"),
        ("buy_executor",),
        groups=("buy-executor",),
        acknowledge_before=True,
    ),
    Streams.SELL_ORDERS: StreamSpec(
        (SellOrder,), ("monitor", "dashboard", "commands"), ("sell_executor",), groups=("sell-executor",)
    ),
    Streams.POSITIONS: StreamSpec(
        (PositionEvent,),
        ("buy_executor", "sell_executor"),
        ("monitor", "buy_executor", "sell_executor"),
        trim_length=50_000,
    ),
    Streams.CONTROL: StreamSpec(
        (ControlCommand,),
        ("cli", "dashboard", "commands"),
        ("buy_executor",),
        groups=("buy-executor",),
    ),
    Streams.TRADE_NOTIFICATIONS: StreamSpec(
        (TradeNotification,), ("buy_executor", "sell_executor"), ("commands",), groups=("commands",)
    ),
    Streams.ALERTS: StreamSpec((Alert,), ("all workers",), ("commands", "dashboard"), groups=("commands",)),
    Streams.WATERMARKS: StreamSpec(
        (),
        ("gateway", "scanner", "monitor", "buy_executor", "sell_executor"),
        ("conductor", "data plane"),
        trim_length=2_000,
    ),
}

_MODELS: dict[str, type[Message]] = {model.__name__: model for spec in STREAMS.values() for model in spec.models}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as read: a mark, a model, or the error that parked it."""

    entry_id: str
    mark: ClockMark | None = None
    message: Message | None = None
    error: str | None = None


def new_message_id() -> str:
    """A random id for an envelope."""
    return uuid.uuid4().hex


def encode_message(message: Message, market_time: datetime) -> dict[str, str]:
    """Stream fields of a model in its envelope."""
    envelope = Envelope(
        message_id=new_message_id(),
        type=type(message).__name__,
        schema_version=SCHEMA_VERSION,
        created_at=market_time,
        payload=message.model_dump_json(),
    )
    return {
        "message_id": envelope.message_id,
        "type": envelope.type,
        "schema_version": str(envelope.schema_version),
        "created_at": envelope.created_at.isoformat(),
        "payload": envelope.payload,
    }


def encode_mark(mark: ClockMark) -> dict[str, str]:
    """Stream fields of a clock mark."""
    return {"mark": str(mark.market_us), "settled": "1" if mark.settled else "0"}


def checked_market_us(market_us: int) -> int:
    """The same time; raises ValueError outside 2000-2100, since one wrong mark would carry the clock away for good."""
    if not EARLIEST_US <= market_us < LATEST_US:
        raise ValueError(f"market time {market_us} us is outside 2000-2100")
    return market_us


def decode_entry(entry_id: Any, fields: Mapping[Any, Any]) -> Entry:
    """An entry from raw stream fields; a malformed one carries its error instead of raising."""
    name = text(entry_id)
    try:
        raw = {text(key): text(value) for key, value in fields.items()}
        if "mark" in raw:
            return Entry(name, mark=ClockMark(checked_market_us(int(raw["mark"])), raw.get("settled") == "1"))
        envelope = Envelope.model_validate(raw | {"schema_version": int(raw["schema_version"])})
        if envelope.schema_version != SCHEMA_VERSION:
            return Entry(name, error=f"schema_version: {envelope.schema_version} is not {SCHEMA_VERSION}")
        model = _MODELS.get(envelope.type)
        if model is None:
            return Entry(name, error=f"type: {envelope.type!r} is not a declared message")
        return Entry(name, message=model.model_validate_json(envelope.payload))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Entry(name, error=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
    except (KeyError, ValueError) as error:
        return Entry(name, error=f"envelope: {error}")


class StreamWriter:
    """Publishes declared models on one stream."""

    def __init__(self, client: AsyncRedis, stream: Streams) -> None:
        self._client = client
        self._stream = stream
        self._spec = STREAMS[stream]

    async def publish(self, message: Message, market_time: datetime) -> str:
        """Append a message; returns its entry id. Raises TypeError for a model that is not declared for the stream."""
        if type(message) not in self._spec.models:
            raise TypeError(f"{type(message).__name__} is not declared for {self._stream.value}")
        return await self._append(encode_message(message, market_time))

    async def publish_mark(self, mark: ClockMark) -> str:
        """Append a clock mark."""
        return await self._append(encode_mark(mark))

    async def _append(self, fields: dict[str, str]) -> str:
        data: Any = fields
        return text(await self._client.xadd(self._stream.value, data, maxlen=self._spec.trim_length, approximate=True))


def publish_sync(client: SyncRedis, stream: Streams, message: Message, market_time: datetime) -> str:
    """Append a message from the data plane or the command line."""
    if type(message) not in STREAMS[stream].models:
        raise TypeError(f"{type(message).__name__} is not declared for {stream.value}")
    data: Any = encode_message(message, market_time)
    return text(client.xadd(stream.value, data, maxlen=STREAMS[stream].trim_length, approximate=True))


async def ensure_groups(client: AsyncRedis) -> None:
    """Create every declared stream and group; a new group starts at the end: no old signal is replayed (R-RDS-01)."""
    for stream, spec in STREAMS.items():
        for group in spec.groups:
            try:
                await client.xgroup_create(stream.value, group, id="$", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise


async def park(client: AsyncRedis, stream: Streams, entry_id: str, fields: Mapping[Any, Any], error: str) -> None:
    """Keep a message that cannot be handled, with its error; nothing is dropped."""
    data: Any = dict(fields)
    data |= {"parked_stream": stream.value, "parked_entry": entry_id, "parked_error": error[:500]}
    await client.xadd(PARKED_STREAM, data, maxlen=PARKED_LENGTH, approximate=True)


def encode_watermark(service: str, market_us: int) -> dict[str, str]:
    """Stream fields of a watermark."""
    return {"s": service, "w": str(market_us)}


async def publish_watermark(client: AsyncRedis, service: str, market_us: int) -> None:
    """Say that everything caused by the settled mark `market_us` is done."""
    data: Any = encode_watermark(service, market_us)
    await client.xadd(Streams.WATERMARKS.value, data, maxlen=STREAMS[Streams.WATERMARKS].trim_length, approximate=True)


def decode_watermark(fields: Mapping[Any, Any]) -> tuple[str, datetime]:
    """Service and market time of a watermark entry."""
    raw = {text(key): text(value) for key, value in fields.items()}
    return raw["s"], from_epoch_us(int(raw["w"]))
