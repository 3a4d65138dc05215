"""How good a score was afterwards: rank IC, decile spread, coverage (R-DATA-14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

MIN_SAMPLES = 10


@dataclass(frozen=True)
class ScoreQuality:
    """Figures of one day's scores against later returns; None = too few samples."""

    samples: int
    rank_ic: float | None
    decile_spread_pct: float | None
    top_decile_return_pct: float | None
    bottom_decile_return_pct: float | None


def forward_returns(prices: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Return from each session's close to the close `sessions` later: code, trade_date, forward_return_pct.

    For judging afterwards only: it looks ahead by construction. Null where the later session is unknown.
    """
    later = pl.col("close_krw").shift(-sessions).over("code")
    return prices.sort("code", "trade_date").select(
        "code", "trade_date", ((later / pl.col("close_krw") - 1.0) * 100.0).alias("forward_return_pct")
    )


def score_quality(scored: pl.DataFrame, *, score: str = "hybrid_score", deciles: int = 10) -> ScoreQuality:
    """Judge one day's rows with the column `score` and forward_return_pct; rows with a null in either are left out."""
    known = scored.filter(pl.col(score).is_not_null() & pl.col("forward_return_pct").is_not_null())
    if known.height < MIN_SAMPLES:
        return ScoreQuality(known.height, None, None, None, None)
    ranks = known.select(pl.corr(score, "forward_return_pct", method="spearman")).item()
    rank_ic = None if ranks is None or ranks != ranks else float(ranks)
    size = max(1, known.height // deciles)
    ordered = known.sort(score, "code", descending=[True, False])["forward_return_pct"]
    top, bottom = ordered.head(size).mean(), ordered.tail(size).mean()
    if not isinstance(top, float) or not isinstance(bottom, float):
        return ScoreQuality(known.height, rank_ic, None, None, None)
    return ScoreQuality(known.height, rank_ic, top - bottom, top, bottom)


def coverage_summary(scored: pl.DataFrame, bounds: Sequence[float] = (0.25, 0.40, 0.55, 0.70, 0.85)) -> dict[str, int]:
    """Number of rows per band of coverage_ratio, lowest band first."""
    edges = [0.0, *bounds, 1.01]
    ratio = scored["coverage_ratio"]
    return {
        f"{low:.2f}-{min(high, 1.0):.2f}": int(((ratio >= low) & (ratio < high)).sum()) for low, high in pairwise(edges)
    }
