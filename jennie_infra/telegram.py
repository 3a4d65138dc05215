"""The Telegram Bot API: long poll, messages, and errors by kind. The token never leaves this module."""

import html
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from jennie_infra.settings import Settings

MESSAGE_LIMIT = 4_096
CONNECT_SECONDS = 5.0
SEND_SECONDS = 10.0
_TRUNCATED = "\n…"


class TelegramError(Exception):
    """A call failed."""


class TelegramUnavailableError(TelegramError):
    """No answer: network, time-out or a 5xx."""


class TelegramBusyError(TelegramError):
    """429: wait `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"Telegram asks to wait {retry_after:g} s")
        self.retry_after = retry_after


class TelegramConflictError(TelegramError):
    """409: another process polls with the same token."""


class TelegramRefusedError(TelegramError):
    """Telegram answered no: a wrong token (401), an unknown chat or a malformed message (400)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"Telegram refused ({status}): {text}")
        self.status = status
        self.text = text


class _Api(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Chat(_Api):
    """Where a message came from."""

    id: int


class ChatMessage(_Api):
    """A message; `date` is Unix seconds of sending."""

    message_id: int
    chat: Chat
    date: int
    text: str = ""


class CallbackQuery(_Api):
    """A press on an inline button."""

    id: str
    data: str = ""
    message: ChatMessage | None = None


class Update(_Api):
    """One update; `edited_message` is left out on purpose: an edit never acts."""

    update_id: int
    message: ChatMessage | None = None
    callback_query: CallbackQuery | None = None


class Button(BaseModel):
    """An inline button."""

    text: str
    data: str = Field(max_length=64)


class TelegramClient:
    """Async client of one bot."""

    def __init__(self, api_url: str, token: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._base = f"{api_url.rstrip('/')}/bot{token}/"
        self._client = httpx.AsyncClient(
            transport=transport, timeout=httpx.Timeout(SEND_SECONDS, connect=CONNECT_SECONDS)
        )

    async def close(self) -> None:
        """Release the connections."""
        await self._client.aclose()

    async def updates(self, offset: int | None, *, wait_seconds: int) -> list[Update]:
        """Updates from `offset` on; waits up to `wait_seconds`. An unreadable one keeps its id and nothing else."""
        body: dict[str, Any] = {"timeout": wait_seconds, "allowed_updates": ["message", "callback_query"]}
        if offset is not None:
            body["offset"] = offset
        rows = await self._call("getUpdates", body, timeout=wait_seconds + SEND_SECONDS)
        return [_update(row) for row in rows]

    async def send(self, chat_id: int, text: str, *, buttons: list[Button] | None = None) -> None:
        """Send HTML; when Telegram cannot parse it, the same text goes out plain (R-BRF-05)."""
        body: dict[str, Any] = {
            "chat_id": chat_id,
            "text": cut(text),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if buttons:
            body["reply_markup"] = {"inline_keyboard": [[{"text": b.text, "callback_data": b.data} for b in buttons]]}
        try:
            await self._call("sendMessage", body)
        except TelegramRefusedError as error:
            if "parse" not in error.text.lower():
                raise
            body["text"] = cut(plain(text))
            del body["parse_mode"]
            await self._call("sendMessage", body)

    async def answer_callback(self, callback_id: str, text: str = "") -> None:
        """Stop the spinner of a pressed button."""
        await self._call("answerCallbackQuery", {"callback_query_id": callback_id, "text": text[:200]})

    async def _call(self, method: str, body: dict[str, Any], *, timeout: float = SEND_SECONDS) -> Any:
        try:
            response = await self._client.post(
                self._base + method, json=body, timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS)
            )
        except httpx.HTTPError as error:
            # The request's address holds the token, so neither the error's text nor its chain may travel on.
            raise TelegramUnavailableError(f"{method}: {type(error).__name__}") from None
        return _result(method, response)


def send_to_all(settings: Settings, text: str, *, transport: httpx.BaseTransport | None = None) -> int:
    """Send HTML to every allowed chat from the data plane (R-BRF-06); returns how many took it.

    0 without a token or chats. Raises the first TelegramError when no chat took it.
    """
    token = settings.secret("telegram_bot_token", required=False)
    if not token or not settings.telegram_chat_ids:
        return 0
    base = f"{settings.telegram_api_url.rstrip('/')}/bot{token}/"
    sent, first_error = 0, None
    with httpx.Client(transport=transport, timeout=SEND_SECONDS) as client:
        for chat_id in settings.telegram_chat_ids:
            try:
                _send_blocking(client, base, chat_id, text)
                sent += 1
            except TelegramError as error:
                first_error = first_error or error
    if sent == 0 and first_error is not None:
        raise first_error
    return sent


def _send_blocking(client: httpx.Client, base: str, chat_id: int, text: str) -> None:
    for body in (
        {"chat_id": chat_id, "text": cut(text), "parse_mode": "HTML"},
        {"chat_id": chat_id, "text": cut(plain(text))},
    ):
        try:
            response = client.post(base + "sendMessage", json=body)
        except httpx.HTTPError as error:
            raise TelegramUnavailableError(f"sendMessage: {type(error).__name__}") from None
        try:
            _result("sendMessage", response)
            return
        except TelegramRefusedError as error:
            if "parse" not in error.text.lower() or "parse_mode" not in body:
                raise


def escape(value: object) -> str:
    """Text for Telegram's HTML."""
    return html.escape(str(value), quote=False)


def plain(text: str) -> str:
    """HTML without its tags."""
    out: list[str] = []
    inside = False
    for character in text:
        if character == "<":
            inside = True
        elif character == ">" and inside:
            inside = False
        elif not inside:
            out.append(character)
    return html.unescape("".join(out))


def cut(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """The text within Telegram's limit, cut at a line end so that no tag is torn."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(_TRUNCATED)]
    return kept[: kept.rfind("\n")] + _TRUNCATED if "\n" in kept else kept + _TRUNCATED


def _update(row: Any) -> Update:
    try:
        return Update.model_validate(row)
    except ValueError:
        return Update(update_id=int(row["update_id"]))


def _result(method: str, response: httpx.Response) -> Any:
    if response.status_code >= 500:
        raise TelegramUnavailableError(f"{method}: status {response.status_code}")
    try:
        body = response.json()
    except ValueError:
        raise TelegramUnavailableError(f"{method}: the answer is not JSON (status {response.status_code})") from None
    if body.get("ok"):
        return body["result"]
    code = int(body.get("error_code", response.status_code))
    said = str(body.get("description", ""))[:300]
    if code == 429:
        raise TelegramBusyError(float(body.get("parameters", {}).get("retry_after", 5)))
    if code == 409:
        raise TelegramConflictError(said)
    raise TelegramRefusedError(code, said)
