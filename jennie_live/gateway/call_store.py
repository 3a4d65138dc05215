"""The durable table of order calls (O2): a row before anything is sent, its outcome after the answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.decisions import OrderOutcome, Unknown
from jennie_core.domain.enums import OrderSide
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.inline import InlineWriter, checkpoint
from jennie_infra.db.ledger import GatewayCall
from jennie_infra.settings import Settings
from jennie_infra.telemetry import get_logger
from jennie_live.gateway.call_key import CallKey

FILE_NAME = "gateway.db"
KEEP_DAYS = 14
CALLS_PER_CHECKPOINT = 250
"""About a thousand pages of the write-ahead log."""
BEGIN = f"INSERT INTO {GatewayCall.__tablename__} (intent_id, lease, request, created_at) VALUES (?, ?, ?, ?)"
TABLE: Table = GatewayCall.metadata.tables[GatewayCall.__tablename__]
_OUTCOME: TypeAdapter[OrderOutcome] = TypeAdapter(OrderOutcome)


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One order call as the table has it; `order_number` is the one that a revision or cancel named."""

    key: CallKey
    lease: int
    side: OrderSide
    outcome: OrderOutcome
    sent_us: int | None
    order_number: str = ""


def open_store(settings: Settings) -> DatabaseThread:
    """The gateway's own SQLite file, whatever the ledger is: a sell must reach the broker while the ledger is away.

    No fsync per commit: a killed process loses nothing.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    return DatabaseThread(make_engine(f"sqlite:///{settings.state_dir / FILE_NAME}", durable=False), "gateway")


class CallStore:
    """Rows by the text of their CallKey.

    The row that an order waits for is committed in the event loop (decision 0007): the way to a thread and back takes
    longer than the commit. While anything is under way in the thread, or the writer cannot, the thread does it, so that
    no row passes one that was asked for before it.
    """

    def __init__(self, database: DatabaseThread, calls_per_checkpoint: int = CALLS_PER_CHECKPOINT) -> None:
        self._database = database
        self._calls_per_checkpoint = calls_per_checkpoint
        self._inline: InlineWriter | None = None
        self._under_way = 0
        self._finished = 0

    async def load(self) -> list[StoredCall]:
        """Orders of the last two weeks, oldest first; older rows are removed."""
        calls = await self._database.run(_load)
        self._inline = InlineWriter(self._database.engine)
        return calls

    async def begin(self, key: CallKey, lease: int, side: OrderSide, request: dict[str, Any]) -> None:
        """Commit the row of a call that is about to be sent. Raises SQLAlchemyError."""
        row = _row(key, lease, side, request)
        if self._under_way == 0 and self._inline is not None and self._inline.commit(BEGIN, _values(row)):
            return
        await self._in_thread(lambda connection: connection.execute(insert(TABLE).values(row)))

    def begin_unwaited(self, key: CallKey, lease: int, side: OrderSide | None, request: dict[str, Any]) -> None:
        """As `begin` without waiting: a cancel is recorded, but never held up."""
        row = _row(key, lease, side, request)
        self._submit(lambda connection: connection.execute(insert(TABLE).values(row)), str(key))

    def finish(self, key: CallKey, outcome: OrderOutcome, sent_us: int | None) -> None:
        """Store the outcome, in order behind the row; not waited for."""
        values = {"outcome": outcome.model_dump(mode="json"), "sent_us": sent_us}
        self._submit(
            lambda connection: connection.execute(update(TABLE).where(TABLE.c.intent_id == str(key)).values(values)),
            str(key),
        )
        self._finished += 1
        if self._finished % self._calls_per_checkpoint == 0:
            self._submit(checkpoint, "checkpoint")

    def close(self) -> None:
        """Finish what was asked for."""
        if self._inline is not None:
            self._inline.close()
        self._database.close()

    def _submit(self, work: Callable[[Connection], Any], what: str) -> None:
        def report(future: asyncio.Future[Any]) -> None:
            if not future.cancelled() and future.exception() is not None:
                get_logger().error("order call not stored", key=what, error=str(future.exception())[:200])

        self._in_thread(work).add_done_callback(report)

    def _in_thread(self, work: Callable[[Connection], Any]) -> "asyncio.Future[Any]":
        self._under_way += 1
        future = self._database.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: "asyncio.Future[Any]") -> None:
        self._under_way -= 1


def _values(row: dict[str, Any]) -> tuple[str, int, str, str]:
    """Of BEGIN, as the column types write them."""
    created = row["created_at"].astimezone(UTC).replace(tzinfo=None)
    return row["intent_id"], row["lease"], orjson.dumps(row["request"]).decode(), created.isoformat(" ", "microseconds")


def _row(key: CallKey, lease: int, side: OrderSide | None, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "intent_id": str(key),
        "lease": lease,
        "request": request | {"side": side.value if side else None},
        "outcome": None,
        "sent_us": None,
        "created_at": wall_now(),
    }


def _load(connection: Connection) -> list[StoredCall]:
    GatewayCall.metadata.create_all(connection, tables=[TABLE], checkfirst=True)
    connection.execute(delete(TABLE).where(TABLE.c.created_at < wall_now() - timedelta(days=KEEP_DAYS)))
    calls: list[StoredCall] = []
    for row in connection.execute(select(TABLE).order_by(TABLE.c.created_at)).mappings():
        side = row["request"].get("side")
        if side is None:
            continue
        outcome = (
            Unknown(reason="the gateway ended before the answer was stored")
            if row["outcome"] is None
            else _OUTCOME.validate_python(row["outcome"])
        )
        number = row["request"].get("order_number", "")
        key = CallKey.parse(row["intent_id"])
        calls.append(StoredCall(key, row["lease"], OrderSide(side), outcome, row["sent_us"], number))
    return calls
