"""The checks before a sell (R-SELL-01..06, O1, O3, O4)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jennie_core.domain.control import StopState
from jennie_core.domain.enums import SellReason
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.sell_checks import SellFacts, check_sell, quantity_to_sell
from tests.unit.desk.test_unknown import SENT

SETTINGS = OrderSettings()
POSITION = Position(stock_code="005930", stock_name="삼성전자", quantity=40, external_quantity=60, average_price_krw=1)


def order(reason: SellReason = SellReason.STOP_LOSS, quantity: int = 100) -> SellOrder:
    return SellOrder(
        order_id="x",
        stock_code="005930",
        stock_name="삼성전자",
        sell_reason=reason,
        rule="R-EXIT-07",
        trigger_price_krw=100,
        quantity=quantity,
        raised_at=SENT,
    )


def facts(**changes: Any) -> SellFacts:
    base = SellFacts(
        order=order(),
        market_time=SENT,
        session=session_times(SENT.date()),
        is_session=True,
        seen_order_ids=(),
        stops=StopState(),
        position=POSITION,
        has_unresolved=False,
        last_failure_at=None,
    )
    return replace(base, **changes)


def rule(**changes: Any) -> str | None:
    refusal = check_sell(facts(**changes), SETTINGS)
    return None if refusal is None else refusal.rule


HALT = StopState(paused=True, halted=True, halt_blocks_exits=True)


@pytest.mark.rule("R-BUY-14", "R-CAL-01", "R-MSG-06", "R-SELL-03", "R-SELL-04", "R-SELL-05")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"seen_order_ids": {"x"}}, "R-MSG-06"),
        ({"market_time": SENT + timedelta(seconds=61)}, "R-BUY-14"),
        ({"is_session": False}, "R-CAL-01"),
        ({"is_session": None}, None),
        ({"market_time": SENT.replace(hour=15, minute=30)}, "R-BUY-14"),
        ({"stops": StopState(paused=True)}, None),
        ({"stops": StopState(paused=True, halted=True)}, None),
        ({"stops": HALT}, "R-SELL-03"),
        ({"position": None}, "R-SELL-04"),
        ({"position": POSITION.model_copy(update={"quantity": 0})}, "R-SELL-04"),
        ({"has_unresolved": True}, "R-SELL-05"),
        ({"last_failure_at": SENT - timedelta(seconds=59)}, "R-SELL-05"),
        ({"last_failure_at": SENT - timedelta(seconds=60)}, None),
    ],
)
def test_first_failing_check_refuses(changes: dict[str, Any], expected: str | None) -> None:
    assert rule(**changes) == expected


@pytest.mark.rule("R-SELL-05")
def test_the_end_of_the_lock_is_on_the_passing_side() -> None:
    assert rule(market_time=SENT + timedelta(seconds=60)) is None
    assert rule(last_failure_at=SENT - timedelta(seconds=60)) is None
    assert rule(last_failure_at=SENT - timedelta(seconds=59)) == "R-SELL-05"


@pytest.mark.rule("R-CAL-04", "R-SELL-02")
def test_exit_hours_end_at_the_close() -> None:
    late = SENT.replace(hour=15, minute=30)
    assert rule(order=order().model_copy(update={"raised_at": late}), market_time=late) == "R-SELL-02"


@pytest.mark.rule("R-SELL-01", "R-SELL-04")
@pytest.mark.parametrize("reason", [SellReason.MANUAL, SellReason.FORCED_LIQUIDATION])
def test_operator_orders_pass_hours_stops_and_locks(reason: SellReason) -> None:
    """O4: manual and forced sells always work, for what is held."""
    asked = order(reason)
    late = SENT.replace(hour=16)
    assert rule(order=asked, market_time=late, stops=HALT, is_session=False, last_failure_at=late) is None
    assert rule(order=asked, position=None) == "R-SELL-04"


@pytest.mark.rule("R-SELL-06")
def test_only_managed_shares_are_sold() -> None:
    """O3."""
    assert quantity_to_sell(order(quantity=100), POSITION) == 40
    assert quantity_to_sell(order(quantity=7), POSITION) == 7
