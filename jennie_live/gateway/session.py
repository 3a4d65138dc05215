"""Registrations of one WebSocket connection: what is asked for, what the broker acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from jennie_infra.kis.tr_ids import BOOK_FEED, TRADE_FEED
from jennie_infra.kis.ws_control import ALREADY_SUBSCRIBED, NOT_SUBSCRIBED, REGISTER, RELEASE, Ack, subscription
from jennie_infra.telemetry import get_logger
from jennie_live.gateway.subscriptions import Wanted

ACK_SECONDS = 3.0

Send = Callable[[str], Awaitable[None]]
Action = Literal["1", "2"]


class Registrations:
    """The codes of one feed on one connection. `spacing_seconds` apart at the real broker (R-GW-11)."""

    def __init__(self, send: Send, approval_key: str, spacing_seconds: float, feed: str = TRADE_FEED) -> None:
        self._send = send
        self._feed = feed
        self._approval_key = approval_key
        self._spacing = spacing_seconds
        self._waiting: dict[tuple[str, str], asyncio.Future[Ack]] = {}
        self._uncertain: set[str] = set()
        self.asked: set[str] = set()
        """Codes of which trades may come: asked for and not released with an answer."""
        self.codes: set[str] = set()
        self.refused: dict[str, str] = {}

    def acknowledge(self, ack: Ack) -> None:
        """Take an acknowledgement; one that nobody waits for changes nothing."""
        waiting = self._waiting.pop((ack.tr_id, ack.tr_key), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(ack)

    async def bring_to(self, wanted: Sequence[str]) -> None:
        """Release what is not wanted, then register what is missing; returns after the acknowledgements.

        A registration whose answer was lost may stand at the broker, so it is released as well when it is not wanted.
        """
        await self._release(sorted((self.codes | self._uncertain) - set(wanted)))
        missing = [code for code in wanted if code not in self.codes]
        self.asked.update(missing)
        self.refused = {}
        for code, ack in zip(missing, await self._ask_all(REGISTER, missing), strict=True):
            if ack is not None:
                self._uncertain.discard(code)
            if ack is not None and (ack.ok or ack.code == ALREADY_SUBSCRIBED):
                self.codes.add(code)
            else:
                if ack is None:
                    self._uncertain.add(code)
                self.refused[code] = "no acknowledgement" if ack is None else f"{ack.code} {ack.text}"
        if self.refused:
            get_logger().warning("registrations refused", codes=self.refused)

    def is_at(self, wanted: Sequence[str]) -> bool:
        """Whether the acknowledged registrations are the wanted ones and none is in doubt."""
        return self.codes == set(wanted) and not self._uncertain

    async def renew(self, codes: Sequence[str]) -> None:
        """Release registered codes and register them again: the broker may have lost them."""
        await self._release([code for code in codes if code in self.codes])
        await self.bring_to(sorted(self.codes | set(codes)))

    async def _release(self, codes: Sequence[str]) -> None:
        for code, ack in zip(codes, await self._ask_all(RELEASE, codes), strict=True):
            if ack is not None and (ack.ok or ack.code == NOT_SUBSCRIBED):
                for kept in (self.codes, self._uncertain, self.asked):
                    kept.discard(code)

    async def register(self, tr_id: str, tr_key: str) -> Ack | None:
        """Register one key of any feed; None without an acknowledgement in time."""
        return (await self._ask_all(REGISTER, [tr_key], tr_id))[0]

    async def _ask_all(self, action: Action, keys: Sequence[str], feed: str | None = None) -> list[Ack | None]:
        tr_id = self._feed if feed is None else feed
        futures: list[asyncio.Future[Ack]] = []
        for number, key in enumerate(keys):
            if number and self._spacing:
                await asyncio.sleep(self._spacing)
            future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
            self._waiting[(tr_id, key)] = future
            futures.append(future)
            await self._send(subscription(self._approval_key, action, tr_id, key))
        if futures:
            await asyncio.wait(futures, timeout=ACK_SECONDS)
        for key, future in zip(keys, futures, strict=True):
            if not future.done():
                self._waiting.pop((tr_id, key), None)
                future.cancel()
        return [future.result() if future.done() and not future.cancelled() else None for future in futures]


class SessionFeeds:
    """Trades and order books of one connection; together with the notice they share its 41 registrations."""

    def __init__(self, send: Send, approval_key: str, spacing_seconds: float) -> None:
        self.trades = Registrations(send, approval_key, spacing_seconds)
        self.books = Registrations(send, approval_key, spacing_seconds, BOOK_FEED)

    def acknowledge(self, ack: Ack) -> None:
        """Hand an acknowledgement to the feed that waits for it."""
        self.trades.acknowledge(ack)
        self.books.acknowledge(ack)

    async def bring_to(self, wanted: Wanted) -> None:
        """Register trades first, then books; returns after the acknowledgements."""
        await self.trades.bring_to(wanted.subscribed)
        await self.books.bring_to(wanted.books)

    def is_at(self, wanted: Wanted) -> bool:
        """Whether both feeds have what is wanted and nothing is in doubt."""
        return self.trades.is_at(wanted.subscribed) and self.books.is_at(wanted.books)
