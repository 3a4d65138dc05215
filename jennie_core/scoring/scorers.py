"""The scorers that exist, by version: one feeds the watchlist, the others may run beside it on the same readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring import quant, quant_rank


class ScoreRows(Protocol):
    """Scores rows of `assemble_readings` of one universe, or of many days told apart by the columns `day`."""

    def __call__(self, readings: pl.DataFrame, *, is_bull: pl.Expr, day: Sequence[str] = ()) -> pl.DataFrame:
        """Rows with the columns of `quant.quant_scores`."""
        ...


@dataclass(frozen=True)
class Scorer:
    """One way to score. Its version changes whenever its results for the same readings do."""

    version: str
    rows: ScoreRows

    def scores(self, members: pl.DataFrame, *, regime: MarketRegime | None) -> pl.DataFrame:
        """Scores of one day's universe; an unknown regime is not a bull market."""
        return self.rows(members, is_bull=pl.lit(regime is not None and regime.is_bull))


SCORERS: Mapping[str, Scorer] = {
    quant.SCORER_VERSION: Scorer(quant.SCORER_VERSION, quant.scored_rows),
    quant_rank.SCORER_VERSION: Scorer(quant_rank.SCORER_VERSION, quant_rank.ranked_rows),
}
"""Every scorer; `ScoutSettings.scorer` names the one that feeds the watchlist."""
