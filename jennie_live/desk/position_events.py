"""`stream:positions` of a desk: its own changes told, the other desk's taken at settled marks (decision 0001)."""

from datetime import datetime

from jennie_core.domain.market import ClockMark
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.strategy.book import Book, PositionChange
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_live.common.runtime import Runtime


class PositionEvents:
    """Writes and reads position changes of one desk."""

    def __init__(self, runtime: Runtime, book: Book) -> None:
        self._service = runtime.service
        self._book = book
        self._writer = runtime.writer(Streams.POSITIONS)
        self._foreign = CursorReader(runtime.redis, Streams.POSITIONS)

    async def begin(self) -> None:
        """Read on from now: what was before is in the ledger."""
        await self._foreign.start_at_end()

    async def take_foreign(self) -> list[PositionChange]:
        """Bring the other desk's changes into force whose time has come; returns them."""
        for entry in await self._foreign.read():
            if isinstance(entry.message, PositionEvent) and entry.message.writer != self._service:
                self._book.offer(entry.message)
        return self._book.settle()

    async def tell(self, position: Position, reason: str, realized_pnl_krw: int, at: datetime) -> None:
        """Publish the new state of a position after its commit."""
        event = PositionEvent.model_validate(
            {
                "reason": reason,
                "writer": self._service,
                "position": position,
                "realized_pnl_krw": realized_pnl_krw,
                "occurred_at": at,
            }
        )
        await self._writer.publish(event, at)

    async def pass_mark(self, mark: ClockMark) -> None:
        """Everything that this desk changed before the mark stands before it on the stream."""
        await self._writer.publish_mark(mark)
