"""From decoded frames to stream items: screening, clock marks, polled prices, and the order among them."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import NamedTuple

from jennie_core.domain.market import ClockMark, Tick
from jennie_core.strategy.slice_marks import SliceMarks
from jennie_infra.clock import MarketClock, real_now_us
from jennie_infra.kis.codec_notices import NoticeDecoder, NoticeError
from jennie_infra.kis.codec_ws import NOTICE_IDS, BadFrame, Books, PingPong, RawNotices, Trades
from jennie_live.gateway.books import BookShelf
from jennie_live.gateway.polling import Poller
from jennie_live.gateway.publish import Publisher
from jennie_live.gateway.quality import PUBLISHED, TickScreen

KEPT_BAD_FRAMES = 50
BAD_FRAME_CHARACTERS = 2_000
HEAD_CHARACTERS = 14
NOTICE_FIELDS_SHOWN = slice(2, 17)
"""Login id, account number and the customer's name stand around them; they never leave the gateway (drill 39)."""
MARKET_LATE_US = 0
WALL_LATE_US = 10_000_000
"""A trade that old is no price any more; younger ones are published: a wall second settles before its last trade."""

BAD = "bad_"

DataFrame = Trades | Books | RawNotices | PingPong | BadFrame


class KeptFrame(NamedTuple):
    """A frame that could not be read, as far as it may be shown."""

    reason: str
    received_us: int
    text: str


class Intake:
    """Turns what the feed receives into ordered items. In a rehearsal (`slices` given) heartbeats settle time."""

    def __init__(
        self,
        publisher: Publisher,
        clock: MarketClock,
        on_settled: Callable[[int], None],
        poller: Poller,
        polled_codes: Callable[[int], Awaitable[Sequence[str]]],
        market_day: Callable[[], date],
        *,
        slices: SliceMarks | None,
        shelf: BookShelf | None = None,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._on_settled = on_settled
        self._poller = poller
        self._polled_codes = polled_codes
        self._market_day = market_day
        self._slices = slices
        self.shelf = shelf
        self._backlog: deque[tuple[DataFrame, int]] = deque()
        self._settling: asyncio.Task[None] | None = None
        self._notices: NoticeDecoder | None = None
        self.expected: Callable[[str], bool] = lambda code: True
        """Whether trades of a code may come; the feed says so."""
        self.expected_book: Callable[[str], bool] = lambda code: True
        self.ready: Callable[[], Awaitable[None]] | None = None
        self.screen = TickScreen(WALL_LATE_US if slices is None else MARKET_LATE_US)
        self.frames: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()
        self.bad_frames: deque[KeptFrame] = deque(maxlen=KEPT_BAD_FRAMES)
        self.last_tick_us: int | None = None
        self.last_tick_received_us: int | None = None

    def begin_session(self, account: str) -> None:
        """A new connection: notice positions are counted afresh."""
        self._notices = NoticeDecoder(account)

    def take(self, frame: DataFrame, received_us: int) -> None:
        """Handle a frame now, or behind the settling that is under way."""
        if self._settling is not None:
            self._backlog.append((frame, received_us))
            return
        self._handle(frame, received_us)

    def dropped(self) -> dict[str, int]:
        """Records and frames that became no tick and no order book, by reason."""
        records = {reason: count for reason, count in self.screen.counts.items() if reason != PUBLISHED}
        books = {} if self.shelf is None else self.shelf.dropped()
        return records | books | {kind: count for kind, count in self.frames.items() if kind.startswith(BAD)}

    def take_polled(self, tick: Tick) -> None:
        """Publish a polled price."""
        self.screen.observe_polled(tick)
        self._publisher.add(tick)

    def emit_mark(self, mark: ClockMark) -> None:
        """Publish a mark; market time and the broker's limits follow it."""
        self._clock.observe_mark(mark)
        if mark.settled:
            self._on_settled(mark.market_us)
        self._publisher.add(mark)

    def _handle(self, frame: DataFrame, received_us: int) -> None:
        if isinstance(frame, Trades):
            self._take_trades(frame)
        elif isinstance(frame, Books):
            self.frames["books"] += 1
            if self.shelf is not None:
                self.shelf.put(frame, self.expected_book)
        elif isinstance(frame, RawNotices):
            self._take_notices(frame, received_us)
        elif isinstance(frame, PingPong):
            self.frames["pingpong"] += 1
            if self._slices is not None:
                self._settling = asyncio.create_task(self._settle(frame.at_us), name="settle")
        else:
            self.frames[BAD + frame.reason] += 1
            self._keep(frame.reason, frame.raw)

    def _keep(self, reason: str, text: str) -> None:
        """Keep the newest bad frames. An unencrypted notice would show whose it is: only its head stays."""
        tr_id = text[2:10]
        shown = text[:HEAD_CHARACTERS] if tr_id in NOTICE_IDS and text[:1] != "1" else text[:BAD_FRAME_CHARACTERS]
        self.bad_frames.append(KeptFrame(reason, real_now_us(), shown))

    def _take_trades(self, frame: Trades) -> None:
        self.frames["trades"] += 1
        for reason, count in frame.impossible.items():
            self.screen.reject(reason, count)
        settled_us = self._clock.settled_us
        for record in frame.records:
            if not self.expected(record.tick.code):
                self.screen.reject("unsubscribed")
                continue
            tick = self.screen.accept(record, settled_us)
            if tick is None:
                continue
            if self._slices is not None:
                self._pass_time(tick.exchange_us)
            self.last_tick_us, self.last_tick_received_us = tick.exchange_us, tick.received_us
            self._publisher.add(tick)

    def _take_notices(self, frame: RawNotices, received_us: int) -> None:
        self.frames["notices"] += 1
        for fields in frame.records:
            try:
                if self._notices is None:
                    raise NoticeError("no_session")
                notice = self._notices.decode(fields, self._market_day(), received_us)
            except NoticeError as error:
                self.notices[str(error)] += 1
                self._keep(str(error), "notice with " + "^".join(fields[NOTICE_FIELDS_SHOWN]))
                continue
            if self._slices is not None:
                self._pass_time(int(notice.exchange_at.timestamp()) * 1_000_000)
            self.notices["published"] += 1
            self._publisher.add(notice)

    def _pass_time(self, exchange_us: int) -> None:
        if self._slices is not None:
            for mark in self._slices.before_record(exchange_us):
                self.emit_mark(mark)

    async def _poll_slice(self, market_us: int) -> None:
        self._clock.observe_us(market_us)
        self._on_settled(market_us)
        for tick in await self._poller.poll(await self._polled_codes(market_us), market_us, market_us - 1):
            self._pass_time(tick.exchange_us)
            self.take_polled(tick)

    async def _settle(self, market_us: int) -> None:
        """Registrations in place, then polled prices of the slice, then its settled mark, then what came meanwhile."""
        try:
            if self.ready is not None:
                await self.ready()
            if self._slices is None:
                return
            if self._slices.is_news(market_us):
                await self._poll_slice(market_us)
            mark = self._slices.settle(market_us)
            if mark is not None:
                self.emit_mark(mark)
        finally:
            self._settling = None
            while self._backlog and self._settling is None:
                self._handle(*self._backlog.popleft())
