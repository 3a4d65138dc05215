"""The analyst that needs no model: quant score moved by news and flow evidence, marked `rules` (R-ANL-05)."""

import polars as pl

from jennie_core.scoring.analyst import candidates, grade_of
from jennie_core.scoring.points import linear

ANALYST = "rules"
_NEWS_REACH = 10.0
_FLOW_REACH = 5.0
_FULL_CONFIDENCE_HEADLINES = 5


def rules_opinions(scored: pl.DataFrame) -> pl.DataFrame:
    """Opinions (`analyst.OPINIONS`) for every candidate of `quant_scores`; the same rows give the same text and score.

    News moves the score by up to 10 points (mean lexicon sentiment around 50, full weight from five headlines), net
    buying of foreigners and institutions over 60 days by up to 5 (5 % of the turnover of those sessions is the full
    step). Without evidence the quant score stands (R-ANL-05).
    """
    news, flow, score = _news_step(), _flow_step(), rules_score()
    quant = pl.col("total_quant_score")
    reason = pl.concat_str(
        pl.format(
            "퀀트 {}점(자료 {}% 확인)을 기준으로 ", quant, (pl.col("coverage_ratio") * 100).round(0).cast(pl.Int64)
        ),
        pl.when(news.is_null())
        .then(pl.lit("최근 2주 뉴스 근거 없음, "))
        .otherwise(
            pl.format(
                "뉴스 {}건 감성 {}점으로 {}점, ", "headline_count", pl.col("news_sentiment").round(0), news.round(1)
            )
        ),
        pl.when(flow.is_null())
        .then(pl.lit("수급 자료 없음, "))
        .otherwise(pl.format("외국인·기관 60일 수급으로 {}점, ", flow.round(1))),
        pl.format("규칙 기반 종합 {}점입니다.", score),
    )
    return candidates(scored).select(
        "code",
        score.alias("score"),
        grade_of(score).alias("grade"),
        reason.alias("reason"),
        pl.lit(ANALYST).alias("analyst"),
    )


def rules_score() -> pl.Expr:
    """Score of `rules_opinions` without its text."""
    step = pl.sum_horizontal(_news_step(), _flow_step())  # an unknown step moves nothing
    return (pl.col("total_quant_score") + step).clip(0.0, 100.0).round(1)


def _news_step() -> pl.Expr:
    confidence = (pl.col("headline_count") / _FULL_CONFIDENCE_HEADLINES).clip(0.0, 1.0)
    return linear(pl.col("news_sentiment"), 20, 80, -_NEWS_REACH, _NEWS_REACH) * confidence


def _flow_step() -> pl.Expr:
    """Net buying of both groups as a share of about 40 sessions of turnover; null when neither is known."""
    known = pl.any_horizontal(pl.col("foreign_net_krw", "institution_net_krw").is_not_null())
    net = pl.sum_horizontal("foreign_net_krw", "institution_net_krw")
    share_pct = net / (pl.col("median_turnover_20_krw") * 40) * 100.0
    return pl.when(known).then(linear(share_pct, -5, 5, -_FLOW_REACH, _FLOW_REACH))
