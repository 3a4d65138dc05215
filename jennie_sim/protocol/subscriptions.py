"""The WebSocket face: takes subscription requests, keeps the sessions, enforces their limits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from jennie_sim.protocol import frames
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.rest import Receive, Scope, Send
from jennie_sim.protocol.session import MARKET_DATA, NOTICES, Session, pack_texts

log = logging.getLogger("jennie_sim.ws")

SERVED = (*MARKET_DATA, *NOTICES)
KNOWN_BUT_SILENT = ("H0STANC0", "H0UNCNT0", "H0NXCNT0", "H0UNASP0", "H0NXASP0", "H0GSCNI0", "H0GSCNI9")
"""Acknowledged like the others; this exchange never has anything to say on them."""
REGISTER, RELEASE = ("1",), ("0", "2")


class Subscriptions:
    """All connected sessions of one exchange."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.sessions: list[Session] = []
        self._count = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One client from connect to disconnect. Any path is accepted; text that is not JSON is taken for an echo."""
        await receive()
        await send({"type": "websocket.accept"})
        session = self._join(scope, send)
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                if text := message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"):
                    await self._handle(session, text)
        finally:
            session.is_open = False
            self.sessions.remove(session)

    def _join(self, scope: Scope, send: Send) -> Session:
        self._count += 1

        async def close() -> None:
            await send({"type": "websocket.close", "code": 1000})

        session = Session(self._count, _writer(scope, send), close)
        self.sessions.append(session)
        return session

    async def _handle(self, session: Session, text: str) -> None:
        if '"PINGPONG"' in text:
            return
        try:
            message = orjson.loads(text)
            header, wanted = message["header"], message["body"]["input"]
            approval, tr_type = str(header["approval_key"]), str(header["tr_type"]).strip()
            tr_id, tr_key = str(wanted["tr_id"]).strip(), str(wanted["tr_key"]).strip()
        except (orjson.JSONDecodeError, KeyError, TypeError):
            await session.write([frames.answer_frame("(null)", "", frames.BAD_JSON, None, False)])
            return
        answer = self._admit(session, approval) or self._register(session, tr_type, tr_id, tr_key)
        if answer is frames.IN_USE:
            await session.write([frames.answer_frame("(null)", "", answer, None, False)])
            await session.close()
            return
        await session.write([frames.answer_frame(tr_id, tr_key, answer, session.cipher, tr_id in NOTICES)])

    def _admit(self, session: Session, approval: str) -> frames.Answer | None:
        """Bind the session to the appkey of its approval key; one session per appkey."""
        app_key = self._broker.keys.approvals.get(approval)
        if app_key is None:
            return frames.BAD_APPROVAL
        if any(other.app_key == app_key for other in self.sessions if other is not session):
            self._broker.violations.record("second_session", self._broker.now_ms, app_key=app_key)
            return frames.IN_USE
        session.app_key = app_key
        return None

    def _register(self, session: Session, tr_type: str, tr_id: str, tr_key: str) -> frames.Answer:
        registration = (tr_id, tr_key)
        if tr_type in RELEASE:
            if registration not in session.registrations:
                return frames.NOT_SUBSCRIBED
            del session.registrations[registration]
            return frames.UNSUBSCRIBED
        if tr_type not in REGISTER:
            return frames.BAD_TR_TYPE
        if tr_id not in SERVED and tr_id not in KNOWN_BUT_SILENT:
            return frames.BAD_TR_ID
        if tr_id in MARKET_DATA and tr_key not in self._broker.market.listing:
            return frames.BAD_TR_KEY
        if tr_id in NOTICES and not self._broker.keys.may_hear(session.app_key, tr_key):
            return frames.BAD_TR_KEY
        if registration in session.registrations:
            return frames.ALREADY_SUBSCRIBED
        if len(session.registrations) >= self._broker.settings.max_registrations:
            self._broker.violations.record("registrations", self._broker.now_ms, app_key=session.app_key, tr_key=tr_key)
            return frames.TOO_MANY
        session.registrations[registration] = None
        return frames.SUBSCRIBED

    async def send(self, session: Session, texts: list[str]) -> bool:
        """Hand messages to a session's socket; one that does not read for too long is cut off."""
        if not session.is_open:
            return False
        try:
            async with asyncio.timeout(self._broker.settings.send_timeout_seconds):
                await session.write(texts)
        except TimeoutError:
            log.warning("session %d does not read, cut off", session.number)
            self._broker.violations.record("slow_reader", self._broker.now_ms, app_key=session.app_key)
            session.is_open = False
            await session.close()
            return False
        except OSError:
            session.is_open = False
            return False
        session.frames_sent += len(texts)
        return True


def _writer(scope: Scope, send: Send) -> Callable[[list[str]], Awaitable[None]]:
    """Write straight to the socket where the server offers it: one system call for a whole slice."""
    socket: Any = scope.get("jennie.socket")

    async def one_by_one(texts: list[str]) -> None:
        for text in texts:
            await send({"type": "websocket.send", "text": text})

    async def at_once(texts: list[str]) -> None:
        if socket.disconnected or socket.transport.is_closing():
            raise ConnectionResetError
        socket.transport.write(pack_texts(texts))
        await socket.writable.wait()

    return one_by_one if socket is None else at_once
