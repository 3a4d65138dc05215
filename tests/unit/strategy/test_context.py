"""Joining council and throttle (R-REG-09, R-THR-07/08, S3)."""

from datetime import timedelta

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime
from jennie_core.strategy.context import (
    NO_EXIT_CONTEXT,
    TIGHTEST_STOP_MULTIPLIER,
    effective_context,
    exit_context,
    no_buys_refusal,
)
from tests.unit.strategy.builders import at, context, risk

NOW = at("10:00")


@pytest.mark.rule("R-REG-09", "R-THR-07")
@pytest.mark.parametrize(
    ("council", "throttle", "rule"),
    [
        (None, risk(), "R-REG-09"),
        (context(expires_at=NOW), risk(), "R-REG-09"),
        (context(), None, "R-THR-07"),
        (context(), risk(expires_at=NOW), "R-THR-07"),
    ],
)
def test_an_unknown_or_expired_part_means_no_buys(council: object, throttle: object, rule: str) -> None:
    joined = effective_context(council, throttle, NOW)  # type: ignore[arg-type]
    assert isinstance(joined, Refusal)
    assert joined.rule == rule


@pytest.mark.rule("R-THR-07", "R-THR-08")
def test_the_smaller_multiplier_and_the_harsher_regime_hold() -> None:
    throttle = risk(
        IntradayRiskLevel.WARNING, position_multiplier=0.6, minimum_regime=MarketRegime.BEAR, expires_at=at("10:15")
    )
    joined = effective_context(context(position_multiplier=1.3, market_regime=MarketRegime.BULL), throttle, NOW)
    assert not isinstance(joined, Refusal)
    assert joined.position_multiplier == 0.6
    assert joined.regime is MarketRegime.BEAR
    assert joined.is_high_volatility
    assert joined.expires_at == at("10:15")


def test_the_throttle_never_makes_a_regime_milder() -> None:
    joined = effective_context(
        context(market_regime=MarketRegime.STRONG_BEAR), risk(minimum_regime=MarketRegime.BEAR), NOW
    )
    assert not isinstance(joined, Refusal)
    assert joined.regime is MarketRegime.STRONG_BEAR


@pytest.mark.rule("R-THR-07")
def test_the_harshest_level_is_no_buys_not_the_default() -> None:
    """0 is kept and means no buys."""
    joined = effective_context(context(), risk(IntradayRiskLevel.CRITICAL, position_multiplier=0.0), NOW)
    assert not isinstance(joined, Refusal)
    refusal = no_buys_refusal(joined)
    assert refusal is not None
    assert refusal.rule == "R-THR-07"


def test_exits_use_the_last_known_regime_whatever_its_age() -> None:
    """S3"""
    old = context(market_regime=MarketRegime.BULL, stop_loss_multiplier=1.2, expires_at=at("08:00"))
    joined = exit_context(old, risk(minimum_regime=MarketRegime.BEAR, expires_at=at("09:00")), NOW)
    assert joined.regime is MarketRegime.BEAR
    assert joined.stop_loss_multiplier == 1.2
    assert not joined.is_fresh
    assert joined.age_seconds == 2.5 * 3600


def test_without_any_regime_exits_take_the_tightest_values() -> None:
    """S3"""
    joined = exit_context(None, risk(), NOW)
    assert joined.regime is None
    assert joined.stop_loss_multiplier == TIGHTEST_STOP_MULTIPLIER


@pytest.mark.rule("R-MON-08")
def test_exits_without_any_context_use_the_tightest_stop_a_council_may_ask_for() -> None:
    assert (NO_EXIT_CONTEXT.regime, NO_EXIT_CONTEXT.stop_loss_multiplier) == (None, 0.8)
    last = context()
    assert exit_context(last, None, last.expires_at - timedelta(seconds=1)).is_fresh
    assert not exit_context(last, None, last.expires_at).is_fresh
