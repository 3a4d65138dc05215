"""The two streams of an executor, read in one call so that no notice can lag behind a request (decision 0001)."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from redis.exceptions import ResponseError

from jennie_core.domain.base import Message, to_epoch_us
from jennie_core.domain.control import ControlCommand
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.strategy.merge import EventMerge, RequestEvent
from jennie_infra.bus.connect import AsyncRedis, text
from jennie_infra.bus.readers import MAX_TRIES, GroupReader
from jennie_infra.bus.streams import STREAMS, Entry, Streams, decode_entry, ensure_groups
from jennie_infra.clock import MarketClock

R = TypeVar("R", bound=Message)
BATCH = 10_000


class DeskInputs(Generic[R]):
    """Notices, requests and (for the buy side) operator commands of one consumer group, fed into the merge.

    The consumer keeps its name over restarts: the lease sees to it that there is only one, and what a dead process left
    unacknowledged is found at once.
    """

    def __init__(
        self,
        redis: AsyncRedis,
        blocking: AsyncRedis,
        *,
        requests: Streams,
        group: str,
        model: type[R],
        stamp: Callable[[R], Any],
        clock: MarketClock,
        merge: EventMerge[R],
    ) -> None:
        self._redis = redis
        self._blocking = blocking
        self._requests = requests
        self._group = group
        self._model = model
        self._stamp = stamp
        self._clock = clock
        self.merge = merge
        wanted = [Streams.NOTICES, requests, Streams.CONTROL]
        self._streams = [stream for stream in wanted if group in STREAMS[stream].groups]
        self._readers = {stream: GroupReader(redis, blocking, stream, group, group) for stream in self._streams}
        self._marks: list[tuple[Streams, str]] = []
        self.repeated_us: int | None = None
        self.commands: list[tuple[str, ControlCommand]] = []

    async def read(self, block_ms: int | None) -> int:
        """Take everything that waits, or wait at most `block_ms` for something; returns the number of entries."""
        client = self._redis if block_ms is None else self._blocking
        wanted: Any = {stream.value: ">" for stream in self._streams}
        return await self._take(await self._ask(client, wanted, block_ms), again=False)

    async def read_requests(self, block_ms: int) -> list[RequestEvent[R]]:
        """Take the requests that wait or come within `block_ms`, out of turn; notices stay on their stream."""
        waiting = self.merge.take_requests()
        if waiting:
            return waiting
        await self._take(await self._ask(self._blocking, {self._requests.value: ">"}, block_ms), again=False)
        return self.merge.take_requests()

    async def recover(self) -> int:
        """Take again what an earlier process read and did not acknowledge; three failures park an entry (S2)."""
        wanted: Any = {stream.value: "0" for stream in self._streams}
        return await self._take(await self._ask(self._redis, wanted, None), again=True)

    async def acknowledge(self, stream: Streams, entry_ids: list[str]) -> None:
        """The effect of these entries is durable."""
        await self._readers[stream].acknowledge(entry_ids)

    async def acknowledge_marks(self) -> None:
        """Marks need no durable effect: who reads them late reads the next one."""
        marks, self._marks = self._marks, []
        for stream in self._streams:
            await self.acknowledge(stream, [entry_id for of, entry_id in marks if of is stream])

    async def trim(self) -> None:
        """Drop what every group has acknowledged."""
        for reader in self._readers.values():
            await reader.trim_acknowledged()

    @property
    def parked(self) -> int:
        """Entries set aside with their error."""
        return sum(reader.parked for reader in self._readers.values())

    async def _ask(self, client: AsyncRedis, wanted: Any, block_ms: int | None) -> Any:
        try:
            return await client.xreadgroup(self._group, self._group, wanted, count=BATCH, block=block_ms)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await ensure_groups(self._redis)
            return None

    async def _take(self, reply: Any, *, again: bool) -> int:
        count = 0
        for stream, raw in sorted(_by_stream(reply).items(), key=lambda pair: pair[0] is not Streams.NOTICES):
            tries = await self._tries(stream, raw) if again and raw else {}
            for entry_id, fields in raw:
                count += 1
                entry = decode_entry(entry_id, fields)
                if tries.get(entry_id, 0) > MAX_TRIES:
                    await self._readers[stream].park(entry_id, fields, f"failed {MAX_TRIES} times")
                elif entry.error is not None or not self._accept(stream, entry):
                    await self._readers[stream].park(entry_id, fields, entry.error or "not for this stream")
                elif entry.mark is not None:
                    self._marks.append((stream, entry_id))
        return count

    def _accept(self, stream: Streams, entry: Entry) -> bool:
        if entry.mark is not None:
            self._clock.observe_mark(entry.mark)
            if entry.mark.settled:
                self.repeated_us = self._repeated(entry.mark.market_us)
                add = self.merge.add_notice_mark if stream is Streams.NOTICES else self.merge.add_request_mark
                add(entry.mark.market_us)
            return True
        message = entry.message
        if isinstance(message, ExecutionNotice):
            self.merge.add_notice(entry.entry_id, message)
        elif isinstance(message, self._model):
            self.merge.add_request(entry.entry_id, message, to_epoch_us(self._stamp(message)))
        elif isinstance(message, ControlCommand):
            self.commands.append((entry.entry_id, message))
        else:
            return False
        return True

    def _repeated(self, at_us: int) -> int | None:
        """A mark that was answered and comes again: somebody did not hear the answer."""
        completed = self.merge.completed_us
        return at_us if completed is not None and at_us == completed else self.repeated_us

    async def _tries(self, stream: Streams, raw: list[tuple[str, Mapping[Any, Any]]]) -> dict[str, int]:
        rows = await self._redis.xpending_range(stream.value, self._group, raw[0][0], raw[-1][0], count=BATCH)
        return {text(row["message_id"]): int(row["times_delivered"]) for row in rows}


def _by_stream(reply: Any) -> dict[Streams, list[tuple[str, Mapping[Any, Any]]]]:
    """Entries of a group read by stream, in RESP2 or RESP3 shape."""
    if not reply:
        return {}
    pairs = reply.items() if isinstance(reply, dict) else reply
    found: dict[Streams, list[tuple[str, Mapping[Any, Any]]]] = {}
    for name, value in pairs:
        rows = value[0] if value and isinstance(value[0], list) else value
        found[Streams(text(name))] = [(text(entry_id), fields) for entry_id, fields in rows if fields is not None]
    return found
