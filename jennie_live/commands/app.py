"""The HTTP face of command-handler: health, and POST /commands with the same grammar as the chat."""

import hmac
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from pydantic import Field

from jennie_core.domain.base import Message
from jennie_infra.settings import Settings, generated_secret
from jennie_infra.telegram import plain
from jennie_live.commands.context import Caller, build_desk
from jennie_live.commands.dispatch import LOCAL_CHAT, Dispatcher
from jennie_live.commands.worker import CommandWorker
from jennie_live.common.runtime import SERVICE_TOKEN, build_runtime
from jennie_live.common.web import create_app

SERVICE = "command-handler"


class CommandRequest(Message):
    """A command as it would be typed into the chat."""

    text: str = Field(min_length=1, max_length=500)
    said_by: str = Field(default="local", pattern=r"^[a-z0-9 _-]{1,40}$")


class CommandReply(Message):
    """The answer as Telegram HTML and as plain text; `code` confirms with `/confirm <code>`."""

    text: str
    plain: str
    code: str | None = None


def build(settings: Settings) -> FastAPI:
    """The app of this process; nothing is opened until it starts."""
    runtime = build_runtime(SERVICE, settings, needs_ledger=False, needs_gateway=True)
    desk = build_desk(runtime)
    dispatcher = Dispatcher(desk)
    bearer = f"Bearer {generated_secret(settings, SERVICE_TOKEN)}"
    app = create_app(runtime, CommandWorker(desk, dispatcher), title="jennie command-handler")
    app.state.desk = desk

    @app.post("/commands")
    async def command(body: CommandRequest, authorization: Annotated[str | None, Header()] = None) -> CommandReply:
        """Answer one command for a caller with the service token."""
        if not hmac.compare_digest((authorization or "").encode(), bearer.encode()):
            raise HTTPException(401, {"rule": "AUTH-BEARER", "detail": "the service token is missing or wrong"})
        reply = await dispatcher.answer(Caller(LOCAL_CHAT, body.said_by), body.text)
        return CommandReply(text=reply.text, plain=plain(reply.text), code=reply.code)

    return app
