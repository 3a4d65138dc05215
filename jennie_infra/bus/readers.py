"""Stream readers: a cursor with gap detection, and a consumer group with claims, retries and parking."""

from collections.abc import Mapping
from typing import Any

from redis.exceptions import ResponseError

from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.streams import STREAMS, Entry, Streams, decode_entry, ensure_groups, park

CLAIM_IDLE_MS = 30_000
MAX_TRIES = 3
TRIMMED = "trimmed before it was handled"


def _entries(reply: Any) -> list[tuple[str, Any]]:
    """(id, fields) pairs of an XREAD/XREADGROUP reply in RESP2 or RESP3 shape; without fields: pending but trimmed."""
    if not reply:
        return []
    batches: list[Any] = []
    if isinstance(reply, dict):
        for value in reply.values():
            batches.extend(value[0] if value and isinstance(value[0], list) else value)
    else:
        for _, value in reply:
            batches.extend(value)
    return [(text(entry_id), fields) for entry_id, fields in batches]


class CursorReader:
    """Plain reads with a cursor: every reader sees every entry; trimmed entries are counted as a gap (drill 24)."""

    def __init__(self, client: AsyncRedis, stream: Streams, *, start: str = "$") -> None:
        self._client = client
        self._stream = stream
        self.cursor = start
        self.gaps = 0
        self.lost = 0
        """Entries known to have been trimmed before they were read."""
        self._index: int | None = 0 if start == "0-0" else None
        """How many entries the stream had ever taken up to the cursor; None = unknown."""

    async def start_at_end(self) -> None:
        """Put the cursor behind the newest entry."""
        info = await self._info()
        self.cursor = "0-0" if info is None else text(info["last-generated-id"])
        self._index = 0 if info is None else int(info["entries-added"])

    async def read_raw(self, *, block_ms: int | None = None, count: int = 1_000) -> list[tuple[str, Mapping[Any, Any]]]:
        """Raw entries after the cursor, oldest first; waits at most `block_ms`."""
        if self.cursor == "$":
            await self.start_at_end()
        streams: Any = {self._stream.value: self.cursor}
        entries = _entries(await self._client.xread(streams, count=count, block=block_ms))
        if entries:
            if len(entries) == count:
                await self._look_for_gap([entry_id for entry_id, _ in entries])
            self.cursor = entries[-1][0]
            self._index = None if self._index is None else self._index + len(entries)
        return entries

    async def read(self, *, block_ms: int | None = None, count: int = 1_000) -> list[Entry]:
        """Decoded entries after the cursor."""
        return [
            decode_entry(entry_id, fields) for entry_id, fields in await self.read_raw(block_ms=block_ms, count=count)
        ]

    async def _look_for_gap(self, ids: list[str]) -> None:
        """A full batch means the reader lags: see whether the trim has taken entries between the cursor and the batch.

        The server counts what it ever took, so the number of removed entries says how many were never read. A cursor
        given from outside has no known place: then a trim past it counts as a gap of unknown size.
        """
        info = await self._info()
        if info is None:
            return
        added, first = int(info["entries-added"]), _id_key(text(info["recorded-first-entry-id"]))
        if self._index is not None and added < self._index:
            self.gaps += 1
            self._index = None
            return
        if first <= _id_key(self.cursor):
            return
        if self._index is None:
            self.gaps += 1
            return
        trimmed_of_batch = sum(_id_key(entry_id) < first for entry_id in ids)
        lost = added - int(info["length"]) - trimmed_of_batch - self._index
        if lost > 0:
            self.gaps += 1
            self.lost += lost
            self._index += lost

    async def _info(self) -> dict[str, Any] | None:
        try:
            raw: Any = await self._client.xinfo_stream(self._stream.value)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return None
        return {text(name): value for name, value in raw.items()}


