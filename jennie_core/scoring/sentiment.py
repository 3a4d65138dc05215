"""Korean headline sentiment from a lexicon of market words (marked `rules`), and the 14-day mean per stock."""

from datetime import date, timedelta

import polars as pl

from jennie_core.scoring.frames import HEADLINES, require, require_known

ANALYST = "rules"
NEWS_WINDOW_DAYS = 14

POSITIVE: dict[str, float] = {
    "사상 최대": 3, "사상최대": 3, "역대 최대": 3, "역대최대": 3, "최대 실적": 3, "어닝 서프라이즈": 3, "어닝서프라이즈": 3,
    "흑자전환": 3, "흑자 전환": 3, "상한가": 2, "신고가": 2, "급등": 2, "수주": 2, "공급계약": 2, "공급 계약": 2, "호실적": 2,
    "깜짝 실적": 2, "깜짝실적": 2, "목표가 상향": 2, "목표주가 상향": 2, "목표가↑": 2, "자사주 매입": 2, "자사주 소각": 3,
    "배당 확대": 2, "무상증자": 1, "특허": 1, "승인": 1, "허가": 1, "성장": 1, "증가": 1, "개선": 1, "확대": 1, "상승": 1,
    "강세": 1, "반등": 1, "돌파": 1, "회복": 1, "호조": 2, "수혜": 1, "기대": 1, "순매수": 1, "매수": 0.5, "선정": 1,
    "출시": 0.5, "협력": 0.5, "체결": 1, "인상": 0.5, "최고": 1, "훈풍": 1, "청신호": 1, "쾌거": 2, "성공": 1,
}  # fmt: skip
"""Word and weight; all words that occur count once."""

NEGATIVE: dict[str, float] = {
    "상장폐지": 4, "상폐": 4, "횡령": 4, "배임": 4, "부도": 4, "파산": 4, "회생절차": 4, "감사의견 거절": 4, "거래정지": 3,
    "분식": 4, "어닝 쇼크": 3, "어닝쇼크": 3, "적자전환": 3, "적자 전환": 3, "하한가": 3, "급락": 2, "폭락": 3, "신저가": 2,
    "유상증자": 2, "목표가 하향": 2, "목표주가 하향": 2, "목표가↓": 2, "압수수색": 3, "구속": 3, "검찰": 2, "소송": 1,
    "제재": 2, "과징금": 2, "리콜": 2, "화재": 2, "사고": 1, "중단": 1, "취소": 1, "철회": 1, "해지": 2, "적자": 2, "손실": 2,
    "부진": 2, "감소": 1, "하락": 1, "약세": 1, "우려": 1, "위기": 1, "악화": 2, "둔화": 1, "충격": 1, "쇼크": 2, "리스크": 1,
    "순매도": 1, "매도": 0.5, "경고": 1, "논란": 1, "의혹": 1, "파업": 1, "적신호": 1, "하향": 1, "최저": 1, "패소": 2,
}  # fmt: skip

_FULL_TILT = 4.0


def title_scores(titles: pl.Expr) -> pl.Expr:
    """Sentiment 0..100 of a title: 50 + 50 x (positive - negative) / 4, clamped; a title without a known word is null."""
    plus = _weight(titles, POSITIVE)
    minus = _weight(titles, NEGATIVE)
    known = (plus + minus) > 0
    return pl.when(known).then((50.0 + 50.0 * (plus - minus) / _FULL_TILT).clip(0.0, 100.0))


def _weight(titles: pl.Expr, words: dict[str, float]) -> pl.Expr:
    return pl.sum_horizontal(
        *(titles.str.contains(word, literal=True).cast(pl.Float64) * weight for word, weight in words.items())
    )


def score_headlines(headlines: pl.DataFrame) -> pl.DataFrame:
    """`HEADLINES` plus sentiment_score Float64 (null = no known word) and analyst String; equal articles counted once."""
    require(headlines, HEADLINES, "headlines")
    distinct = headlines.unique(subset=["code", "published_on", "title"], maintain_order=True)
    return distinct.with_columns(title_scores(pl.col("title")).alias("sentiment_score"), analyst=pl.lit(ANALYST))


def news_factors(headlines: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Plain mean of title scores over 14 days (R-ENR-08): code, news_sentiment Float64, headline_count UInt32.

    `headline_count` counts titles with a known word. A `sentiment_score` column already in the frame (a model's) is
    used as it is. No scored title: no row, so unknown.
    """
    require_known(require(headlines, HEADLINES, "headlines"), "published_on", as_of, "headlines")
    recent = headlines.filter(pl.col("published_on") > as_of - timedelta(days=NEWS_WINDOW_DAYS))
    scored = recent if "sentiment_score" in recent.columns else score_headlines(recent)
    return (
        scored.filter(pl.col("sentiment_score").is_not_null())
        .group_by("code")
        .agg(pl.col("sentiment_score").mean().alias("news_sentiment"), pl.len().alias("headline_count"))
    )
