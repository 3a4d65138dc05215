"""Makes an intent durable before its order may leave: in the ledger, or for a sell without one, in the outbox."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from jennie_core.domain.decisions import Refused
from jennie_core.domain.enums import OrderState
from jennie_core.strategy.intent import Intent
from jennie_infra.db.engine import DatabaseThread
from jennie_infra.db.repositories import intents
from jennie_infra.telemetry import get_logger
from jennie_live.desk.journal import Journal
from jennie_live.desk.outbox import Outbox

PATIENCE_SECONDS = 3.0
"""Real time that an order waits for its intent's commit; then the ledger counts as away."""
AWAY = "ledger-unreachable"
SELLING_WITHOUT = "selling-without-ledger"


class IntentStore:
    """Stores intents of one desk. Without an outbox (buys) nothing is sent that the ledger does not have."""

    def __init__(
        self,
        ledger: DatabaseThread,
        journal: Journal,
        outbox: Outbox | None,
        alert: Callable[[str, str, str, str], Awaitable[None]],
        clear: Callable[[str], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._outbox = outbox
        self._alert = alert
        self._clear = clear
        self._applying: set[asyncio.Task[None]] = set()

    async def keep(self, intent: Intent) -> Refused | None:
        """None once the intent is durable; else why its order must not be sent."""
        attempt = asyncio.ensure_future(self._ledger.run(lambda connection: intents.store(connection, intent)))
        attempt.add_done_callback(_look_at)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(attempt)
        except IntegrityError:
            return Refused(rule="R-MSG-06", text=f"intent {intent.intent_id} exists: this request was acted on before")
        except (SQLAlchemyError, TimeoutError) as error:
            return await self._without_ledger(intent, type(error).__name__)
        await self._clear(AWAY)
        return None

    async def take_over(self) -> None:
        """What an earlier process sent without the ledger goes into it now, each once, before anything is decided."""
        if self._outbox is None:
            return
        for intent in await self._outbox.waiting():
            get_logger().warning("intent from the outbox", intent_id=intent.intent_id)
            await self._apply(intent, self._add(intent))

    def close(self) -> None:
        """End; what is not applied stays in the outbox's file."""
        for task in self._applying:
            task.cancel()
        if self._outbox is not None:
            self._outbox.close()

    async def _without_ledger(self, intent: Intent, problem: str) -> Refused | None:
        if self._outbox is None:
            await self._alert(AWAY, "critical", "no order can be stored, so none is sent", "see the database")
            self._journal.add(f"{intent.intent_id} was never sent", lambda connection: _never_sent(connection, intent))
            return Refused(rule="LEDGER", text=f"intent not stored, nothing sent: {problem}")
        try:
            await self._outbox.keep(intent)
        except (SQLAlchemyError, OSError) as error:
            await self._alert(
                AWAY, "critical", "a sell can be stored nowhere, so it is not sent", "see disk and database"
            )
            return Refused(rule="LEDGER", text=f"neither ledger ({problem}) nor outbox ({type(error).__name__})")
        await self._alert(
            SELLING_WITHOUT,
            "critical",
            "the ledger is away: sells are kept in a local file and sent, once per stock; buys are refused",
            f"see the database; {self._outbox.path.name} is applied by itself",
        )
        task = asyncio.create_task(self._apply(intent, self._add(intent)), name=f"apply-{intent.intent_id}")
        self._applying.add(task)
        task.add_done_callback(self._applying.discard)
        return None

    def _add(self, intent: Intent) -> "asyncio.Future[None]":
        """In the ledger's order: before every change of this intent that follows."""
        return self._journal.add(
            f"{intent.intent_id} from the outbox", lambda connection: intents.store_once(connection, intent)
        )

    async def _apply(self, intent: Intent, stored: "asyncio.Future[None]") -> None:
        await stored
        if self._outbox is not None:
            await self._outbox.forget(intent.intent_id)
        await self._clear(SELLING_WITHOUT)


def _never_sent(connection: Connection, intent: Intent) -> None:
    """The commit may have come through although its answer did not: such a row must not look like an order."""
    intents.store_once(connection, intent)
    intents.transition(
        connection,
        intent.intent_id,
        OrderState.NOT_PLACED,
        now=intent.market_at,
        refusal_rule="LEDGER",
        refusal_text="not sent: the ledger did not answer",
    )


def _look_at(attempt: "asyncio.Future[None]") -> None:
    """An attempt that fails after we stopped waiting was answered for by the outbox."""
    if not attempt.cancelled():
        attempt.exception()
