"""The throttle reads every full five minutes of the session, and an index from the open on (R-JOB-03)."""

from datetime import timedelta

import pytest

from jennie_core.domain.enums import IntradayRiskLevel
from jennie_core.strategy.throttle_cycle import ThrottleCycle
from tests.unit.strategy.builders import SESSION, at, risk


@pytest.mark.rule("R-JOB-03")
def test_a_cycle_is_due_every_full_five_minutes() -> None:
    cycle = ThrottleCycle(SESSION)
    assert not cycle.begin(SESSION.opening_auction_at - timedelta(seconds=1))
    assert cycle.begin(at("08:57:30"))
    assert not cycle.begin(at("08:59:59"))
    assert cycle.begin(at("09:00"))
    assert not cycle.begin(at("09:04:59"))
    assert cycle.begin(at("09:12"))
    assert cycle.begin(at("09:15"))
    assert not cycle.begin(SESSION.close_at + timedelta(seconds=1))


@pytest.mark.rule("R-JOB-03", "R-THR-09")
def test_before_the_open_there_is_no_index_to_read() -> None:
    cycle = ThrottleCycle(SESSION)
    assert not cycle.needs_index(at("08:59:59"))
    assert cycle.needs_index(at("09:00"))


@pytest.mark.rule("R-THR-06")
def test_the_state_of_the_same_day_is_restored_and_no_other() -> None:
    for day, level in ((at("10:00"), IntradayRiskLevel.DANGER), (at("10:00") - timedelta(1), IntradayRiskLevel.NORMAL)):
        cycle = ThrottleCycle(SESSION)
        cycle.restore(risk(IntradayRiskLevel.DANGER, position_multiplier=0.3, known_at=day, expires_at=at("15:30")))
        assert cycle.observe(None, 0.0, None, at("10:05")).risk.level is level
