"""How good the scores were afterwards, by month: rank IC and decile spread of the daily scored universe (R-DATA-14).

A score is judged from the open of its market day, the first price it could have been acted on, to the close
`horizon` sessions on. It is the definition of `scoring.quality.score_quality`, for all days at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import polars as pl

from jennie_core.replay.backtest_terms import DayPlan
from jennie_core.scoring.quality import MIN_SAMPLES

COLUMNS = {
    "market_day": pl.Date,
    "code": pl.String,
    "hybrid_score": pl.Float64,
    "coverage_ratio": pl.Float64,
    "is_tradable": pl.Boolean,
}
_KEPT = [pl.col(name).cast(dtype) for name, dtype in COLUMNS.items() if name != "market_day"]
DECILES = 10


@dataclass(frozen=True, slots=True)
class MonthQuality:
    """Means over the days of one month that could be judged."""

    month: str
    days: int
    rank_ic: float
    decile_spread_pct: float


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """Quality over a range; None without any day that could be judged."""

    horizon: int
    days: int
    unjudged_days: int
    mean_ic: float | None
    ic_t_value: float | None
    """Mean over standard error of the monthly means: daily ICs overlap and would make it too large."""
    positive_ratio: float | None
    mean_spread_pct: float | None
    months: tuple[MonthQuality, ...]


class ScoreCollector:
    """Keeps of each plan what judging needs."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def watch(self, plans: Iterable[DayPlan]) -> Iterable[DayPlan]:
        """Pass plans on unchanged."""
        for plan in plans:
            self._parts.append(plan.scores.select(pl.lit(plan.market_day).alias("market_day"), *_KEPT))
            yield plan

    @property
    def scores(self) -> pl.DataFrame:
        """`COLUMNS` of every scored stock and day."""
        return pl.concat(self._parts) if self._parts else pl.DataFrame(schema=COLUMNS)


def returns_from_open(prices: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """code, market_day, forward_return_pct: open of the day to the close of the `horizon`-th session from it on.

    Looks ahead by construction. Null where the code was halted at either end or the later session is unknown.
    """
    later = pl.col("close_krw").shift(-(horizon - 1)).over("code")
    stuck = pl.col("is_halted").shift(-(horizon - 1)).over("code")
    known = ~pl.col("is_halted") & ~stuck & (pl.col("open_krw") > 0)
    return prices.select(
        "code",
        pl.col("trade_date").alias("market_day"),
        pl.when(known).then((later / pl.col("open_krw") - 1.0) * 100.0).alias("forward_return_pct"),
    )


def judge_scores(scores: pl.DataFrame, prices: pl.DataFrame, horizon: int) -> ScoreRecord:
    """Quality of `ScoreCollector.scores` on `frames.DAILY_PRICES` sorted by code and date."""
    days = scores["market_day"].n_unique()
    daily = daily_quality(scores, returns_from_open(prices, horizon))
    if daily.height == 0:
        return ScoreRecord(horizon, 0, days, None, None, None, None, ())
    ic = daily["rank_ic"]
    months = daily.group_by(pl.col("market_day").dt.strftime("%Y-%m").alias("month")).agg(
        pl.len().alias("days"), pl.col("rank_ic").mean(), pl.col("spread").mean()
    )
    return ScoreRecord(
        horizon=horizon,
        days=daily.height,
        unjudged_days=days - daily.height,
        mean_ic=float(ic.mean()),  # type: ignore[arg-type]
        ic_t_value=_t_value(months["rank_ic"].to_list()),
        positive_ratio=float((ic > 0).mean()),  # type: ignore[arg-type]
        mean_spread_pct=float(daily["spread"].mean()),  # type: ignore[arg-type]
        months=tuple(MonthQuality(*row) for row in months.sort("month").iter_rows()),
    )


def coverage_by_year(scores: pl.DataFrame) -> dict[int, tuple[float, float]]:
    """Per year the mean coverage of the scores and the share of tradable ones, both 0..1."""
    known = scores.group_by(pl.col("market_day").dt.year().alias("year")).agg(
        pl.col("coverage_ratio").mean(), pl.col("is_tradable").mean().alias("tradable")
    )
    return {year: (coverage, tradable) for year, coverage, tradable in known.sort("year").iter_rows()}


def _t_value(values: list[float]) -> float | None:
    if len(values) < 3:
        return None
    error = stdev(values) / sqrt(len(values))
    return fmean(values) / error if error > 0 else None


def daily_quality(scores: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """market_day, rank_ic, spread (top less bottom decile, percent) of days with enough samples, in order."""
    known = scores.join(returns, on=["code", "market_day"], how="inner").drop_nulls(
        ["hybrid_score", "forward_return_pct"]
    )
    size = pl.max_horizontal(pl.lit(1), pl.len() // DECILES)
    ordered = known.sort("market_day", "hybrid_score", "code", descending=[False, True, False])
    forward = pl.col("forward_return_pct")
    return (
        ordered.group_by("market_day", maintain_order=True)
        .agg(
            pl.len().alias("samples"),
            pl.corr("hybrid_score", "forward_return_pct", method="spearman").alias("rank_ic"),
            (forward.head(size).mean() - forward.tail(size).mean()).alias("spread"),
        )
        .filter((pl.col("samples") >= MIN_SAMPLES) & pl.col("rank_ic").is_not_nan())
        .select("market_day", "rank_ic", "spread")
    )
