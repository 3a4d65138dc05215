"""Both desks of a replayed day: the live checks, one order per signal, time-outs and cancels as live."""

import pytest

from jennie_core.domain.enums import OrderState, SignalType
from jennie_core.replay.tick_fills import TickFillRules
from tests.unit.replay.day_parts import CASH, CODES, DAY, Desks, buy, permit, published, sell, trade
from tests.unit.strategy.builders import at, position

CODE, OTHER = CODES[0], CODES[1]
ALL = TickFillRules(slippage_bps=0.0, volume_share_ratio=1.0)


def test_a_signal_becomes_one_order_and_a_position_one_slice_later() -> None:
    desks = Desks(ALL)
    desks.step("09:30:05", trade(10_000, "09:30:01"), signals=[buy("09:30:02")])
    (trade_of,) = desks.books.trades.values()
    assert trade_of.intent.state is OrderState.ACCEPTED
    assert trade_of.intent.quantity > 0
    desks.step("09:30:10", trade(10_000, "09:30:06", 100_000))
    assert trade_of.intent.state is OrderState.FILLED
    assert desks.books.positions[CODE].quantity == trade_of.intent.quantity
    assert desks.books.positions[CODE].bought_on == DAY
    desks.require_conservation(CASH, {})


@pytest.mark.rule("R-MSG-06")
def test_the_same_signal_twice_is_refused_by_the_duplicate_rule() -> None:
    desks = Desks(ALL)
    signal = buy("09:30:02")
    desks.step("09:30:05", trade(10_000, "09:30:01"), signals=[signal, signal])
    assert desks.rules_that_refused == ["R-MSG-06"]
    assert len(desks.books.trades) == 1


@pytest.mark.rule("R-BUY-10")
def test_a_stock_that_is_being_bought_is_not_bought_again() -> None:
    desks = Desks(ALL)
    desks.step("09:30:05", trade(10_000, "09:30:01"), signals=[buy("09:30:02"), buy("09:30:03")])
    assert desks.rules_that_refused == ["R-BUY-10"]


@pytest.mark.rule("R-ORD-04", "R-BUY-10")
def test_a_limit_order_that_nobody_meets_is_cancelled_after_its_time_and_the_code_rests() -> None:
    """R-ORD-04: ten seconds from the first settled mark on; R-BUY-10 keeps the code back after it."""
    desks = Desks(ALL)
    desks.step("09:30:05", trade(10_000, "09:30:04"), signals=[buy("09:30:04", kind=SignalType.MOMENTUM)])
    (order,) = desks.books.trades.values()
    desks.step("09:30:10", trade(10_500, "09:30:06"))
    assert order.intent.state is OrderState.ACCEPTED
    desks.step("09:30:15")
    assert (order.intent.state, order.intent.filled_quantity) == (OrderState.CANCELLED, 0)
    desks.step("09:30:20", trade(10_000, "09:30:19"), signals=[buy("09:30:19")])
    assert desks.rules_that_refused == ["R-BUY-10"]
    desks.require_conservation(CASH, {})


@pytest.mark.rule("R-ORD-05", "R-ORD-07", "R-ORD-10")
def test_a_market_order_that_fills_in_part_keeps_its_shares_when_its_patience_ends() -> None:
    """R-ORD-06: five polls, then the rest is cancelled and read back."""
    desks = Desks(TickFillRules(slippage_bps=0.0, volume_share_ratio=0.1))
    desks.step("09:30:05", trade(10_000, "09:30:04"), signals=[buy("09:30:04")])
    (order,) = desks.books.trades.values()
    desks.step("09:30:10", trade(10_010, "09:30:06", 200))
    assert (order.intent.state, order.intent.filled_quantity) == (OrderState.PARTIALLY_FILLED, 20)
    for second in range(15, 60, 5):
        desks.step(f"09:30:{second}")
    assert (order.intent.state, order.intent.filled_quantity) == (OrderState.CANCELLED, 20)
    assert desks.books.positions[CODE].quantity == 20
    desks.require_conservation(CASH, {})


@pytest.mark.rule("R-SELL-05", "R-SELL-09")
def test_a_carried_holding_is_sold_once_and_its_cooldowns_begin() -> None:
    held = position(CODE, quantity=100, average_price_krw=11_000.0, bought_on=None, trade_id=None)
    desks = Desks(ALL, positions=[held])
    desks.step("09:30:05", trade(10_000, "09:30:01"), sells=[sell("09:30:01", 100), sell("09:30:02", 100)])
    assert desks.rules_that_refused == ["R-SELL-05"]
    desks.step("09:30:10", trade(10_000, "09:30:06", 1_000))
    (order,) = desks.books.trades.values()
    assert order.intent.state is OrderState.FILLED
    assert order.realized_pnl_krw == -100_000 - order.costs_krw
    assert desks.books.stop_loss_cooldowns[CODE].date() == at("09:30").date().replace(day=30)
    desks.require_conservation(CASH, {CODE: 100})


@pytest.mark.rule("R-BUY-07", "R-SELL-10")
def test_what_was_sold_is_not_bought_again_the_same_day() -> None:
    held = position(CODE, quantity=100, trade_id=None)
    desks = Desks(ALL, positions=[held])
    desks.step("09:30:05", trade(10_000, "09:30:01"), sells=[sell("09:30:01", 100)])
    desks.step("09:30:10", trade(10_000, "09:30:06", 1_000))
    desks.step("09:30:15", trade(10_000, "09:30:13"), signals=[buy("09:30:14")])
    desks.step("09:30:20", trade(10_000, "09:30:18"), signals=[buy("09:30:19")])
    assert desks.rules_that_refused == ["R-BUY-06", "R-BUY-07"], "known to the other desk one settled mark later"


def test_no_permit_and_a_permit_for_another_list_refuse() -> None:
    for given, detail in ((None, "no trading permit was published"), (permit(watchlist_version="wl-0"), "another")):
        desks = Desks(ALL, known=published(permit=given))
        desks.step("09:30:05", trade(10_000, "09:30:01"), signals=[buy("09:30:02")])
        (outcome,) = desks.books.outcomes
        assert outcome.refusal is not None
        assert outcome.refusal.rule == "PERMIT"
        assert detail in outcome.refusal.detail


def test_a_code_without_a_known_past_is_not_bought() -> None:
    desks = Desks(ALL, facts={})
    desks.step("09:30:05", trade(10_000, "09:30:01"), signals=[buy("09:30:02")])
    assert desks.rules_that_refused == ["Q3-status"]
    assert not desks.books.trades
