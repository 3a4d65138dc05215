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
    earlier_scores = pl.coalesce(pl.col("earlier_scores"), pl.lit([], dtype=pl.List(pl.Float64)))
    scores = pl.concat_list(earlier_scores, pl.col("hybrid_score"))
    return (
        judged.join(past, on="code", how="left", validate="1:1")
        .with_columns(_smoothed(scores.list.sum(), scores.list.len()))
        .drop("earlier_scores")
    )


def smoothed_history(judged: pl.DataFrame, *, window: int) -> pl.DataFrame:
    """`smoothed_scores` of many days at once: `judged` has one row per market_day and code; the order is kept.

    A day on which no stock has a hybrid score is no score date.
    """
    scored = judged.select("market_day", "hybrid_score", number=pl.col("code").cast(pl.Categorical).to_physical())
    days = scored.filter(pl.col("hybrid_score").is_not_null()).select(pl.col("market_day").unique().sort())
    keys = ["day", "number"]
    joined = scored.join(days.with_row_index("day"), on="market_day", how="left", maintain_order="left")
    numbered = joined.filter(pl.col("day").is_not_null()).select(*keys, "hybrid_score")
    names = [f"earlier_{back}" for back in range(window - 1, 0, -1)]
    for back, name in zip(range(window - 1, 0, -1), names, strict=True):
        past = numbered.with_columns(pl.col("day") + back).rename({"hybrid_score": name})
        joined = joined.join(past, on=keys, how="left", validate="m:1", maintain_order="left")
    columns = [*names, "hybrid_score"]
    count = pl.sum_horizontal(pl.col(columns).is_not_null())
    return judged.with_columns(joined.select(_smoothed(pl.sum_horizontal(columns), count)).get_columns())


def _smoothed(total: pl.Expr, count: pl.Expr) -> list[pl.Expr]:
    """smoothed_score and smoothed_points from sum and number of the last days' scores; null without today's."""
    today = pl.col("hybrid_score").is_not_null()
    return [
        pl.when(today).then((total / count).round(1)).alias("smoothed_score"),
        pl.when(today).then(count.cast(pl.UInt32)).alias("smoothed_points"),
    ]
