"""The ticks of the tick-to-order bench: 40 codes, an even 2,000 ticks a second, ten of which close a rising bar.

A *window* is two real seconds and one market minute. Every code trades at `low`; each fourth window, shifted by its
group, it ends at `high`, 2 % up. The first tick of the next window closes that bar, which is a momentum setup: this is
the *trigger*. A trigger code keeps silent in its window until its moment, so that the ten triggers are spread over it.
The volume of what it did not trade is in the trigger, so bars have the same volume and no other setup matches. Until
the last trigger all ticks carry the minute's first second, or the timer would close the bars before their triggers.
"""

from dataclasses import dataclass

CODES = 40
GROUPS = 4
TRIGGERS = CODES // GROUPS
TICKS_PER_CODE = 118
"""30 codes trade throughout and ten in the last part of the window: 2,000 ticks a second in all."""
SIZE = 10
FIRST_TRIGGER = 0.30
LAST_TRIGGER = 0.92
LATE_FROM = 0.95
LATE_SECOND = 56
"""Ticks behind the last trigger belong to the end of the minute: a minute without a trade would be a stalled feed."""
RISE_RATIO = 1.02


@dataclass(frozen=True, slots=True)
class Trade:
    """One tick of a window at `offset` (0..1 of the window)."""

    offset: float
    number: int
    """Index of the code."""
    is_high: bool
    size: int
    is_trigger: bool


def window(index: int) -> list[Trade]:
    """The ticks of one window in order."""
    trades: list[Trade] = []
    for number in range(CODES):
        group, place = divmod(number, TRIGGERS)
        turn = (index - group) % GROUPS
        released = FIRST_TRIGGER + (LAST_TRIGGER - FIRST_TRIGGER) * place / (TRIGGERS - 1) if turn == 0 else 0.0
        offsets = [(step + number / CODES) / TICKS_PER_CODE for step in range(TICKS_PER_CODE)]
        if turn == 0:
            later = [offset for offset in offsets if offset > released]
            trades.append(Trade(released, number, True, SIZE * (TICKS_PER_CODE - len(later)), True))
            trades += [Trade(offset, number, False, SIZE, False) for offset in later]
        else:
            ends_high = turn == GROUPS - 1
            trades += [
                Trade(offset, number, ends_high and step > 0, SIZE, False) for step, offset in enumerate(offsets)
            ]
    return sorted(trades, key=lambda trade: (trade.offset, trade.number))
