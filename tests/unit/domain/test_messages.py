"""Bounds of the messages between the planes (R-MSG), and the one clock they speak (R-CAL-05)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from jennie_core.domain.enums import OrderSide, OrderType, SellReason, TradeTier
from jennie_core.domain.orders import OrderRequest
from jennie_core.domain.signals import SellOrder, TradeNotification
from tests.unit.strategy.builders import at, context, entry, signal


@pytest.mark.rule("R-MSG-01", "R-THR-07")
def test_a_signal_may_carry_a_multiplier_of_zero_but_none_beyond_two() -> None:
    assert signal(position_multiplier=0.0).position_multiplier == 0.0
    assert context(position_multiplier=0.0).position_multiplier == 0.0
    for wrong in (-0.1, 2.1):
        with pytest.raises(ValidationError):
            signal(position_multiplier=wrong)


@pytest.mark.rule("R-MSG-01")
@pytest.mark.parametrize("wrong", [{"stock_code": "12345"}, {"signal_price_krw": 0}, {"hybrid_score": 100.1}, {"x": 1}])
def test_a_signal_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        signal(**wrong)


@pytest.mark.rule("R-MSG-02")
def test_a_sell_order_sells_something() -> None:
    values = {
        "order_id": "s", "stock_code": "005930", "stock_name": "n", "sell_reason": SellReason.STOP_LOSS,
        "rule": "R-EXIT-01", "trigger_price_krw": 1, "raised_at": at("10:00"),
    }  # fmt: skip
    assert SellOrder.model_validate(values | {"quantity": 1}).quantity == 1
    with pytest.raises(ValidationError):
        SellOrder.model_validate(values | {"quantity": 0})


@pytest.mark.rule("R-MSG-03", "R-ENUM-07")
def test_a_limit_order_has_a_price_and_a_market_order_has_none() -> None:
    values: dict[str, Any] = {
        "intent_id": "i", "lease": 1, "stock_code": "005930", "side": OrderSide.BUY, "quantity": 1,
    }  # fmt: skip
    assert OrderRequest.model_validate(values | {"order_type": OrderType.LIMIT, "limit_price_krw": 10}).quantity == 1
    for wrong in ({"order_type": OrderType.LIMIT}, {"order_type": OrderType.MARKET, "limit_price_krw": 10}):
        with pytest.raises(ValidationError):
            OrderRequest.model_validate(values | wrong)


@pytest.mark.rule("R-MSG-04")
def test_a_notice_of_a_trade_has_shares() -> None:
    values = {
        "trade_type": "SELL", "stock_code": "005930", "stock_name": "n", "price_krw": 1.0, "total_amount_krw": 1,
        "traded_at": at("10:00"),
    }  # fmt: skip
    with pytest.raises(ValidationError):
        TradeNotification.model_validate(values | {"quantity": 0})


@pytest.mark.rule("R-ENUM-13", "R-ENUM-14")
def test_a_watchlist_entry_cannot_contradict_its_tier_or_tag() -> None:
    assert not entry(trade_tier=TradeTier.BLOCKED, is_tradable=False).is_tradable
    for wrong in ({"trade_tier": TradeTier.BLOCKED}, {"risk_tag": "DISTRIBUTION_RISK"}):
        with pytest.raises(ValidationError):
            entry(**wrong)


@pytest.mark.rule("R-CAL-05", "R-DB-01")
def test_an_instant_of_utc_falls_on_the_day_of_seoul() -> None:
    """08:30 KST is still the day before in UTC."""
    early = entry(scored_at=datetime(2025, 6, 26, 23, 30, tzinfo=UTC))
    assert early.scored_at.date() == date(2025, 6, 27)
    with pytest.raises(ValidationError):
        entry(scored_at=datetime(2025, 6, 27, 8, 30))  # noqa: DTZ001
