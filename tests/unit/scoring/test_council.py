"""Council, regime mapping and context (R-CNL, R-REG, R-MACD-07)."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime, PoliticalRisk, SignalType, VixRegime
from jennie_core.scoring import frames
from jennie_core.scoring.council import CouncilError, CouncilReplies, macro_insight, merged, rules_replies
from jennie_core.scoring.council_replies import JudgeReply, RiskReply, StrategistReply
from jennie_core.scoring.frames import LookAheadError
from jennie_core.scoring.index_technicals import index_technicals, proxy_index
from jennie_core.scoring.macro_readings import MacroReadings, MacroSeries, collect_readings, market_breadth
from jennie_core.scoring.prompts import council_context
from jennie_core.scoring.regime import (
    default_context,
    is_default,
    regime_of,
    risk_off_level,
    trading_context,
    vix_regime_of,
)

SESSION = date(2025, 3, 14)
DAY = date(2025, 3, 17)
NOW = datetime(2025, 3, 17, 7, 30, tzinfo=KST)
LATER = NOW + timedelta(hours=24)


def index_bars(closes: list[float], code: str = "KOSPI", end: date = SESSION) -> pl.DataFrame:
    days = [end - timedelta(days=len(closes) - 1 - i) for i in range(len(closes))]
    before = [None, *closes[:-1]]
    change = [None if b is None else (c / b - 1) * 100 for c, b in zip(closes, before, strict=True)]
    rows = [(code, d, c, c, c, c, x) for d, c, x in zip(days, closes, change, strict=True)]
    return pl.DataFrame(rows, schema=dict(frames.INDEX_DAILY), orient="row")


def macro(*rows: tuple[str, date, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(frames.MACRO_DAILY), orient="row")


def collect(closes: list[float], vix: float | None = 16.0) -> MacroReadings:
    series = [] if vix is None else [("VIX", SESSION, vix)]
    return collect_readings(
        market_day=DAY, previous_session=SESSION, index_daily=index_bars(closes),
        macro=macro(
            *series, ("USDKRW", SESSION, 1_400.0), ("SP500", SESSION - timedelta(1), 100.0), ("SP500", SESSION, 101.0)
        ),
    )  # fmt: skip


def insight(readings: MacroReadings, replies: CouncilReplies | None = None) -> Any:
    return macro_insight(readings, replies or rules_replies(readings), run_id="r", known_at=NOW, expires_at=LATER)


RISING = [2_000.0 + 5 * i for i in range(150)]
FALLING = [3_000.0 - 8 * i for i in range(150)]


@pytest.mark.rule("R-REG-01", "R-REG-02", "R-REG-03", "R-REG-04", "R-REG-05")
@pytest.mark.parametrize(
    ("score", "regime"),
    [(100, "STRONG_BULL"), (70, "STRONG_BULL"), (69, "BULL"), (60, "BULL"), (59.4, "SIDEWAYS"), (40, "SIDEWAYS"),
     (39, "BEAR"), (25, "BEAR"), (24, "STRONG_BEAR"), (0, "STRONG_BEAR")],
)  # fmt: skip
def test_regime_bounds(score: float, regime: str) -> None:
    assert regime_of(score) is MarketRegime(regime)


@pytest.mark.rule("R-MACD-03")
@pytest.mark.parametrize(("vix", "word"), [(14.9, "low_vol"), (15, "normal"), (25, "elevated"), (35, "crisis")])
def test_vix_bounds(vix: float, word: str) -> None:
    assert vix_regime_of(vix) is VixRegime(word)
    assert vix_regime_of(None) is None


@pytest.mark.rule("R-REG-07")
def test_risk_off_level_counts_signs_less_one() -> None:

    def level(vix: VixRegime | None, political: PoliticalRisk, score: float, size: int) -> int:
        return risk_off_level(vix=vix, political=political, sentiment_score=score, position_size_pct=size)

    assert level(None, PoliticalRisk.LOW, 50, 100) == 0
    assert level(VixRegime.CRISIS, PoliticalRisk.LOW, 50, 100) == 0
    assert level(VixRegime.ELEVATED, PoliticalRisk.LOW, 29, 100) == 1
    assert level(VixRegime.ELEVATED, PoliticalRisk.LOW, 30, 70) == 0
    assert level(VixRegime.ELEVATED, PoliticalRisk.LOW, 30, 69) == 1
    assert level(VixRegime.ELEVATED, PoliticalRisk.HIGH, 29, 69) == 3


@pytest.mark.rule("R-CNL-04", "R-MACD-07")
def test_stale_index_bars_are_refused_and_said() -> None:
    """The wrong bull call on a crash day came from bars three days old."""
    stale = index_bars(RISING, end=SESSION - timedelta(days=1))
    assert index_technicals(stale, "KOSPI", previous_session=SESSION) is None
    readings = collect_readings(market_day=DAY, previous_session=SESSION, index_daily=stale, macro=macro())
    assert "refused as stale or absent" in readings.notes[0]
    with pytest.raises(CouncilError, match="R-CNL-04"):
        insight(readings)


def test_index_bars_after_the_previous_session_are_refused() -> None:
    with pytest.raises(LookAheadError):
        index_technicals(index_bars(RISING, end=DAY), "KOSPI", previous_session=SESSION)


@pytest.mark.rule("R-MACD-07")
def test_index_technicals_need_twenty_one_rows() -> None:
    assert index_technicals(index_bars(RISING[:20]), "KOSPI", previous_session=SESSION) is None
    found = index_technicals(index_bars(RISING), "KOSPI", previous_session=SESSION)
    assert found is not None
    assert (found.alignment, found.rsi14, found.cross) == ("up", 100.0, None)
    assert found.sma20 == pytest.approx(sum(RISING[-20:]) / 20)
    assert found.bollinger_position is not None
    assert 0.5 < found.bollinger_position < 1.0
    falling = index_technicals(index_bars(FALLING), "KOSPI", previous_session=SESSION)
    assert falling is not None
    assert falling.alignment == "down"


@pytest.mark.rule("R-MACD-03", "R-MACD-04")
def test_us_series_count_up_to_the_day_before_the_decision() -> None:
    """A US close dated D is not known in Korea on D."""
    rows = macro(("VIX", SESSION, 15.0), ("VIX", DAY, 80.0))
    latest = MacroSeries(rows).latest
    assert latest("VIX", market_day=DAY) == 15.0
    assert latest("VIX", market_day=DAY, back=1) is None
    assert latest("DOW", market_day=DAY) is None


@pytest.mark.rule("R-CNL-08", "R-REG-06")
def test_the_rules_tell_a_rise_from_a_fall() -> None:
    up, down = insight(collect(RISING)), insight(collect(FALLING, vix=40.0))
    assert up.analyst == "rules"
    assert up.market_regime in (MarketRegime.BULL, MarketRegime.STRONG_BULL)
    assert down.market_regime is MarketRegime.STRONG_BEAR
    assert down.position_size_pct < 70 < up.position_size_pct
    assert down.stop_loss_adjust_pct == 140
    context = trading_context(down, market_day=DAY, run_id="r", known_at=NOW, expires_at=LATER)
    assert context.risk_off_level == 2
    assert context.is_high_volatility
    assert context.position_multiplier == down.position_size_pct / 100


@pytest.mark.rule("R-CNL-09", "R-MACD-03")
def test_an_unknown_vix_is_careful_and_unknown_in_the_context() -> None:
    quiet, blind = insight(collect(RISING)), insight(collect(RISING, vix=None))
    assert blind.sentiment_score < quiet.sentiment_score
    assert blind.position_size_pct < quiet.position_size_pct
    assert blind.vix_regime is None
    assert blind.data_completeness_ratio < quiet.data_completeness_ratio


def test_a_proxy_stands_in_for_missing_index_bars(bars: Any) -> None:
    prices = pl.concat([bars([1_000 + 5 * i for i in range(60)], code=f"{k:05}0") for k in range(5)])
    proxy = proxy_index(prices)
    assert proxy["close"][0] == 1_000.0
    readings = collect_readings(
        market_day=DAY,
        previous_session=SESSION,
        index_daily=frames.empty(frames.INDEX_DAILY),
        macro=macro(),
        prices=prices,
    )
    assert readings.kospi is not None
    assert readings.kospi.index_code == "MARKET_PROXY"
    found = insight(readings)
    assert found.kospi_level is None
    assert any("stand in" in text for text in found.risk_factors)


def test_breadth_counts_stocks_that_traded(readings: Any) -> None:
    rows = readings(
        {"change_pct": 1.0, "ma20": 19_000.0},
        {"change_pct": -1.0, "ma20": 21_000.0},
        {"is_halted": True, "ma20": 1.0},
        {},
    )
    breadth = market_breadth(rows)
    assert breadth is not None
    assert (breadth.advancing_ratio, breadth.above_ma20_ratio, breadth.stocks) == (0.5, 0.5, 2)
    assert market_breadth(rows.clear()) is None


FIRST = StrategistReply(overall_sentiment="neutral", sentiment_score=48, regime_hint="SIDEWAYS")
SECOND = RiskReply(
    agree_with_sentiment=False,
    adjusted_sentiment_score=38,
    position_size_pct=80,
    stop_loss_adjust_pct=120,
    political_risk_level="high",
)


@pytest.mark.rule("R-CNL-04")
def test_failed_seats_are_merged_by_the_rule() -> None:
    with pytest.raises(CouncilError):
        merged(CouncilReplies("model-x", None, SECOND, None))
    _, risk, judge = merged(CouncilReplies("model-x", FIRST, None, None))
    assert (risk.adjusted_sentiment_score, risk.position_size_pct, risk.stop_loss_adjust_pct) == (48, 100, 100)
    _, _, judge = merged(CouncilReplies("model-x", FIRST, SECOND, None))
    assert (judge.final_sentiment_score, judge.final_position_size_pct, judge.final_regime_hint) == (38, 80, "SIDEWAYS")
    assert (judge.council_consensus, judge.sectors_to_favor, judge.strategies_to_avoid) == ("partial_disagree", (), ())


@pytest.mark.rule("R-CNL-01", "R-CNL-02", "R-CNL-03", "R-CNL-05", "R-CNL-06")
def test_model_replies_are_clamped_and_foreign_names_dropped() -> None:
    judge = JudgeReply.model_validate(
        {
            "final_score": 140, "sentiment": "euphoric", "regime": "B" * 80, "position_size_pct": 999,
            "stop_loss_adjust_pct": 1, "consensus": "maybe", "overweight": ["금융", "우주"],
            "strategies_to_avoid": ["DIP_BUY", "RSI_REBOUND", "ARBITRAGE"],
        }
    )  # fmt: skip
    assert (judge.final_sentiment_score, judge.final_position_size_pct, judge.final_stop_loss_adjust_pct) == (
        100,
        130,
        80,
    )
    assert (judge.final_sentiment.value, judge.council_consensus, len(judge.final_regime_hint)) == (
        "neutral",
        "partial_disagree",
        50,
    )
    assert judge.sectors_to_favor == ("금융",)
    assert judge.strategies_to_avoid == (SignalType.DIP_BUY,)
    nested = RiskReply.model_validate(
        {"risk_assessment": {"agree_with_sentiment": True, "adjusted_sentiment_score": -5}, "position_size_pct": 10,
         "stop_loss_adjust_pct": 500, "political_risk_level": "unheard"}
    )  # fmt: skip
    assert (nested.adjusted_sentiment_score, nested.position_size_pct, nested.stop_loss_adjust_pct) == (0, 50, 150)
    assert nested.political_risk_level is PoliticalRisk.LOW
    with pytest.raises(ValidationError):
        StrategistReply.model_validate({"overall_sentiment": "bullish", "regime_hint": "x"})


@pytest.mark.rule("R-REG-10")
@pytest.mark.rule("R-CNL-06")
@pytest.mark.parametrize("score", ["nan", float("nan"), None, "high"])
def test_a_score_that_is_no_number_is_no_reply(score: object) -> None:
    """NaN passes every comparison: clamped blindly it would be the most bullish score of all."""
    with pytest.raises(ValidationError):
        StrategistReply.model_validate({"overall_sentiment": "bullish", "regime_hint": "x", "sentiment_score": score})


@pytest.mark.rule("R-CNL-09")
def test_an_index_without_a_change_fails_nothing() -> None:
    bars = index_bars(RISING).with_columns(change_pct=pl.lit(None, dtype=pl.Float64))
    readings = collect_readings(market_day=DAY, previous_session=SESSION, index_daily=bars, macro=macro())
    assert readings.kospi is not None
    assert readings.kospi.change_pct is None
    assert insight(readings).kospi_change_pct is None
    assert "change_pct=미상" in council_context(readings)


@pytest.mark.rule("R-MACD-04")
def test_the_dollar_is_the_newest_observation_before_the_day() -> None:
    rows = macro(("USDKRW", SESSION - timedelta(3), 1_390.0), ("USDKRW", SESSION, 1_400.0), ("USDKRW", DAY, 1_500.0))
    assert MacroSeries(rows).latest("USDKRW", market_day=DAY) == 1_400.0
    readings = collect_readings(market_day=DAY, previous_session=SESSION, index_daily=index_bars(RISING), macro=macro())
    assert insight(readings).usd_krw is None


@pytest.mark.rule("R-REG-06")
def test_the_context_is_the_insight_in_multipliers() -> None:
    found = insight(collect(FALLING, vix=40.0))
    context = trading_context(found, market_day=DAY, run_id="r", known_at=NOW, expires_at=LATER)
    assert context.stop_loss_multiplier == found.stop_loss_adjust_pct / 100
    assert (context.favor_sectors, context.avoid_sectors) == (found.sectors_to_favor, found.sectors_to_avoid)
    assert context.strategies_to_avoid == found.strategies_to_avoid
    assert (context.vix_regime, context.market_regime) == (VixRegime.CRISIS, found.market_regime)


@given(st.floats(0, 100), st.floats(0, 100))
def test_any_pair_of_views_gives_a_valid_insight(first: float, second: float) -> None:
    readings = collect(RISING[-30:])
    one = StrategistReply(overall_sentiment="neutral", sentiment_score=first, regime_hint="x")
    two = RiskReply(
        agree_with_sentiment=True, adjusted_sentiment_score=second, position_size_pct=100, stop_loss_adjust_pct=100
    )
    assert insight(readings, CouncilReplies("model-x", one, two, None)).market_regime is regime_of(second)


@pytest.mark.rule("R-REG-09")
def test_the_default_context_names_itself() -> None:
    context = default_context(market_day=DAY, known_at=NOW, expires_at=LATER)
    assert is_default(context)
    assert (context.market_regime, context.position_multiplier, context.stop_loss_multiplier) == (
        MarketRegime.SIDEWAYS,
        0.8,
        1.2,
    )
