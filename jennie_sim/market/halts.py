"""Trading halts that begin and end during the day (장중 매매거래정지)."""

from dataclasses import dataclass, replace

import numpy as np

from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.interruption import Interruption, InterruptionKind, postponed
from jennie_sim.market.path import Trades
from jennie_sim.market.tape import Tape
from jennie_sim.market.tape_maker import TapeMaker

RESUMPTION_AUCTION_MS = 10 * MINUTE_MS
"""A call auction stands between the end of a halt and continuous trading (length unverified)."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The day as it would have gone on, kept while a halt lasts."""

    since_ms: int
    tape: Tape


def cut_off(tape: Tape, now_ms: int) -> Tape:
    """The tape with nothing behind `now_ms`; an interruption that is on ends with it."""
    count = tape.index_at(now_ms) + 1
    begun = tuple(
        replace(row, ends_ms=min(row.ends_ms, now_ms)) for row in tape.interruptions if row.begins_ms < now_ms
    )
    return replace(tape, rows=tape.rows[:count], times=tape.times[:count], interruptions=begun)


def resumed(held: HeldBack, now_ms: int, auction_ms: int, maker: TapeMaker) -> Tape:
    """The tape after a halt: what it held back begins with a single price and catches up until continuous trading ends.

    Without room before the closing auction only the closing cross is left, after the close nothing is.
    """
    past, hours = cut_off(held.tape, held.since_ms), maker.hours
    trades, count, ends_ms = held.tape.trades, len(past.times), now_ms + auction_ms
    interruptions = past.interruptions
    if count < len(trades.at_ms) and trades.at_ms[count] < hours.continuous_end_ms > ends_ms + MINUTE_MS:
        trades = postponed(trades, count, held.since_ms, ends_ms, hours.continuous_end_ms)
        price = int(trades.price[count])
        before = int(trades.price[count - 1]) if count else maker.base_krw
        auction = Interruption(InterruptionKind.RESUMPTION, now_ms, ends_ms, price, before, before)
        trades, later = maker.interrupt(trades, price, count + 1)
        interruptions = (*interruptions, auction, *later)
    else:
        trades = _closing_cross_only(trades, count, max(now_ms, hours.continuous_end_ms))
    made = maker.make(trades, interruptions)
    made.rows[:count] = past.rows  # what has been shown stays as it was shown
    return made


def _closing_cross_only(trades: Trades, count: int, after_ms: int) -> Trades:
    keep = trades.at_ms > after_ms
    keep[:count] = True
    return Trades(*(np.asarray(part)[keep] for part in (trades.at_ms, trades.price, trades.size, trades.side)))
