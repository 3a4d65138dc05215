"""The vocabulary (R-ENUM-01..12): a word that is added, renamed or lost changes messages, tables and pages."""

from enum import StrEnum

import pytest

from jennie_core.domain import enums


def case(rule: str, enum: type[StrEnum], words: str) -> object:
    return pytest.param(enum, words.split(), marks=pytest.mark.rule(rule), id=enum.__name__)


@pytest.mark.parametrize(
    ("enum", "words"),
    [
        case("R-ENUM-01", enums.MarketRegime, "STRONG_BULL BULL SIDEWAYS BEAR STRONG_BEAR"),
        case("R-ENUM-02", enums.TradeTier, "TIER1 TIER2 BLOCKED"),
        case("R-ENUM-03", enums.RiskTag, "BULLISH NEUTRAL CAUTION DISTRIBUTION_RISK"),
        case(
            "R-ENUM-04",
            enums.SignalType,
            "GOLDEN_CROSS RSI_REBOUND MOMENTUM MOMENTUM_CONTINUATION DIP_BUY VOLUME_BREAKOUT WATCHLIST_CONVICTION "
            "ORB_BREAKOUT MANUAL",
        ),
        case(
            "R-ENUM-05",
            enums.SellReason,
            "PROFIT_TARGET STOP_LOSS TRAILING_STOP BREAKEVEN_STOP RSI_OVERBOUGHT TIME_EXIT PROFIT_FLOOR DEATH_CROSS "
            "RISK_OFF MANUAL FORCED_LIQUIDATION",
        ),
        case("R-ENUM-06", enums.SectorTier, "HOT WARM COOL"),
        case("R-ENUM-07", enums.OrderType, "market limit"),
        case("R-ENUM-08", enums.Sentiment, "bullish neutral_to_bullish neutral neutral_to_bearish bearish"),
        case("R-ENUM-09", enums.VixRegime, "low_vol normal elevated crisis"),
        case("R-ENUM-10", enums.IntradayRiskLevel, "NORMAL CAUTION WARNING DANGER CRITICAL"),
        case("R-ENUM-12", enums.PoliticalRisk, "low medium high critical"),
    ],
)
def test_words(enum: type[StrEnum], words: list[str]) -> None:
    assert [member.value for member in enum] == words


@pytest.mark.rule("R-ENUM-11")
def test_the_momentum_family_has_two_members() -> None:
    family = [signal for signal in enums.SignalType if signal.is_momentum_family]
    assert family == [enums.SignalType.MOMENTUM, enums.SignalType.MOMENTUM_CONTINUATION]


@pytest.mark.rule("R-ENUM-05", "R-SELL-01")
def test_the_operators_orders_are_those_that_pass_every_stop() -> None:
    passing = [reason for reason in enums.SellReason if reason.is_operator_order]
    assert passing == [enums.SellReason.MANUAL, enums.SellReason.FORCED_LIQUIDATION]


@pytest.mark.rule("R-ENUM-01", "R-THR-08")
def test_regimes_grow_harsher_in_order() -> None:
    assert [regime.severity for regime in enums.MarketRegime] == [0, 1, 2, 3, 4]
