"""The WebSocket to the broker: connect, register, read, and connect again with back-off and jitter (drill 17)."""

import asyncio
import time
from collections.abc import Callable, Sequence

import aiohttp

from jennie_infra.clock import real_now_us
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.codec_ws import Ack, FrameDecoder, PingPong, WireLayout
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import KisError
from jennie_infra.kis.ws_control import ALREADY_SUBSCRIBED, KEY_IN_USE
from jennie_infra.telemetry import get_logger
from jennie_live.common.tasks import end
from jennie_live.gateway.backoff import Backoff
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.session import SessionFeeds
from jennie_live.gateway.subscriptions import Claims

PAUSE_SECONDS = (1.0, 60.0)
REPEAT_SECONDS = (5.0, 60.0)
"""First and longest pause before a new connection, and before registrations without a good answer are asked again."""
REHEARSAL_PAUSE_SECONDS = (0.1, 1.0)
REHEARSAL_REPEAT_SECONDS = (0.5, 5.0)
"""Market time stands still meanwhile; nothing is gained by waiting."""
SILENT_SECONDS = 60.0
"""The broker sends a heartbeat every 10-20 s; silent for a minute means dead. A rehearsal may stand still longer."""
SPACING_SECONDS = 0.05
MAX_FRAME_BYTES = 1 << 22


class FeedUnavailableError(Exception):
    """The claims are noted, but there is no connection to register them on."""


