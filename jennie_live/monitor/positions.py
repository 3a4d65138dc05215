"""Positions as the monitor holds them: the ledger at start, then `stream:positions` one settled mark late."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.strategy.held import WatermarkChange
from jennie_infra.bus.readers import CursorReader
from jennie_infra.bus.streams import Streams
from jennie_infra.clock import wall_now
from jennie_infra.db.repositories import positions
from jennie_live.common.runtime import Runtime


class PositionFeed:
    """Reads positions; events wait until every reader can have seen them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reader = CursorReader(runtime.redis, Streams.POSITIONS)
        self._waiting: list[PositionEvent] = []

    async def load(self) -> list[Position]:
        """All held positions from the ledger; events published before this point are part of it.

        Raises SQLAlchemyError while the ledger is away; then nothing has changed here.
        """
        reader = CursorReader(self._runtime.redis, Streams.POSITIONS)
        await reader.start_at_end()
        held = [] if self._runtime.ledger is None else await self._runtime.ledger.run(read_positions)
        self._reader, self._waiting = reader, []
        return held

    async def due(self) -> list[PositionEvent]:
        """Events that come into force at this settled mark, in their order."""
        for entry in await self._reader.read():
            if isinstance(entry.message, PositionEvent):
                self._waiting.append(entry.message)
        clock = self._runtime.clock
        ready = [event for event in self._waiting if clock.may_use(event.occurred_at)]
        self._waiting = [event for event in self._waiting if not clock.may_use(event.occurred_at)]
        return ready


def read_positions(connection: Connection) -> list[Position]:
    """Positions with managed shares."""
    return [position for position in positions.load(connection).values() if position.quantity > 0]


def store_watermarks(connection: Connection, changes: Sequence[WatermarkChange]) -> None:
    """Keep watermarks, so that a restart never resets a trailing stop (R-RDS-05). A watermark only rises."""
    for change in changes:
        positions.raise_watermark(
            connection,
            change.code,
            change.high_watermark_krw,
            floor_armed=change.profit_floor_armed,
            now=wall_now(),
        )
