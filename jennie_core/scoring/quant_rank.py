"""The quant score by rank among the day's universe: relative where `quant-1` is absolute."""

from collections.abc import Sequence

import polars as pl

from jennie_core.scoring.points import GROUP_MAXIMA
from jennie_core.scoring.quant import scored_rows

SCORER_VERSION = "quant-rank-1"


def ranked_rows(readings: pl.DataFrame, *, is_bull: pl.Expr, day: Sequence[str] = ()) -> pl.DataFrame:
    """`quant.scored_rows` with another total: mean rank of the known sub-scores, weighted by their maxima.

    The rank of a sub-score is the share of the rows that have it which lie below, ties in the middle, so the median
    stock has 50 whatever the market does. It compares points over what was known of them. `day` names the columns that
    tell the days apart where the rows are of many; a rank counts within its day only. Sub-scores, coverage and validity
    are those of `quant-1`.
    """
    scored = scored_rows(readings, is_bull=is_bull)
    ranks = {group: _rank(group, day).alias(f"{group}_rank") for group in GROUP_MAXIMA}
    known = scored.with_columns(ranks.values())
    weights = [
        pl.when(pl.col(f"{group}_rank").is_not_null()).then(most).otherwise(0.0) for group, most in GROUP_MAXIMA.items()
    ]
    weight = pl.sum_horizontal(weights)
    total = pl.sum_horizontal(pl.col(f"{group}_rank") * most for group, most in GROUP_MAXIMA.items())
    return known.with_columns(
        total_quant_score=pl.when(weight > 0).then((100.0 * total / weight).round(1)),
        scorer_version=pl.lit(SCORER_VERSION),
    ).drop(f"{group}_rank" for group in ranks)


def _rank(group: str, day: Sequence[str]) -> pl.Expr:
    share = pl.col(f"{group}_score") / pl.col(f"{group}_max")
    rank = (share.rank("average") - 0.5) / share.count()
    return rank.over(day) if day else rank