class Feed:
    """One session at a time; `claims` says what is wanted, the session's registrations what is had."""

    def __init__(
        self,
        url: str,
        client: KisClient,
        who: Credentials,
        layout: WireLayout,
        notice_feed: str,
        claims: Claims,
        intake: Intake,
        *,
        rehearsal: bool,
        on_drift: Callable[[int], None],
    ) -> None:
        self._url = url
        self._client = client
        self._who = who
        self._layout = layout
        self._notice_feed = notice_feed
        self._claims = claims
        self._intake = intake
        self._rehearsal = rehearsal
        self._on_drift = on_drift
        self._registrations: SessionFeeds | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._syncing = asyncio.Lock()
        self._synced = asyncio.Event()
        self._closing = ""
        self._connected_at: float | None = None
        self.notices_on = False
        self.connects = 0
        self.last_problem = ""
        intake.ready = self.wait_until_registered
        intake.expected = self.expects
        intake.expected_book = self.expects_book

    @property
    def connected(self) -> bool:
        """Whether a session is open and its registrations have been answered."""
        return self._registrations is not None and self._synced.is_set()

    @property
    def subscribed(self) -> frozenset[str]:
        """Codes the broker has acknowledged."""
        return frozenset(self._registrations.trades.codes) if self._registrations is not None else frozenset()

    @property
    def pushed_books(self) -> frozenset[str]:
        """Codes whose order book the broker pushes."""
        return frozenset(self._registrations.books.codes) if self._registrations is not None else frozenset()

    def expects(self, code: str) -> bool:
        """Whether trades of a code may come; others are a damaged code or came behind a release."""
        return self._registrations is not None and code in self._registrations.trades.asked

    def expects_book(self, code: str) -> bool:
        """Whether order books of a code may come."""
        return self._registrations is not None and code in self._registrations.books.asked

    def polled(self) -> tuple[str, ...]:
        """Wanted codes without a registration, best claim first."""
        wanted, had = self._claims.wanted(), self.subscribed
        return tuple(code for code in (*wanted.subscribed, *wanted.polled) if code not in had)

    async def run(self) -> None:
        """Keep a session open until cancelled."""
        backoff = Backoff(*(REHEARSAL_PAUSE_SECONDS if self._rehearsal else PAUSE_SECONDS))
        async with aiohttp.ClientSession() as http:
            while True:
                self._connected_at = None
                try:
                    await self._session(http)
                    self.last_problem = self._closing or "closed by the broker"
                except (aiohttp.ClientError, KisError, TimeoutError, OSError) as error:
                    self.last_problem = f"{type(error).__name__}: {error}"[:200]
                finally:
                    self._end_session()
                get_logger().warning("feed disconnected", problem=self.last_problem)
                since = self._connected_at
                await asyncio.sleep(backoff.after(0.0 if since is None else time.monotonic() - since))

    async def sync(self, wait_seconds: float = 4.0) -> None:
        """Bring the registrations to the claims; returns after the broker's answers. Raises FeedUnavailableError."""
        try:
            async with asyncio.timeout(wait_seconds):
                await self._synced.wait()
                async with self._syncing:
                    if self._registrations is None:
                        raise FeedUnavailableError(self.last_problem or "the feed is not connected")
                    await self._registrations.bring_to(self._claims.wanted())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FeedUnavailableError(self.last_problem or f"no answer ({type(error).__name__})") from error

    async def renew(self, codes: Sequence[str]) -> None:
        """Register codes anew that are silent although the connection lives."""
        async with self._syncing:
            if self._registrations is not None:
                get_logger().warning("silent codes are registered anew", codes=list(codes))
                await self._registrations.trades.renew(codes)

    async def wait_until_registered(self) -> None:
        """Return when this session's registrations have been answered and none is under way."""
        await self._synced.wait()
        async with self._syncing:
            return

    async def reconnect(self, why: str) -> None:
        """Close the session; `run` opens the next one."""
        if self._socket is not None and not self._socket.closed:
            self._closing = why
            await self._socket.close()

    async def _session(self, http: aiohttp.ClientSession) -> None:
        key = await self._client.approval_key()
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with http.ws_connect(
            self._url, timeout=timeout, max_msg_size=MAX_FRAME_BYTES, compress=0, autoping=True
        ) as socket:
            self._socket = socket
            self._closing = ""
            self._connected_at = time.monotonic()
            self.connects += 1
            self._intake.begin_session(self._who.account)
            registrations = SessionFeeds(socket.send_str, key, 0.0 if self._rehearsal else SPACING_SECONDS)
            self._registrations = registrations
            registering = asyncio.create_task(self._keep_registered(registrations), name="register")
            try:
                await self._read(socket, registrations)
            finally:
                await end([registering])

    async def _keep_registered(self, registrations: SessionFeeds) -> None:
        """Register all, then ask again for what got no answer or a refusal; meanwhile those codes are polled."""
        await self._register(registrations)
        self._synced.set()
        get_logger().info("feed connected", codes=len(registrations.trades.codes), notices=self.notices_on)
        pauses = REHEARSAL_REPEAT_SECONDS if self._rehearsal else REPEAT_SECONDS
        backoff = Backoff(*pauses)
        while True:
            await asyncio.sleep(backoff.after(0.0))
            if self.notices_on and registrations.is_at(self._claims.wanted()):
                backoff = Backoff(*pauses)
            else:
                await self._register(registrations)

    async def _register(self, registrations: SessionFeeds) -> None:
        async with self._syncing:
            if not self.notices_on:
                ack = await registrations.trades.register(self._notice_feed, self._who.hts_id)
                self.notices_on = ack is not None and (ack.ok or ack.code == ALREADY_SUBSCRIBED)
                if not self.notices_on:
                    get_logger().warning("no execution notices", answer=ack.code if ack else "none")
            await registrations.bring_to(self._claims.wanted())

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, registrations: SessionFeeds) -> None:
        decoder = FrameDecoder(self._layout)
        silent = None if self._rehearsal else SILENT_SECONDS
        while True:
            message = await socket.receive(silent)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            received_us = real_now_us()
            frame = decoder.decode(message.data, received_us)
            if isinstance(frame, Ack):
                if frame.code == KEY_IN_USE:
                    self._closing = "the appkey is in use by another session"
                    return
                registrations.acknowledge(frame)
                continue
            if isinstance(frame, PingPong):
                await socket.pong(frame.raw.encode())
                if not self._rehearsal:
                    self._on_drift(received_us - frame.at_us)
            self._intake.take(frame, received_us)

    def _end_session(self) -> None:
        self._registrations = None
        self._socket = None
        self._synced.clear()
        self.notices_on = False