class GroupReader:
    """Reads one stream as one consumer of its declared group.

    With `acknowledge_before` (buy signals) entries are acknowledged as they are read: at most once. Otherwise the
    worker calls `acknowledge` after its durable change; entries left by a dead consumer are claimed after 30 s, and an
    entry that failed three times is parked with its error.
    """

    def __init__(self, client: AsyncRedis, blocking: AsyncRedis, stream: Streams, group: str, consumer: str) -> None:
        if group not in STREAMS[stream].groups:
            raise ValueError(f"{group} is not a declared group of {stream.value}")
        self._client = client
        self._blocking = blocking
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._before = STREAMS[stream].acknowledge_before
        self.parked = 0

    async def read(self, *, block_ms: int | None = None, count: int = 200, pending: bool = False) -> list[Entry]:
        """New entries (or, with `pending`, this consumer's own unacknowledged ones), malformed ones already parked."""
        streams: Any = {self._stream.value: "0" if pending else ">"}
        client = self._client if block_ms is None else self._blocking
        try:
            reply = await client.xreadgroup(self._group, self._consumer, streams, count=count, block=block_ms)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await ensure_groups(self._client)
            return []
        return await self._accept(_entries(reply))

    async def acknowledge(self, entry_ids: list[str]) -> None:
        """Acknowledge and trim entries whose effect is durable."""
        if entry_ids:
            await self._client.xack(self._stream.value, self._group, *entry_ids)

    async def claim_stale(self) -> list[Entry]:
        """Entries of dead consumers idle for 30 s; those tried three times are parked instead."""
        reply: Any = await self._client.xautoclaim(
            self._stream.value, self._group, self._consumer, min_idle_time=CLAIM_IDLE_MS, count=100
        )
        for entry_id in reply[2] if len(reply) > 2 else []:
            await self.park(text(entry_id), {}, TRIMMED)
        claimed = [(text(entry_id), fields) for entry_id, fields in reply[1] if fields is not None]
        if not claimed:
            return []
        tries = {
            text(row["message_id"]): int(row["times_delivered"])
            for row in await self._client.xpending_range(
                self._stream.value, self._group, claimed[0][0], claimed[-1][0], count=len(claimed) + 100
            )
        }
        alive: list[tuple[str, Mapping[Any, Any] | None]] = []
        for entry_id, fields in claimed:
            if tries.get(entry_id, 1) > MAX_TRIES:
                await self.park(entry_id, fields, f"failed {MAX_TRIES} times")
            else:
                alive.append((entry_id, fields))
        return await self._accept(alive)

    async def park(self, entry_id: str, fields: Mapping[Any, Any], error: str) -> None:
        """Park an entry and acknowledge it."""
        await park(self._client, self._stream, entry_id, fields, error)
        await self.acknowledge([entry_id])
        self.parked += 1

    async def trim_acknowledged(self) -> None:
        """Drop entries that every group has acknowledged (S2: never an entry a reader still owes)."""
        floor: str | None = None
        for row in await self._client.xinfo_groups(self._stream.value):
            delivered = text(row["last-delivered-id"])
            pending: Any = await self._client.xpending(self._stream.value, text(row["name"]))
            oldest = text(pending["min"]) if pending["pending"] else delivered
            if floor is None or _id_key(oldest) < _id_key(floor):
                floor = oldest
        if floor is not None and floor != "0-0":
            await self._client.xtrim(self._stream.value, minid=floor, approximate=True)

    async def _accept(self, raw: list[tuple[str, Mapping[Any, Any] | None]]) -> list[Entry]:
        entries: list[Entry] = []
        done: list[str] = []
        for entry_id, fields in raw:
            if not fields:
                await self.park(entry_id, {}, TRIMMED)
                continue
            entry = decode_entry(entry_id, fields)
            if entry.error is not None:
                await self.park(entry_id, fields, entry.error)
                continue
            if self._before or entry.mark is not None:
                done.append(entry_id)
            entries.append(entry)
        await self.acknowledge(done)
        return entries


def _id_key(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
