"""Korean headline sentiment from a lexicon of market words (marked `rules`), and the 14-day mean per stock."""

from datetime import date, timedelta

import polars as pl

from jennie_core.scoring.frames import HEADLINES, require, require_known

ANALYST = "rules"
NEWS_WINDOW_DAYS = 14

_POSITIVE = {
    3.0: (
        "사상 최대|사상최대|역대 최대|역대최대|최대 실적|어닝 서프라이즈|어닝서프라이즈|흑자전환|흑자 전환|자사주 소각"
    ),
    2.0: (
        "상한가|신고가|급등|수주|공급계약|공급 계약|호실적|깜짝 실적|깜짝실적|목표가 상향|"
        "목표주가 상향|목표가↑|자사주 매입|배당 확대|호조|쾌거"
    ),
    1.0: (
        "무상증자|특허|승인|허가|성장|증가|개선|확대|상승|강세|반등|돌파|회복|수혜|기대|순매수|선정|"
        "체결|최고|훈풍|청신호|성공"
    ),
    0.5: "매수|출시|협력|인상",
}
_NEGATIVE = {
    4.0: "상장폐지|상폐|횡령|배임|부도|파산|회생절차|감사의견 거절|분식",
    3.0: "거래정지|어닝 쇼크|어닝쇼크|적자전환|적자 전환|하한가|폭락|압수수색|구속",
    2.0: (
        "급락|신저가|유상증자|목표가 하향|목표주가 하향|목표가↓|검찰|제재|과징금|리콜|화재|해지|"
        "적자|손실|부진|악화|쇼크|패소"
    ),
    1.0: (
        "소송|사고|중단|취소|철회|감소|하락|약세|우려|위기|둔화|충격|리스크|순매도|경고|논란|의혹|파업|적신호|하향|최저"
    ),
    0.5: "매도",
}


def _by_word(table: dict[float, str]) -> dict[str, float]:
    return {word: weight for weight, words in table.items() for word in words.split("|")}


POSITIVE: dict[str, float] = _by_word(_POSITIVE)
"""Word and weight; every word that occurs in a title counts once."""

NEGATIVE: dict[str, float] = _by_word(_NEGATIVE)

_FULL_TILT = 4.0


def title_scores(titles: pl.Expr) -> pl.Expr:
    """Sentiment 0..100 of a title: 50 + 50 x (positive - negative) / 4, clamped; null without a known word."""
    plus = _weight(titles, POSITIVE)
    minus = _weight(titles, NEGATIVE)
    known = (plus + minus) > 0
    return pl.when(known).then((50.0 + 50.0 * (plus - minus) / _FULL_TILT).clip(0.0, 100.0))


def _weight(titles: pl.Expr, words: dict[str, float]) -> pl.Expr:
    return pl.sum_horizontal(
        *(titles.str.contains(word, literal=True).cast(pl.Float64) * weight for word, weight in words.items())
    )


def score_headlines(headlines: pl.DataFrame) -> pl.DataFrame:
    """`HEADLINES` plus sentiment_score Float64 (null = no known word) and analyst; equal articles counted once."""
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
