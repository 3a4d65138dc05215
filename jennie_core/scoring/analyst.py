"""From an analyst's opinion to hybrid score, tier and tradability (R-ANL-01, R-ANL-06..15).

The opinion comes from a language model or from the rules (`rules_analyst`); this module only judges it.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from jennie_core.domain.enums import RiskTag, TradeTier
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.phase import is_declining, with_phase
from jennie_core.scoring.risk_tags import with_risk_tag

MIN_QUANT_SCORE = 25.0
TIER1_SCORE = 60.0
FALLBACK_ALARM_RATIO = 0.20

Grade = Literal["S", "A", "B", "C", "D"]

OPINIONS: dict[str, type[pl.DataType]] = {
    "code": pl.String,
    "score": pl.Float64,
    "grade": pl.String,
    "reason": pl.String,
    "analyst": pl.String,
}
"""One row per analysed code; `analyst` is `rules` or a model's name. A code without a row gets the fallback."""


class AnalystReply(BaseModel):
    """A model's answer for one stock, validated in code (R-ANL-04, R-ANL-09); the model never sets the risk tag."""

    model_config = ConfigDict(extra="ignore", strict=False)

    score: int = Field(ge=0, le=100)
    grade: Grade
    reason: str = Field(max_length=500)

    @field_validator("reason")
    @classmethod
    def _says_something(cls, value: str) -> str:
        text = value.strip()
        if len(text) < 20:
            raise ValueError("R-ANL-04: reason has fewer than 20 characters")
        return text


def grade_of(score: pl.Expr) -> pl.Expr:
    """R-ANL-08: 80 S, 65 A, 50 B, 35 C, else D."""
    return (
        pl.when(score >= 80).then(pl.lit("S"))
        .when(score >= 65).then(pl.lit("A"))
        .when(score >= 50).then(pl.lit("B"))
        .when(score >= 35).then(pl.lit("C"))
        .when(score.is_not_null()).then(pl.lit("D"))
    )  # fmt: skip


def candidates(scored: pl.DataFrame) -> pl.DataFrame:
    """Rows that an analyst shall see: valid, quant total at least 25 (R-ANL-01) and not declining (R-PHASE-02)."""
    phased = scored if "chart_phase" in scored.columns else with_phase(scored)
    return phased.filter(_is_candidate())


def _is_candidate() -> pl.Expr:
    enough = (pl.col("total_quant_score") >= MIN_QUANT_SCORE).fill_null(value=False)
    return pl.col("is_valid") & enough & ~is_declining()


def hybrid_scores(
    scored: pl.DataFrame, opinions: pl.DataFrame, *, settings: ScoutSettings, keys: Sequence[str] = ("code",)
) -> pl.DataFrame:
    """Judge every scored row; input `quant_scores` rows and OPINIONS, output one row per scored row.

    `keys` name a row: rows of many days carry their day as well, in both frames.

    Adds chart_phase, risk_tag, veto_applied, llm_score (raw), hybrid_score (clamped to quant +-`llm_clamp`, one
    decimal), llm_grade, llm_reason, analyst, is_fallback, trade_tier, is_tradable, blocked_by (rule and reason; null
    when tradable).
    A row that no analyst sees has null scores and is not tradable; coverage under the settings' minimum is shown, never
    tradable (Q1); DISTRIBUTION_RISK is vetoed whatever the score (R-ANL-14).
    """
    phased = with_risk_tag(with_phase(scored))
    quant = pl.col("total_quant_score")
    known = opinions.select(
        *keys, pl.col("score").alias("llm_score"), pl.col("grade").alias("llm_grade"),
        pl.col("reason").alias("llm_reason"), "analyst",
    )  # fmt: skip
    joined = phased.join(known, on=list(keys), how="left", validate="1:1", maintain_order="left")
    analysed = _is_candidate()
    fallback = analysed & pl.col("llm_score").is_null()
    raw = pl.when(fallback).then(quant.floor()).when(analysed).then(pl.col("llm_score").clip(0.0, 100.0))
    clamped = raw.clip(
        (quant - settings.llm_clamp).clip(lower_bound=0.0), (quant + settings.llm_clamp).clip(upper_bound=100.0)
    )
    judged = joined.with_columns(
        is_fallback=fallback,
        llm_score=raw,
        hybrid_score=clamped.round(1),
        llm_grade=pl.when(fallback).then(grade_of(quant.floor())).when(analysed).then(pl.col("llm_grade")),
        llm_reason=pl.when(fallback)
        .then(pl.lit("분석 의견을 받지 못해 퀀트 점수를 그대로 사용했습니다 (대체 평가)"))
        .when(analysed)
        .then(pl.col("llm_reason")),
        analyst=pl.when(fallback).then(pl.lit("fallback")).when(analysed).then(pl.col("analyst")),
    )
    return judged.with_columns(blocked_by=_blocked_by(settings), trade_tier=_tier(settings)).with_columns(
        is_tradable=pl.col("blocked_by").is_null()
    )


def _tier(settings: ScoutSettings) -> pl.Expr:
    """R-ANL-14, R-ANL-15; a row without a hybrid score is BLOCKED."""
    hybrid = pl.col("hybrid_score")
    return (
        pl.when(hybrid.is_null() | pl.col("veto_applied") | (hybrid < settings.hard_floor))
        .then(pl.lit(TradeTier.BLOCKED.value))
        .when(hybrid >= TIER1_SCORE)
        .then(pl.lit(TradeTier.TIER1.value))
        .otherwise(pl.lit(TradeTier.TIER2.value))
    )


def _blocked_by(settings: ScoutSettings) -> pl.Expr:
    least = settings.min_coverage_ratio
    return (
        pl.when(~pl.col("is_valid")).then(pl.lit("R-QNT-01: too few daily prices"))
        .when(pl.col("total_quant_score").is_null()).then(pl.lit("Q1: nothing known"))
        .when(pl.col("total_quant_score") < MIN_QUANT_SCORE).then(pl.lit("R-ANL-01: quant score under 25"))
        .when(is_declining()).then(pl.lit("R-PHASE-02: stage 4"))
        .when(pl.col("veto_applied")).then(pl.lit("R-ANL-14: DISTRIBUTION_RISK"))
        .when(pl.col("hybrid_score") < settings.hard_floor).then(pl.lit("R-ANL-15: hybrid score under the floor"))
        .when(pl.col("coverage_ratio") < least).then(pl.lit(f"Q1: coverage under {least:g}"))
    )  # fmt: skip


def fallback_ratio(judged: pl.DataFrame) -> float | None:
    """Share of analysed rows that fell back (R-ANL-07; over 20 % is to be flagged); None when none was analysed."""
    analysed = judged.filter(pl.col("analyst").is_not_null())
    return None if analysed.height == 0 else analysed.filter(pl.col("is_fallback")).height / analysed.height


def is_distribution_risk() -> pl.Expr:
    """Rows tagged DISTRIBUTION_RISK."""
    return pl.col("risk_tag") == RiskTag.DISTRIBUTION_RISK.value
