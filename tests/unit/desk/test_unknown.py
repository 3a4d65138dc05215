"""An order of unknown fate is settled by inquiry or not at all (O1, R-ORD-12)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderSide, OrderState, OrderType
from jennie_core.domain.orders import AccountBalance, BrokerOrder, Holding
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.strategy.intent import Intent
from jennie_live.desk.unknown import AskAgain, Frozen, NotPlaced, Placed, Verdict, judge

SENT = datetime(2025, 6, 27, 10, 0, 0, tzinfo=KST)
SETTINGS = OrderSettings()


def intent(**changes: Any) -> Intent:
    base = Intent(
        intent_id="buy-1",
        account_hash="default",
        market_day=SENT.date(),
        stock_code="005930",
        stock_name="삼성전자",
        side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        quantity=10,
        limit_price_krw=None,
        reference_price_krw=10_000,
        lease=1,
        source_id="sig-1",
        reason="GOLDEN_CROSS",
        rule=None,
        created_at=SENT,
        market_at=SENT,
        updated_at=SENT,
        state=OrderState.UNKNOWN,
        unknown_since=SENT,
    )
    return replace(base, **changes)


def row(number: str = "1", **changes: Any) -> BrokerOrder:
    values: dict[str, Any] = {
        "order_number": number,
        "stock_code": "005930",
        "side": OrderSide.BUY,
        "order_type": OrderType.MARKET,
        "ordered_on": SENT.date(),
        "ordered_time": "100005",
        "ordered_quantity": 10,
        "order_price_krw": 0,
        "filled_quantity": 0,
        "filled_amount_krw": 0,
        "average_price_krw": 0.0,
        "remaining_quantity": 10,
        "cancelled_quantity": 0,
        "rejected_quantity": 0,
        "is_cancelled": False,
    }
    return BrokerOrder.model_validate(values | changes)


def balance(quantity: int) -> AccountBalance:
    holding = Holding(
        stock_code="005930",
        stock_name="삼성전자",
        quantity=quantity,
        sellable_quantity=quantity,
        average_price_krw=10_000,
        current_price_krw=10_000,
        evaluation_krw=quantity * 10_000,
    )
    return AccountBalance(
        deposit_krw=1,
        cash_krw=1,
        orderable_cash_krw=1,
        total_evaluation_krw=1,
        holdings=(holding,) if quantity else (),
        inquired_at=SENT,
    )


def ask(asked: Intent, rows: list[BrokerOrder], *, after: float = 60, held: int = 0, taken: Any = ()) -> Verdict:
    now = SENT + timedelta(seconds=after)
    return judge(asked, rows, balance(held), taken=taken, held_before=0, now=now, settings=SETTINGS)


@pytest.mark.rule("R-ORD-12")
def test_exactly_one_fitting_order_is_ours() -> None:
    assert isinstance(ask(intent(), [row()]), Placed)


def test_two_fitting_orders_are_never_guessed() -> None:
    verdict = ask(intent(), [row("1"), row("2")])
    assert isinstance(verdict, Frozen)
    assert "1, 2" in verdict.reason


def test_an_order_that_belongs_to_another_intent_is_no_candidate() -> None:
    assert isinstance(ask(intent(), [row("1"), row("2")], taken={"1"}), Placed)


def test_orders_that_differ_do_not_fit() -> None:
    others = [
        row("1", stock_code="000660"),
        row("2", side=OrderSide.SELL),
        row("3", ordered_quantity=11),
        row("4", order_type=OrderType.LIMIT, order_price_krw=10_000),
        row("5", ordered_time="095900"),
        row("6", ordered_time="101000"),
        row("7", original_order_number="1"),
    ]
    assert isinstance(ask(intent(), others), AskAgain)


def test_a_limit_order_fits_by_its_price() -> None:
    asked = intent(order_type=OrderType.LIMIT, limit_price_krw=9_990)
    limit = {"order_type": OrderType.LIMIT}
    assert isinstance(ask(asked, [row("1", order_price_krw=9_980, **limit)]), AskAgain)
    assert isinstance(ask(asked, [row("1", order_price_krw=9_990, **limit)]), Placed)


@pytest.mark.rule("R-ORD-12")
def test_not_placed_needs_three_inquiries_over_sixty_seconds() -> None:
    assert isinstance(ask(intent(unknown_checks=1), [], after=90), AskAgain)
    assert isinstance(ask(intent(unknown_checks=2), [], after=59), AskAgain)
    assert ask(intent(unknown_checks=2), [], after=60) == NotPlaced(3)


def test_holdings_that_moved_forbid_not_placed() -> None:
    assert isinstance(ask(intent(unknown_checks=5), [], after=300, held=10), Frozen)


def test_inquiries_are_spread_over_the_settling_time() -> None:
    verdict = ask(intent(), [], after=0)
    assert verdict == AskAgain(1, SENT + timedelta(seconds=30))
