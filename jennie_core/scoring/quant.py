"""The quant score: points of the known parts over their maximum, and how much was known (R-QNT, Q1)."""

from collections.abc import Sequence

import polars as pl

from jennie_core.domain.enums import MarketRegime
from jennie_core.scoring.points import GROUP_MAXIMA, Part, all_parts

SCORER_VERSION = "quant-1"
FULL_MAXIMUM = sum(GROUP_MAXIMA.values())
MIN_SESSIONS = 20

SUB_SCORES: tuple[str, ...] = tuple(GROUP_MAXIMA)
"""Names of the sub-scores: `<name>_score` holds points (null = unknown), `<name>_max` the maximum of what was known."""


def quant_scores(readings: pl.DataFrame, *, regime: MarketRegime | None) -> pl.DataFrame:
    """Score every row of `assemble_readings` at once; the same readings and regime give the same scores (R-QNT-80).

    Output, one row per code: the readings, then `<sub>_score` (Float64, points; null when no part is known) and
    `<sub>_max` (Float64, known maximum) for each of SUB_SCORES, total_quant_score (0..100, one decimal; null when
    nothing is known), coverage_ratio (0..1), unknown_parts (list of rule ids), is_valid, invalid_reason and
    scorer_version.

    An unknown regime is not a bull market. Total = 100 x points of the known parts / maximum of the known parts (Q1).
    A sub-score is capped at its maximum (momentum's parts add up to 22). Under 20 closes the row is invalid
    (R-QNT-01) and never tradable.
    """
    return scored_rows(readings, is_bull=pl.lit(regime is not None and regime.is_bull))


def scored_rows(readings: pl.DataFrame, *, is_bull: pl.Expr, day: Sequence[str] = ()) -> pl.DataFrame:
    """`quant_scores` of rows of one or of many days; `is_bull` (Boolean) is the regime of a row's day.

    `day` is what `scorers.ScoreRows` asks for; here a row's score depends on no other row.
    """
    parts = all_parts(is_bull)
    work = readings.with_columns(part.points.cast(pl.Float64).alias(part.rule) for part in parts)
    for group, cap in GROUP_MAXIMA.items():
        members = [part for part in parts if part.group == group]
        known = [pl.col(part.rule).is_not_null() for part in members]
        points = pl.sum_horizontal(part.rule for part in members).clip(0.0, cap)
        work = work.with_columns(
            pl.when(pl.any_horizontal(known)).then(points).alias(f"{group}_score"),
            pl.sum_horizontal(_worth(part) for part in members).clip(0.0, cap).alias(f"{group}_max"),
        )
    known_maximum = pl.sum_horizontal(f"{group}_max" for group in GROUP_MAXIMA)
    points = pl.sum_horizontal(f"{group}_score" for group in GROUP_MAXIMA)
    return work.with_columns(
        total_quant_score=pl.when(known_maximum > 0).then((100.0 * points / known_maximum).clip(0.0, 100.0).round(1)),
        coverage_ratio=(known_maximum / FULL_MAXIMUM).round(4),
        unknown_parts=_unknown_parts(parts),
        is_valid=pl.col("sessions") >= MIN_SESSIONS,
        invalid_reason=pl.when(pl.col("sessions") < MIN_SESSIONS).then(
            pl.format("R-QNT-01: {} daily prices, {} needed", "sessions", pl.lit(MIN_SESSIONS))
        ),
        scorer_version=pl.lit(SCORER_VERSION),
    ).drop(part.rule for part in parts)


def _worth(part: Part) -> pl.Expr:
    """Most points of the part where it is known, 0 where it is not: an unknown part takes no share of the maximum."""
    return pl.when(pl.col(part.rule).is_not_null()).then(part.maximum).otherwise(0.0)


def _unknown_parts(parts: tuple[Part, ...]) -> pl.Expr:
    """List of the rules whose part is unknown; by way of one text, which is eight times as fast as lists joined."""
    missing = [pl.when(pl.col(part.rule).is_null()).then(pl.lit(part.rule)) for part in parts]
    text = pl.concat_str(missing, separator=" ", ignore_nulls=True)
    return pl.when(text != "").then(text).str.split(" ").fill_null([])
