"""The long poll: who may speak, how old a message is, and one answer to each update."""

import asyncio
import random

from jennie_infra.clock import wall_now
from jennie_infra.telegram import (
    Button,
    CallbackQuery,
    ChatMessage,
    TelegramBusyError,
    TelegramClient,
    TelegramConflictError,
    TelegramError,
    TelegramRefusedError,
    Update,
)
from jennie_infra.telemetry import get_logger
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.dispatch import Dispatcher
from jennie_live.commands.offsets import Offsets

WAIT_SECONDS = 25
OLDEST_SECONDS = 60
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
CONFLICT_PAUSE = 15.0
REFUSED_PAUSE = 60.0
OK_PREFIX, CANCEL_DATA = "ok:", "cancel"


class Poller:
    """Takes updates of one bot until cancelled."""

    def __init__(self, desk: Desk, client: TelegramClient, dispatcher: Dispatcher, offsets: Offsets) -> None:
        self._desk = desk
        self._client = client
        self._dispatcher = dispatcher
        self._offsets = offsets
        self._chats = frozenset(desk.settings.telegram_chat_ids)
        metrics = desk.runtime.metrics
        self._denied = metrics.counter("telegram_denied_total", "messages of chats that are not allowed")
        self._old = metrics.counter("telegram_old_total", "commands older than a minute, answered only")
        self._errors = metrics.counter("telegram_errors_total", "failed calls", ("kind",))
        self.state = "starting"

    async def run(self) -> None:
        """Poll with growing pauses on failures; each kind of failure is said once and cleared once."""
        await self._offsets.load()
        pause = FIRST_PAUSE
        while True:
            try:
                updates = await self._client.updates(self._offsets.next, wait_seconds=WAIT_SECONDS)
                self.state = "polling"
                pause = FIRST_PAUSE
                await self._desk.runtime.clear_alert("telegram:poll", "텔레그램 수신이 다시 됩니다")
                for update in updates:
                    await self._take(update)
            except TelegramError as error:
                self.state = type(error).__name__
                self._errors.labels(type(error).__name__).inc()
                wait = await self._explain(error, pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                await asyncio.sleep(wait)

    async def _explain(self, error: TelegramError, pause: float) -> float:
        get_logger().warning("telegram poll failed", error=str(error))
        if isinstance(error, TelegramBusyError):
            return error.retry_after
        if isinstance(error, TelegramConflictError):
            await self._alert(
                "같은 봇 토큰으로 다른 프로그램이 수신 중입니다", "다른 프로그램을 끄거나 새 토큰을 쓰세요"
            )
            return CONFLICT_PAUSE
        if isinstance(error, TelegramRefusedError):
            await self._alert("텔레그램이 봇 토큰을 거부했습니다", "JENNIE_TELEGRAM_BOT_TOKEN을 확인하세요")
            return REFUSED_PAUSE
        return pause * random.uniform(0.8, 1.2)

    async def _alert(self, text: str, next_step: str) -> None:
        await self._desk.runtime.alert("telegram:poll", "warning", text, next_step)

    async def _take(self, update: Update) -> None:
        if not await self._offsets.take(update.update_id):
            return
        try:
            if update.message is not None:
                await self._on_message(update.message)
            elif update.callback_query is not None:
                await self._on_button(update.callback_query)
        except TelegramError as error:
            self._errors.labels(type(error).__name__).inc()
            get_logger().warning("answer not delivered", error=str(error))

    async def _on_message(self, message: ChatMessage) -> None:
        chat = message.chat.id
        if not self._is_allowed(chat) or not message.text:
            return
        age = wall_now().timestamp() - message.date
        if age > OLDEST_SECONDS:
            self._old.inc()
            await self._client.send(
                chat, f"{age:.0f}초 전에 보낸 명령이라 실행하지 않았습니다(R-TG-05). 필요하면 다시 보내세요."
            )
            return
        await self._reply(chat, await self._dispatcher.answer(_caller(chat), message.text))

    async def _on_button(self, query: CallbackQuery) -> None:
        chat = query.message.chat.id if query.message is not None else None
        if chat is None or not self._is_allowed(chat):
            return
        if query.data.startswith(OK_PREFIX):
            spoken = f"/confirm {query.data.removeprefix(OK_PREFIX)}"
        elif query.data == CANCEL_DATA:
            spoken = "/cancel"
        else:
            return
        await self._client.answer_callback(query.id)
        await self._reply(chat, await self._dispatcher.answer(_caller(chat), spoken))

    async def _reply(self, chat: int, reply: Reply) -> None:
        buttons = None
        if reply.code is not None:
            buttons = [Button(text="✅ 확인", data=f"{OK_PREFIX}{reply.code}"), Button(text="취소", data=CANCEL_DATA)]
        await self._client.send(chat, reply.text, buttons=buttons)

    def _is_allowed(self, chat: int) -> bool:
        if chat in self._chats:
            return True
        self._denied.inc()
        return False


def _caller(chat: int) -> Caller:
    return Caller(chat=chat, said_by="telegram")
