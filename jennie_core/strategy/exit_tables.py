"""Regime tables of the exits (R-EXIT-14..17); an unknown regime gets the tightest value of each table (S3)."""

from dataclasses import dataclass
from typing import NamedTuple

from jennie_core.domain.enums import MarketRegime


class ScaleOutLevel(NamedTuple):
    """Sell `sell_pct` of the held shares when the profit reaches `profit_pct`."""

    profit_pct: float
    sell_pct: float


@dataclass(frozen=True, slots=True)
class ExitRow:
    """What one regime changes in the exit rules."""

    trailing_drop_pct: float
    tighten_after_days: int
    scale_out: tuple[ScaleOutLevel, ...]
    death_cross_exit: bool


_BULL_LEVELS = (ScaleOutLevel(7, 25), ScaleOutLevel(15, 25), ScaleOutLevel(25, 15))
_SIDEWAYS_LEVELS = (ScaleOutLevel(3, 25), ScaleOutLevel(7, 25), ScaleOutLevel(12, 25), ScaleOutLevel(18, 15))
_BEAR_LEVELS = (ScaleOutLevel(2, 25), ScaleOutLevel(5, 25), ScaleOutLevel(8, 25), ScaleOutLevel(12, 15))

EXIT_ROWS: dict[MarketRegime | None, ExitRow] = {
    MarketRegime.STRONG_BULL: ExitRow(3.0, 15, _BULL_LEVELS, False),
    MarketRegime.BULL: ExitRow(3.0, 15, _BULL_LEVELS, False),
    MarketRegime.SIDEWAYS: ExitRow(3.5, 10, _SIDEWAYS_LEVELS, True),
    MarketRegime.BEAR: ExitRow(3.5, 10, _BEAR_LEVELS, True),
    MarketRegime.STRONG_BEAR: ExitRow(4.0, 10, _BEAR_LEVELS, True),
    None: ExitRow(3.0, 10, _BEAR_LEVELS, True),
}
