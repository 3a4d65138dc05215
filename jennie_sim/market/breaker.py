"""Market-wide circuit breakers (서킷브레이커): when an index sets one off, and what becomes of index and codes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jennie_sim.market.halts import HeldBack, cut_off, resumed
from jennie_sim.market.hours import MINUTE_MS, SECOND_MS, SessionHours
from jennie_sim.market.tape import Tape
from jennie_sim.market.tape_maker import TapeMaker

Floats = NDArray[np.float64]

STEP_MS = 10 * SECOND_MS
"""Distance of an index's values."""
STAGE_PCT = {1: 8, 2: 15, 3: 20}
FURTHER_PCT = 1
"""Stages 2 and 3 also need the index so far below the value at which the stage before was set off."""
HOLDS_MS = MINUTE_MS
HALT_MS = 20 * MINUTE_MS
AUCTION_MS = 10 * MINUTE_MS
LAST_BEGIN_MS = 40 * MINUTE_MS
"""Stages 1 and 2 do not begin later than so long before the close (14:50 on a usual day); stage 3 may."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Trading of a whole market stops at `begins_ms`; at `resumes_ms` a call auction begins that ends at `ends_ms`.

    Stage 3 ends the day: it resumes at the close, and nothing is traded any more.
    """

    stage: int
    begins_ms: int
    resumes_ms: int
    ends_ms: int

    @property
    def ends_the_day(self) -> bool:
        """Whether it is stage 3."""
        return self.stage == 3


def broken_index(values: Floats, previous_close: float, hours: SessionHours) -> tuple[Floats, tuple[Breaker, ...]]:
    """An index path (a value every ten seconds from the open) with its breakers, and these in order."""
    found: list[Breaker] = []
    limit, first = np.inf, 0
    for stage, percent in STAGE_PCT.items():
        limit = min(limit, previous_close * (100 - percent) / 100)
        step = _holds_below(values, limit, first)
        if step is None:
            break
        begins_ms = hours.open_ms + step * STEP_MS
        if stage < 3 and begins_ms > hours.close_ms - LAST_BEGIN_MS:
            break
        if stage < 3:
            breaker = Breaker(stage, begins_ms, begins_ms + HALT_MS, begins_ms + HALT_MS + AUCTION_MS)
        else:
            breaker = Breaker(stage, begins_ms, hours.close_ms, hours.close_ms)
        limit, first = values[step] * (100 - FURTHER_PCT) / 100, step + (breaker.ends_ms - begins_ms) // STEP_MS
        values = paused_index(values, breaker, hours)
        found.append(breaker)
    return values, tuple(found)


def paused_index(values: Floats, breaker: Breaker, hours: SessionHours) -> Floats:
    """The path that stands during a breaker and catches up behind it; its extremes stay."""
    step = (breaker.begins_ms - hours.open_ms) // STEP_MS
    stands = min((breaker.ends_ms - breaker.begins_ms) // STEP_MS, len(values) - step - 1)
    rest = values[step + 1 :]
    room = len(rest) - stands
    chosen = np.linspace(0, len(rest) - 1, max(room, 0)).round().astype(int)
    later = rest[chosen]
    if room > 1 and not breaker.ends_the_day:
        for extreme in (int(rest.argmin()), int(rest.argmax())):
            later[int(np.abs(chosen - extreme).argmin())] = rest[extreme]
    return np.concatenate((values[: step + 1], np.full(stands, values[step]), later))


def broken_tape(tape: Tape, breakers: tuple[Breaker, ...], maker: TapeMaker) -> Tape:
    """The trades of a code with its market's breakers: what waits begins with a single price, as behind a halt."""
    for breaker in breakers:
        if breaker.ends_the_day:
            return cut_off(tape, breaker.begins_ms)
        auction_ms = breaker.ends_ms - breaker.resumes_ms
        tape = resumed(HeldBack(breaker.begins_ms, tape), breaker.resumes_ms, auction_ms, maker)
    return tape


def _holds_below(values: Floats, limit: float, first: int) -> int | None:
    """First step from `first` on at which the index has stood at or below `limit` for a minute."""
    steps = HOLDS_MS // STEP_MS + 1
    below = np.convolve(values[first:] <= limit, np.ones(steps, dtype=int), "valid") == steps
    hits = np.flatnonzero(below)
    return first + int(hits[0]) + steps - 1 if len(hits) else None
