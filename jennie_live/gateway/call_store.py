"""The durable table of order calls (O2): a row before anything is sent, its outcome after the answer."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.engine import Connection

from jennie_core.domain.decisions import OrderOutcome, Unknown
from jennie_core.domain.enums import OrderSide
from jennie_infra.clock import wall_now
from jennie_infra.db.engine import DatabaseThread, make_engine
from jennie_infra.db.ledger import GatewayCall
from jennie_infra.settings import Settings
from jennie_infra.telemetry import get_logger
from jennie_live.gateway.call_key import CallKey

FILE_NAME = "gateway.db"
KEEP_DAYS = 14
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
    """Rows by the text of their CallKey."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database

    async def load(self) -> list[StoredCall]:
        """Orders of the last two weeks, oldest first; older rows are removed."""
        return await self._database.run(_load)

    async def begin(self, key: CallKey, lease: int, side: OrderSide, request: dict[str, Any]) -> None:
        """Commit the row of a call that is about to be sent."""
        row = _row(key, lease, side, request)
        await self._database.run(lambda connection: connection.execute(insert(TABLE).values(row)))

    def begin_unwaited(self, key: CallKey, lease: int, side: OrderSide | None, request: dict[str, Any]) -> None:
        """As `begin` without waiting: a cancel is recorded, but never held up."""
        row = _row(key, lease, side, request)
        self._submit(lambda connection: connection.execute(insert(TABLE).values(row)), key)

    def finish(self, key: CallKey, outcome: OrderOutcome, sent_us: int | None) -> None:
        """Store the outcome, in order behind the row; not waited for."""
        values = {"outcome": outcome.model_dump(mode="json"), "sent_us": sent_us}
        self._submit(
            lambda connection: connection.execute(update(TABLE).where(TABLE.c.intent_id == str(key)).values(values)),
            key,
        )

    def close(self) -> None:
        """Finish what was asked for."""
        self._database.close()

    def _submit(self, work: Any, key: CallKey) -> None:
        def report(future: Any) -> None:
            if not future.cancelled() and future.exception() is not None:
                get_logger().error("order call not stored", key=str(key), error=str(future.exception())[:200])

        self._database.submit(work).add_done_callback(report)


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
