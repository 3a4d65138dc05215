"""From one code's day to its tape: draw the path, interrupt it, add the running totals."""

from dataclasses import dataclass
from zlib import crc32

from jennie_sim.market.bar_path import MinuteBars, draw_bar_trades
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.hours import SessionHours
from jennie_sim.market.interruption import Interruption, VolatilityRule, interrupted
from jennie_sim.market.path import DayBar, Trades, code_rng, draw_trades
from jennie_sim.market.pull import Pull
from jennie_sim.market.tape import Band, Tape, make_tape


@dataclass(frozen=True, slots=True)
class TapeMaker:
    """What a code's tape is made of. `rule` None: no volatility interruptions; `minutes` None: no minute bars."""

    bar: DayBar
    base_krw: int
    grid: PriceGrid
    band: Band
    hours: SessionHours
    seed: int
    rule: VolatilityRule | None
    minutes: MinuteBars | None = None
    pull: Pull | None = None

    def path(self) -> Trades:
        """The day's trades before anything interrupts them."""
        if self.minutes is not None and self.bar.traded:
            return draw_bar_trades(self.bar, self.minutes, self.grid, self.band.levels, self.hours, self.seed)
        return draw_trades(self.bar, self.band.levels, self.hours, self.seed, self.pull)

    def interrupt(
        self, trades: Trades, reference_krw: int, position: int = 0
    ) -> tuple[Trades, tuple[Interruption, ...]]:
        """The path from `position` on with its volatility interruptions."""
        if self.rule is None:
            return trades, ()
        rng = code_rng(self.seed, self.bar.code, f"interruption:{position}")
        return interrupted(trades, reference_krw, self.rule, self.grid, self.hours, rng, position)

    def make(self, trades: Trades, interruptions: tuple[Interruption, ...] = ()) -> Tape:
        """The tape of a finished path; quote sizes belong to the seed and the code."""
        return make_tape(
            self.bar, trades, self.band, crc32(f"{self.seed}:{self.bar.code}:sizes".encode()), interruptions
        )
