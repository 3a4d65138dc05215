"""The intraday throttle (R-THR-01..10, R-REG-08)."""

from datetime import timedelta

import pytest

from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime
from jennie_core.strategy.throttle import IntradayThrottle, measured_level
from tests.unit.strategy.builders import at, context

NORMAL, CAUTION, WARNING, DANGER, CRITICAL = IntradayRiskLevel


def throttle() -> IntradayThrottle:
    return IntradayThrottle(at("08:30"))


@pytest.mark.rule("R-THR-01", "R-THR-02", "R-THR-03", "R-THR-04", "R-THR-05", "R-THR-09")
@pytest.mark.parametrize(
    ("kospi", "vix", "level"),
    [
        (-4.0, None, CRITICAL),
        (-3.99, 15.0, DANGER),
        (-3.0, None, DANGER),
        (0.5, 40.0, DANGER),
        (-2.0, None, WARNING),
        (0.5, 35.0, WARNING),
        (-1.0, None, CAUTION),
        (0.5, 30.0, CAUTION),
        (-0.99, 29.9, NORMAL),
        (-0.99, None, NORMAL),
    ],
)
def test_levels_by_index_and_vix(kospi: float, vix: float | None, level: IntradayRiskLevel) -> None:
    """An unknown VIX triggers nothing."""
    assert measured_level(kospi, vix) is level


@pytest.mark.rule("R-THR-01", "R-THR-02", "R-THR-03", "R-THR-04", "R-THR-05", "R-THR-07")
@pytest.mark.parametrize(
    ("kospi", "multiplier", "regime"),
    [
        (-4.5, 0.0, MarketRegime.STRONG_BEAR),
        (-3.5, 0.3, MarketRegime.BEAR),
        (-2.5, 0.6, MarketRegime.BEAR),
        (-1.5, 0.8, None),
        (0.0, 1.0, None),
    ],
)
def test_each_level_has_its_multiplier_and_least_regime(
    kospi: float, multiplier: float, regime: MarketRegime | None
) -> None:
    """0 is a legal stored multiplier."""
    update = throttle().observe(kospi, 20.0, at("09:05"))
    assert (update.risk.position_multiplier, update.risk.minimum_regime) == (multiplier, regime)


@pytest.mark.rule("R-THR-06")
def test_worsening_applies_at_once_and_clears_the_timer() -> None:
    state = throttle()
    state.observe(-2.5, None, at("09:05"))
    assert state.observe(0.0, None, at("09:10")).risk.recovery_started_at == at("09:10")
    update = state.observe(-3.2, None, at("09:15"))
    assert (update.risk.level, update.risk.recovery_started_at) == (DANGER, None)


@pytest.mark.rule("R-THR-06")
def test_recovery_steps_down_one_level_after_its_time_and_stops_at_caution() -> None:
    """30 min, 20 min, 10 min; NORMAL only by a council run."""
    state = throttle()
    now = at("09:30")
    state.observe(-4.5, None, now)
    levels = []
    for _ in range(20):
        now += timedelta(minutes=5)
        levels.append(state.observe(1.0, None, now).risk.level)
    assert levels == [CRITICAL] * 6 + [DANGER] * 4 + [WARNING] * 2 + [CAUTION] * 8


@pytest.mark.rule("R-THR-06")
def test_a_relapse_to_the_same_level_restarts_the_recovery() -> None:
    state = throttle()
    state.observe(-2.5, None, at("09:30"))
    state.observe(0.0, None, at("09:35"))
    assert state.observe(-2.1, None, at("09:40")).risk.recovery_started_at is None
    assert state.observe(0.0, None, at("09:45")).risk.level is WARNING
    assert state.observe(0.0, None, at("09:55")).risk.level is CAUTION


@pytest.mark.rule("R-REG-08", "R-THR-08")
def test_the_least_regime_stays_until_a_council_run() -> None:
    state = throttle()
    state.observe(-4.5, None, at("09:30"))
    for minutes in range(35, 150, 5):
        risk = state.observe(1.0, None, at("09:00") + timedelta(minutes=minutes)).risk
    assert (risk.level, risk.minimum_regime) == (CAUTION, MarketRegime.STRONG_BEAR)
    state.on_context(context(known_at=at("11:50")))
    risk = state.observe(0.0, None, at("11:55")).risk
    assert (risk.level, risk.position_multiplier, risk.minimum_regime) == (NORMAL, 1.0, None)


@pytest.mark.rule("R-THR-08")
def test_a_milder_relapse_keeps_the_harsher_regime() -> None:
    state = throttle()
    state.observe(-4.5, None, at("09:30"))
    for minute in range(35, 60, 5):
        state.observe(1.0, None, at(f"09:{minute}"))
    assert state.observe(1.0, None, at("10:05")).risk.level is DANGER
    assert state.observe(1.0, None, at("10:25")).risk.level is WARNING
    relapse = state.observe(-3.5, None, at("10:30")).risk
    assert (relapse.level, relapse.minimum_regime) == (DANGER, MarketRegime.STRONG_BEAR)


@pytest.mark.rule("R-REG-08")
def test_an_older_council_run_resets_nothing() -> None:
    state = throttle()
    state.observe(-2.5, None, at("09:30"))
    state.on_context(context(known_at=at("07:30")))
    assert state.risk(at("09:31")).level is WARNING


@pytest.mark.rule("R-THR-09")
def test_a_missing_index_moves_nothing_and_fifteen_minutes_of_it_mean_caution() -> None:
    state = throttle()
    assert not state.observe(None, None, at("08:50")).data_missing
    state.observe(0.2, 20.0, at("09:00"))
    update = state.observe(None, None, at("09:10"))
    assert (update.risk.level, update.data_missing) == (NORMAL, False)
    assert state.missing_data_refusal(at("09:14:59")) is None
    update = state.observe(None, None, at("09:15"))
    assert (update.risk.level, update.data_missing) == (CAUTION, True)
    refusal = state.missing_data_refusal(at("09:15"))
    assert refusal is not None
    assert refusal.rule == "R-THR-09"


@pytest.mark.rule("R-THR-09")
def test_missing_data_keeps_a_harsher_level() -> None:
    state = throttle()
    state.observe(-3.5, None, at("09:05"))
    assert state.observe(None, None, at("09:30")).risk.level is DANGER


def test_silence_before_the_open_is_not_missing_data() -> None:
    state = throttle()
    assert state.observe(None, 18.0, at("08:59")).risk.level is NORMAL
    assert not state.observe(None, 18.0, at("09:14")).data_missing


@pytest.mark.rule("R-THR-10")
def test_only_a_change_of_level_is_worth_an_alert() -> None:
    state = throttle()
    first = state.observe(-1.5, 31.0, at("09:05"))
    assert first.level_changed
    assert "NORMAL -> CAUTION" in first.text
    assert "-1.50 %" in first.text
    assert not state.observe(-1.6, 31.0, at("09:10")).level_changed


def test_a_restored_throttle_goes_on_where_it_was() -> None:
    state = throttle()
    state.observe(-3.5, None, at("09:30"))
    stored = state.observe(0.0, None, at("09:35")).risk
    again = throttle()
    again.restore(stored)
    assert again.observe(0.0, None, at("09:54")).risk.level is DANGER
    assert again.observe(0.0, None, at("09:55")).risk.level is WARNING
