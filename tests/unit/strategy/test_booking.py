"""What fills make of a position (R-BUY-15, R-SELL-07..11, R-GW-07): facts with the buy, exit state with the sale."""

from dataclasses import replace
from typing import Any

import pytest

from jennie_core.domain.enums import MarketRegime, OrderSide, OrderType, SellReason
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import SellOrder
from jennie_core.strategy.booking import NewFill, position_after
from jennie_core.strategy.fills import Listing
from jennie_core.strategy.intent import Intent, Sender
from jennie_core.strategy.sell_intent import sell_intent
from tests.unit.strategy.builders import CODE, DAY, at, position

NOW = at("10:00")


def fill(quantity: int, price: int, fee: int = 0, tax: int = 0) -> NewFill:
    return NewFill(f"f{quantity}-{price}", quantity, price, fee, tax, NOW, "notice")


def order(**changes: Any) -> SellOrder:
    values: dict[str, Any] = {
        "order_id": "s-1", "stock_code": CODE, "stock_name": "n", "sell_reason": SellReason.PROFIT_TARGET,
        "rule": "R-EXIT-09", "trigger_price_krw": 11_000, "quantity": 40, "scale_out_level": 1, "holding_days": 3,
        "market_regime": MarketRegime.BULL, "raised_at": NOW,
    }  # fmt: skip
    return SellOrder.model_validate(values | changes)


def sale(held: Position, **changes: Any) -> Intent:
    return sell_intent(Sender("account", 1), order(**changes), held, NOW, Listing())


@pytest.mark.rule("R-SELL-06", "R-SELL-07", "R-DATA-12")
def test_a_sale_is_a_market_order_of_managed_shares_that_names_its_buy() -> None:
    intent = sale(position(quantity=30), quantity=40)
    assert (intent.side, intent.order_type, intent.limit_price_krw) == (OrderSide.SELL, OrderType.MARKET, None)
    assert intent.quantity == 30
    assert intent.context["opened_by"] == "buy-1"
    assert intent.intent_id == sale(position()).intent_id, "the same order makes the same intent"


@pytest.mark.rule("R-SELL-08", "R-MON-06")
def test_a_part_sale_counts_from_the_fills_price_and_advances_its_level() -> None:
    held = position(high_watermark_krw=12_000, scale_out_level=0)
    after, realized = position_after(held, sale(held), [fill(40, 10_500, fee=3, tax=7)])
    assert (after.quantity, after.scale_out_level, after.high_watermark_krw) == (60, 1, 12_000)
    assert realized == 40 * 500 - 10
    assert not after.rsi_sold
    overbought = sale(held, sell_reason=SellReason.RSI_OVERBOUGHT, scale_out_level=None)
    assert position_after(held, overbought, [fill(40, 10_500)])[0].rsi_sold


@pytest.mark.rule("R-SELL-11", "R-BUY-15")
def test_a_sold_out_stock_keeps_no_exit_state() -> None:
    held = position(high_watermark_krw=12_000, scale_out_level=2, rsi_sold=True, profit_floor_armed=True, quantity=40)
    after, _ = position_after(held, sale(held), [fill(40, 10_500)])
    assert (after.quantity, after.high_watermark_krw, after.scale_out_level) == (0, None, 0)
    assert (after.rsi_sold, after.profit_floor_armed, after.bought_on, after.trade_id) == (False, False, None, None)


@pytest.mark.rule("R-BUY-15", "R-GW-07")
def test_a_buy_opens_a_holding_with_its_sector_day_and_watermark_and_a_second_one_leaves_them() -> None:
    template = sale(position())
    buy = replace(
        template, intent_id="buy-2", side=OrderSide.BUY, scale_out_level=None,
        context={"sector_group": "금융", "atr_krw": 200.0},
    )  # fmt: skip
    opened, realized = position_after(None, buy, [fill(10, 10_000), fill(30, 10_400)])
    assert realized == 0
    assert (opened.quantity, opened.average_price_krw, opened.high_watermark_krw) == (40, 10_300.0, 10_400)
    assert (opened.sector_group, opened.bought_on, opened.trade_id, opened.atr_krw) == ("금융", DAY, "buy-2", 200.0)
    more, _ = position_after(opened, replace(buy, intent_id="buy-3"), [fill(40, 10_000)])
    assert (more.quantity, more.average_price_krw, more.trade_id) == (80, 10_150.0, "buy-2")
