"""Back-off of the feed's connections (drill 17)."""

import pytest

from jennie_live.gateway.backoff import Backoff


@pytest.mark.rule("R-GW-11")
def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 8.0, lambda low, high: high)
    assert [backoff.after(0.0) for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]


@pytest.mark.rule("R-GW-11")
def test_a_stable_minute_begins_anew_and_a_shorter_connection_does_not() -> None:
    backoff = Backoff(1.0, 60.0, lambda low, high: high)
    assert [backoff.after(seconds) for seconds in (0.0, 0.0, 59.9, 60.0, 0.0)] == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_the_jitter_takes_up_to_half_of_a_pause_away() -> None:
    backoff = Backoff(4.0, 4.0)
    pauses = {backoff.after(0.0) for _ in range(200)}
    assert len(pauses) > 100
    assert min(pauses) >= 2.0
    assert max(pauses) <= 4.0
