"""Risk tag of a stock from prices, flows and sub-scores, never from a model (R-ANL-10..14)."""

import polars as pl

from jennie_core.domain.enums import RiskTag

_NEAR_HIGH_PCT = -3.0
_DISTRIBUTION_RSI = 70.0
_CAUTION_RSI = 80.0
_SELLING_KRW = -3e9


def with_risk_tag(scored: pl.DataFrame) -> pl.DataFrame:
    """Add risk_tag (String) and veto_applied (Boolean) to `quant_scores` rows; first match wins.

    RSI is the 14-session simple one. Without a 52-week high the highest close stands in (R-ANL-10). A condition on an
    unknown reading does not hold, so a stock whose flows are unknown is never DISTRIBUTION_RISK.
    """
    high = pl.coalesce(pl.col("high_52w_krw"), pl.col("max_close_krw"))
    drawdown = (pl.col("close_krw") / high - 1.0) * 100.0
    rsi = pl.col("rsi14_simple")
    foreign, institution = pl.col("foreign_net_krw"), pl.col("institution_net_krw")
    distribution = (
        (pl.col("sessions") >= 20)
        & (drawdown > _NEAR_HIGH_PCT)
        & (rsi > _DISTRIBUTION_RSI)
        & (foreign < _SELLING_KRW)
        & (institution < _SELLING_KRW)
    )
    caution = (rsi > _CAUTION_RSI) | (foreign < _SELLING_KRW)
    bullish = (pl.col("momentum_score") >= 12) & (pl.col("supply_demand_score") >= 12) & (pl.col("quality_score") >= 10)
    tag = (
        pl.when(distribution).then(pl.lit(RiskTag.DISTRIBUTION_RISK.value))
        .when(caution).then(pl.lit(RiskTag.CAUTION.value))
        .when(bullish).then(pl.lit(RiskTag.BULLISH.value))
        .otherwise(pl.lit(RiskTag.NEUTRAL.value))
    )  # fmt: skip
    return scored.with_columns(risk_tag=tag).with_columns(
        veto_applied=pl.col("risk_tag") == RiskTag.DISTRIBUTION_RISK.value
    )
