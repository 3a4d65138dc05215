"""What stands nearest in the way of a buy, with its distance where it has one."""

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.strategy.obstacles import distance, held_refusal, nearest


def refusal(rule: str, value: float | str | None = None, limit: float | str | None = None) -> Refusal:
    return Refusal(rule=rule, detail="d", value=value, limit=limit)


RSI = refusal("R-GATE-04", 80.0, 75.0)
BARS = refusal("R-GATE-01", 19.0, 20.0)
BLOCKED = refusal("R-GATE-11", "BLOCKED", "TIER2")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (RSI, 5.0),
        (refusal("R-GATE-08", 480.0, 600.0), 120.0),
        (refusal("R-GATE-09", 86_400.0, "0 seconds left"), 86_400.0),
        (refusal("R-GATE-02", 4.5, "0 minutes left"), 4.5),
        (refusal("R-GRD-02", "33.8", "30.0"), 3.8),
        (BLOCKED, None),
        (refusal("R-BUY-02"), None),
        (refusal("R-REG-09", "2025-06-27T15:30:00", "2025-06-27T15:30:00"), None),
        (refusal("R-GATE-03", 12.0, 0.0), None),
        (refusal("R-GATE-14", 12.0, "the next trade"), None),
    ],
)
def test_a_distance_needs_two_numbers_and_a_way_back(given: Refusal, expected: float | None) -> None:
    assert distance(given) == expected


def test_the_nearest_lacks_the_smallest_share_of_its_limit() -> None:
    """RSI lacks 5 of 75, the bars 1 of 20."""
    assert nearest([RSI, BARS]) is BARS
    assert nearest([refusal("R-GATE-04", 76.0, 75.0), BARS]).rule == "R-GATE-04"  # type: ignore[union-attr]


def test_what_no_price_or_time_moves_stands_before_the_rest() -> None:
    assert nearest([BARS, BLOCKED, refusal("R-SCAN-04")]) is BLOCKED
    assert nearest([]) is None


@pytest.mark.rule("R-BUY-06")
def test_a_stock_with_managed_shares_is_held() -> None:
    held = held_refusal("005930", 1)
    assert held is not None
    assert held.rule == "R-BUY-06"
    assert held_refusal("005930", 0) is None
