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

FILE_NAME = "gateway.db"
KEEP_DAYS = 14
CANCEL_PREFIX = "c"
TABLE: Table = GatewayCall.metadata.tables[GatewayCall.__tablename__]
_OUTCOME: TypeAdapter[OrderOutcome] = TypeAdapter(OrderOutcome)


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One order call as the table has it."""

    intent_id: str
    lease: int
    side: OrderSide
    outcome: OrderOutcome
    sent_us: int | None


def open_store(settings: Settings) -> DatabaseThread:
    """The gateway's own SQLite file (no fsync per commit: a killed process loses nothing), or the ledger's server."""
    url = settings.effective_ledger_url
    if url.startswith("sqlite"):
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{settings.state_dir / FILE_NAME}"
    return DatabaseThread(make_engine(url, durable=False), "gateway")


class CallStore:
    """Rows by intent id; a cancel's row is keyed by its attempt, as one order may be cancelled more than once."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database

    async def load(self) -> list[StoredCall]:
        """Orders of the last two weeks, oldest first; older rows are removed."""
        return await self._database.run(_load)

    async def begin(self, key: str, lease: int, side: OrderSide, request: dict[str, Any]) -> None:
        """Commit the row of a call that is about to be sent."""
        row = _row(key, lease, side, request)
        await self._database.run(lambda connection: connection.execute(insert(TABLE).values(row)))

    def begin_unwaited(self, key: str, lease: int, side: OrderSide | None, request: dict[str, Any]) -> None:
        """As `begin` without waiting: a cancel is recorded, but never held up."""
        row = _row(key, lease, side, request)
        self._submit(lambda connection: connection.execute(insert(TABLE).values(row)), key)

    def finish(self, key: str, outcome: OrderOutcome, sent_us: int | None) -> None:
        """Store the outcome, in order behind the row; not waited for."""
        values = {"outcome": outcome.model_dump(mode="json"), "sent_us": sent_us}
        self._submit(
            lambda connection: connection.execute(update(TABLE).where(TABLE.c.intent_id == key).values(values)), key
        )

    def close(self) -> None:
        """Finish what was asked for."""
        self._database.close()

    def _submit(self, work: Any, key: str) -> None:
        def report(future: Any) -> None:
            if not future.cancelled() and future.exception() is not None:
                get_logger().error("order call not stored", key=key, error=str(future.exception())[:200])

        self._database.submit(work).add_done_callback(report)


def _row(key: str, lease: int, side: OrderSide | None, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "intent_id": key,
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
        calls.append(StoredCall(row["intent_id"], row["lease"], OrderSide(side), outcome, row["sent_us"]))
    return calls


def cancel_key(intent_id: str, attempt: int) -> str:
    """Key of the n-th cancel of an order; short enough for the table."""
    return f"{CANCEL_PREFIX}{attempt}:{intent_id}"


def is_cancel_key(key: str) -> bool:
    """Whether a row is a cancel's."""
    head, colon, _ = key.partition(":")
    return bool(colon) and head.startswith(CANCEL_PREFIX) and head[1:].isdigit()
