"""The command-handler's loop: poll, deliver; healthy without a token, and it says so."""

import asyncio

from redis.exceptions import RedisError

from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.telegram import TelegramClient
from jennie_infra.telemetry import get_logger, register_secret
from jennie_live.commands.context import Desk
from jennie_live.commands.dispatch import Dispatcher
from jennie_live.commands.notices import Notices
from jennie_live.commands.offsets import Offsets
from jennie_live.commands.poller import Poller

REDIS_PAUSE = 1.0


class CommandWorker:
    """Worker protocol of the command-handler."""

    def __init__(self, desk: Desk, dispatcher: Dispatcher) -> None:
        self._desk = desk
        token = desk.settings.secret("telegram_bot_token", required=False)
        register_secret(token)
        self._client = TelegramClient(desk.settings.telegram_api_url, token) if token else None
        self._notices = Notices(desk, self._client)
        self._poller: Poller | None = None
        if self._client is not None:
            offsets = Offsets(desk.settings, desk.runtime.redis, token)
            self._poller = Poller(desk, self._client, dispatcher, offsets)

    async def start(self) -> None:
        """Nothing to prepare: offsets and pending notices are read by the loops."""

    async def run(self) -> None:
        """Both loops until cancelled; the end of one ends the other, and the supervisor starts them again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(), name="notices")
            if self._poller is not None:
                group.create_task(self._poller.run(), name="poll")

    async def stop(self) -> None:
        """Release the clients."""
        if self._client is not None:
            await self._client.close()
        self._desk.close()

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """Healthy without a token: chat is an extra, not a need."""
        chats = len(self._desk.settings.telegram_chat_ids)
        if self._poller is None:
            return "healthy", {"telegram": "no token", "chats": chats}
        polling = self._poller.state in ("polling", "starting")
        detail: dict[str, str | int | float | bool | None] = {"telegram": self._poller.state, "chats": chats}
        if chats == 0:
            detail["note"] = "the list of allowed chats is empty: nobody may command"
        return ("healthy" if polling else "degraded"), detail

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """The ledger, for questions and records; its absence does not stop a stop."""
        try:
            await self._desk.ledger.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
            return {"ledger": DependencyStatus(ok=True)}
        except StoreUnreadableError as error:
            return {"ledger": DependencyStatus(ok=False, detail=f"{error.detail}; {error.next_step}")}

    async def _deliver(self) -> None:
        while True:
            try:
                await self._notices.run()
            except (RedisError, OSError) as error:
                get_logger().warning("notices cannot be read", error=type(error).__name__)
                await asyncio.sleep(REDIS_PAUSE)
