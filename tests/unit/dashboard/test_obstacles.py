"""Which rule the watchlist page names: held, else the scanner's picture of now, else the last refusal on record."""

import pytest

from jennie_core.domain.decisions import Obstacles, Refusal
from jennie_live.dashboard.obstacles import nearest_obstacle
from jennie_live.dashboard.schemas.research import RefusalView
from tests.unit.strategy.builders import CODE, at

NOW = at("10:00")
RSI = Refusal(rule="R-GATE-04", detail="RSI too high", value=80.0, limit=75.0)
SCANNED = Obstacles(known_at=at("09:59:58"), by_code={CODE: (RSI,), "000660": ()})
LAST = RefusalView(
    stock_code=CODE, service="buy-executor", subject="ORB_BREAKOUT", rule="R-GRD-02", detail="value in 금융",
    value="33.8", limit="30.0", price_krw=10_000, decided_at=at("09:31"),
)  # fmt: skip


@pytest.mark.rule("R-BUY-06")
def test_a_held_stock_is_held_whatever_else_refuses() -> None:
    found = nearest_obstacle(CODE, 10, SCANNED, LAST, NOW)
    assert found is not None
    assert (found.rule, found.distance, found.decided_at) == ("R-BUY-06", None, NOW)


def test_what_refuses_now_goes_before_what_refused_earlier() -> None:
    found = nearest_obstacle(CODE, 0, SCANNED, LAST, NOW)
    assert found is not None
    assert (found.rule, found.value, found.limit, found.distance) == ("R-GATE-04", "80.0", "75.0", 5.0)
    assert found.decided_at == SCANNED.known_at


@pytest.mark.parametrize("scanned", [None, Obstacles(known_at=NOW, by_code={CODE: ()})])
def test_otherwise_the_last_refusal_of_the_day_with_its_distance(scanned: Obstacles | None) -> None:
    found = nearest_obstacle(CODE, 0, scanned, LAST, NOW)
    assert found is not None
    assert (found.rule, found.distance, found.decided_at) == ("R-GRD-02", 3.8, at("09:31"))


def test_nothing_in_the_way_is_nothing() -> None:
    assert nearest_obstacle("000660", 0, SCANNED, None, NOW) is None
