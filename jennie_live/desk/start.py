"""How a desk begins a process or a day: market time, today's intents with their fills, positions."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Connection

from jennie_core.domain.enums import OrderSide
from jennie_core.domain.market import ClockMark
from jennie_core.domain.positions import Position
from jennie_core.strategy.fills import Inquiry
from jennie_core.strategy.intent import Intent
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.streams import Streams
from jennie_infra.bus.ticks import MARK_FIELD
from jennie_infra.db.repositories import booking, intents, positions
from jennie_live.desk.desk import Desk

SCAN_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class DayState:
    """The ledger's view of a side at the start of a day or of a process."""

    intents: list[Intent]
    fill_ids: dict[str, set[str]]
    inquiry_shares: dict[str, int]
    """Shares that were booked by inquiry; their notices may come yet."""
    positions: dict[str, Position]


def load(connection: Connection, day: date, side: OrderSide, *, now: datetime) -> DayState:
    """Today's intents and older ones whose fate is open; positions, derived from history where the table lacks them."""
    positions.rebuild_missing(connection, now=now)
    today = intents.of_day(connection, day, side)
    older = [intent for intent in intents.unresolved(connection, side) if intent.market_day != day]
    found = [*older, *today]
    return DayState(
        intents=found,
        fill_ids={intent.intent_id: booking.fill_ids(connection, intent.intent_id) for intent in found},
        inquiry_shares=booking.inquiry_shares(connection, [intent.intent_id for intent in found]),
        positions=positions.load(connection),
    )


async def begin_day(desk: Desk) -> None:
    """Take the ledger's state of the desk's market day; orders that may still fill are read from the broker again."""
    now = desk.now
    await desk.intents.take_over()
    await desk.journal.flush()
    state = await desk.journal.do(
        "state of the day", lambda connection: load(connection, now.date(), desk.side, now=now)
    )
    desk.orders.begin_day(state.intents)
    for order in desk.orders:
        order.settled = order.intent.state.is_terminal
        order.must_read = order.is_working
        order.seen = state.fill_ids[order.intent.intent_id]
        if untold := state.inquiry_shares.get(order.intent.intent_id):
            order.inquiry = Inquiry(desk.now_us, untold)
    desk.book.load(state.positions)


async def newest_marks(redis: AsyncRedis) -> list[ClockMark]:
    """The last two settled marks among the newest entries of the tick stream, oldest first; fewer when it has fewer.

    Two, because what another worker wrote is in force once the mark after it has passed (decision 0001).
    """
    found: Any = await redis.xrevrange(Streams.TICKS.value, count=SCAN_ENTRIES)
    marks = {int(fields[MARK_FIELD]) for _, fields in found if MARK_FIELD in fields and fields.get(b"settled") == b"1"}
    return [ClockMark(market_us, settled=True) for market_us in sorted(marks)[-2:]]
