"""Points per part of the quant score (R-QNT-10..72) over `assemble_readings` rows; null = unknown part."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Part:
    """One part of a sub-score: its rule, its points (null where the reading is unknown) and its most points."""

    rule: str
    group: str
    points: pl.Expr
    maximum: float


GROUP_MAXIMA: dict[str, float] = {
    "momentum": 20.0,
    "quality": 20.0,
    "value": 20.0,
    "technical": 10.0,
    "news": 10.0,
    "supply_demand": 20.0,
    "sector_momentum": 10.0,
}
"""R-QNT-02: most points of each sub-score; 110 in all."""

_FLOW_SCALE_KRW = 5e9


def linear(x: pl.Expr, low: float, high: float, least: float, most: float) -> pl.Expr:
    """`lin(x,a,b,c,d)` of the rulebook: clamp to [low, high], then map to [least, most]."""
    return least + (x.clip(low, high) - low) / (high - low) * (most - least)


def bands(x: pl.Expr, steps: tuple[tuple[pl.Expr, float], ...], otherwise: float) -> pl.Expr:
    """First matching condition gives its points; null where `x` is unknown."""
    result: pl.Expr = pl.lit(otherwise)
    for condition, points in reversed(steps):
        result = pl.when(condition).then(pl.lit(points)).otherwise(result)
    return pl.when(x.is_not_null()).then(result)


def all_parts(is_bull: pl.Expr) -> tuple[Part, ...]:
    """Every part of the score; `is_bull` (Boolean) says whether a row's day is a bull market."""
    return (*_momentum(is_bull), *_quality(), *_value(), *_technical(), *_others(), *_supply_demand())


def _momentum(is_bull: pl.Expr) -> tuple[Part, ...]:
    rsi, r1, r6 = pl.col("rsi14"), pl.col("return_20_pct"), pl.col("return_120_pct")
    steps = ((rsi < 30, 4.0), (rsi < 40, 3.5), (rsi <= 70, 5.0), ((rsi <= 80) & is_bull, 5.0), (rsi <= 80, 3.0))
    rsi_points = bands(rsi, steps, 1.0)
    half_year = pl.coalesce(linear(r6, -20, 30, 0, 5), linear(pl.col("return_60_pct"), -15, 20, 0, 5))
    pullback = bands(
        r6 + r1, (((r6 > 5) & (r1 < -3), 5.0), ((r6 > 0) & (r1 < 0), 2.5), ((r6 > 10) & (r1 > 3), 3.5)), 0.0
    )
    revision = pl.col("eps_revision_pct")
    return (
        Part("R-QNT-10", "momentum", rsi_points, 5.0),
        Part("R-QNT-11", "momentum", half_year, 5.0),
        Part("R-QNT-12", "momentum", linear(r1, -10, 15, 0, 5), 5.0),
        Part("R-QNT-13", "momentum", pullback, 5.0),
        Part("R-QNT-14", "momentum", bands(revision, ((revision >= 10, 2.0), (revision >= 5, 1.0)), 0.0), 2.0),
    )


def price_earnings() -> pl.Expr:
    """PER by R-QNT-22: the forward one when positive, else the trailing one (which may be negative: a loss)."""
    forward = pl.col("forward_per")
    return pl.when(forward > 0).then(forward).otherwise(pl.coalesce(pl.col("per"), forward))


def _quality() -> tuple[Part, ...]:
    roe = pl.coalesce(pl.col("forward_roe_pct"), pl.col("roe_pct"))
    pbr, per = pl.col("pbr"), price_earnings()
    roe_steps = ((roe >= 15, 10.0), (roe >= 10, 8.0), (roe >= 5, 5.0), (roe >= 0, 2.0))
    pbr_steps = ((pbr <= 0, 0.0), (pbr < 1, 5.0), (pbr < 2, 3.0), (pbr < 4, 1.5))
    per_steps = ((per <= 0, 0.0), (per.is_between(5, 15), 5.0), (per.is_between(3, 25), 3.0), (per <= 50, 1.0))
    return (
        Part("R-QNT-20", "quality", bands(roe, roe_steps, 0.0), 10.0),
        Part("R-QNT-21", "quality", bands(pbr, pbr_steps, 1.0), 5.0),
        Part("R-QNT-22", "quality", bands(per, per_steps, 0.5), 5.0),
    )


def _value() -> tuple[Part, ...]:
    pbr, per, distance = pl.col("pbr"), price_earnings(), pl.col("drawdown_from_high_pct")
    per_steps = (
        *((per <= 0, 0.0), (per < 8, 10.0), (per < 12, 7.0), (per < 15, 5.5)),
        *((per < 20, 4.0), (per < 30, 2.5), (per < 50, 2.0)),
    )
    pbr_steps = ((pbr <= 0, 0.0), (pbr < 0.7, 5.0), (pbr < 1, 4.0), (pbr < 1.5, 2.5), (pbr < 3, 1.5))
    distance_steps = ((distance < -30, 1.5), (distance < -15, 3.5), (distance < -5, 4.0))
    return (
        Part("R-QNT-30", "value", bands(per, per_steps, 1.5), 10.0),
        Part("R-QNT-31", "value", bands(pbr, pbr_steps, 1.0), 5.0),
        Part("R-QNT-32", "value", bands(distance, distance_steps, 5.0), 5.0),
    )


def _technical() -> tuple[Part, ...]:
    close, ma5, ma20, ratio = pl.col("close_krw"), pl.col("ma5"), pl.col("ma20"), pl.col("volume_ratio_5_20")
    trend = bands(ma20, (((close > ma5) & (ma5 > ma20), 5.0), (close > ma20, 3.0), (close > ma5, 1.5)), 0.0)
    volume = bands(ratio, ((ratio > 2, 5.0), (ratio > 1.5, 4.0), (ratio > 1.2, 3.0), (ratio > 1.0, 2.0)), 0.5)
    return (Part("R-QNT-40", "technical", trend, 5.0), Part("R-QNT-41", "technical", volume, 5.0))


def _others() -> tuple[Part, ...]:
    return (
        Part("R-QNT-50", "news", linear(pl.col("news_sentiment"), 20, 80, 0, 10), 10.0),
        Part("R-QNT-60", "sector_momentum", linear(pl.col("sector_return_20_pct"), -5, 15, 0, 10), 10.0),
    )


def _supply_demand() -> tuple[Part, ...]:
    foreign, institution = pl.col("foreign_net_krw"), pl.col("institution_net_krw")
    trend = pl.col("foreign_ratio_trend_pp")
    steps = ((trend > 1.0, 6.0), (trend > 0.3, 4.5), (trend > 0, 3.0), (trend > -0.5, 1.5))
    return (
        Part("R-QNT-70", "supply_demand", (3 + 3 * foreign / _FLOW_SCALE_KRW).clip(0, 6), 6.0),
        Part("R-QNT-71", "supply_demand", (4 + 4 * institution / _FLOW_SCALE_KRW).clip(0, 8), 8.0),
        Part("R-QNT-72", "supply_demand", bands(trend, steps, 0.0), 6.0),
    )
