"""Mean of the last few sessions' hybrid scores (R-SEL-01..03)."""

from datetime import date

import polars as pl

HISTORY: dict[str, type[pl.DataType]] = {"score_date": pl.Date, "code": pl.String, "hybrid_score": pl.Float64}
"""Active raw hybrid scores of earlier market days, one row per day and code."""


def smoothed_scores(judged: pl.DataFrame, history: pl.DataFrame, *, market_day: date, window: int) -> pl.DataFrame:
    """Add smoothed_score (Float64, one decimal) and smoothed_points (UInt32) to `hybrid_scores` rows.

    The mean of today's hybrid score and those of the last `window - 1` distinct earlier dates that the history holds
    (R-SEL-01: today excluded, R-SEL-02: ordered by date); fewer points give the mean of what exists. A row without a
    hybrid score today stays null. Raises ValueError when the history holds two rows for a day and code.
    """
    earlier = history.filter((pl.col("score_date") < market_day) & pl.col("hybrid_score").is_not_null())
    if earlier.select("score_date", "code").is_duplicated().any():
        raise ValueError("R-SEL-02: the score history holds two active rows for one day and code")
    dates = earlier["score_date"].unique().sort().tail(max(window - 1, 0)).to_list()
    past = (
        earlier.filter(pl.col("score_date").is_in(dates))
        .sort("score_date")
        .group_by("code", maintain_order=True)
        .agg(pl.col("hybrid_score").alias("earlier_scores"))
    )
    scores = pl.concat_list(
        pl.coalesce(pl.col("earlier_scores"), pl.lit([], dtype=pl.List(pl.Float64))), pl.col("hybrid_score")
    )
    today = pl.col("hybrid_score").is_not_null()
    return (
        judged.join(past, on="code", how="left", validate="1:1")
        .with_columns(
            smoothed_score=pl.when(today).then(scores.list.mean().round(1)),
            smoothed_points=pl.when(today).then(scores.list.len()),
        )
        .drop("earlier_scores")
    )
