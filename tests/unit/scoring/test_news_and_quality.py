"""Lexicon sentiment, its window, and the figures that judge a score."""

from datetime import date, timedelta

import polars as pl
import pytest

from jennie_core.scoring import frames
from jennie_core.scoring.frames import LookAheadError
from jennie_core.scoring.quality import coverage_summary, forward_returns, score_quality
from jennie_core.scoring.sentiment import news_factors, score_headlines

DAY = date(2025, 3, 14)


def headlines(*rows: tuple[str, date, str]) -> pl.DataFrame:
    return pl.DataFrame([(*row, "press") for row in rows], schema=dict(frames.HEADLINES), orient="row")


@pytest.mark.rule("R-NEWS-09", "R-NEWS-10")
@pytest.mark.parametrize(
    ("title", "low", "high"),
    [
        ("가나전자, 사상 최대 실적에 급등", 80, 100),
        ("가나전자 대표 횡령 혐의 압수수색", 0, 20),
        ("가나전자, 신사옥으로 이전", None, None),
    ],
)
def test_titles_are_judged_by_known_words(title: str, low: float | None, high: float | None) -> None:
    score = score_headlines(headlines(("000010", DAY, title)))["sentiment_score"][0]
    assert score is None if low is None or high is None else low <= score <= high


@pytest.mark.rule("R-ENR-08", "R-NEWS-06")
def test_the_mean_covers_fourteen_days_and_repeats_count_once() -> None:
    frame = headlines(
        ("000010", DAY, "급등"), ("000010", DAY, "급등"), ("000010", DAY - timedelta(days=13), "급락"),
        ("000010", DAY - timedelta(days=14), "급락"), ("000020", DAY, "이전"),
    )  # fmt: skip
    assert news_factors(frame, as_of=DAY).rows() == [("000010", 50.0, 2)]


def test_scores_of_a_model_are_used_as_they_are() -> None:
    scored = headlines(("000010", DAY, "급락")).with_columns(sentiment_score=pl.lit(91.0))
    assert news_factors(scored, as_of=DAY)["news_sentiment"][0] == 91.0


@pytest.mark.rule("R-NEWS-07")
def test_a_later_headline_is_refused() -> None:
    with pytest.raises(LookAheadError):
        news_factors(headlines(("000010", DAY + timedelta(days=1), "급등")), as_of=DAY)


@pytest.mark.rule("R-DATA-14")
def test_rank_ic_and_decile_spread() -> None:
    frame = pl.DataFrame({
        "code": [f"{i:06}" for i in range(50)],
        "hybrid_score": [float(i) for i in range(50)],
        "forward_return_pct": [i / 10 for i in range(50)],
    })  # fmt: skip
    quality = score_quality(frame)
    assert quality.rank_ic == pytest.approx(1.0)
    assert quality.decile_spread_pct == pytest.approx(4.5)
    assert score_quality(frame.head(9)).rank_ic is None
    assert score_quality(frame.with_columns(forward_return_pct=-pl.col("forward_return_pct"))).rank_ic == pytest.approx(
        -1.0
    )


def test_forward_returns_are_unknown_at_the_end() -> None:
    prices = pl.DataFrame(
        {"code": ["A"] * 3, "trade_date": [DAY, DAY + timedelta(1), DAY + timedelta(2)], "close_krw": [100, 110, 121]}
    )
    assert forward_returns(prices, 2)["forward_return_pct"].to_list() == [pytest.approx(21.0), None, None]


def test_coverage_bands_count_every_row() -> None:
    summary = coverage_summary(pl.DataFrame({"coverage_ratio": [0.0, 0.39, 0.55, 0.5499, 1.0]}))
    assert sum(summary.values()) == 5
    assert summary["0.55-0.70"] == 1
