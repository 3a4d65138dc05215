"""The price monitor's state machine (R-MON, R-EXIT-20/21, R-LIQ, O4)."""

from datetime import date
from typing import Any

import pytest

from jennie_core.domain.control import StopState
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, SellReason
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.domain.signals import SellOrder
from jennie_core.strategy.held import PositionIndicators, WatermarkChange
from jennie_core.strategy.monitor import MonitorCore, sell_order_id
from tests.unit.strategy.builders import CODE, SESSION, SETTINGS, at, context, position, risk, tick, us

BLOCKING_HALT = StopState(halted=True, halt_blocks_exits=True)


def monitor(*positions: Position, **inputs: Any) -> MonitorCore:
    core = MonitorCore(SETTINGS, SESSION)
    core.set_context(inputs.get("context", context()))
    core.set_intraday(inputs.get("risk", risk()))
    core.set_stops(inputs.get("stops", StopState()))
    core.set_positions(positions or (position(),), us("08:50"))
    return core


def price(core: MonitorCore, krw: int, clock: str, **changes: Any) -> list[SellOrder]:
    return list(core.on_tick(tick(krw, us(clock), **changes)))


def fill(core: MonitorCore, clock: str, **changes: Any) -> None:
    event = PositionEvent(reason="fill", writer="sell", position=position(**changes), occurred_at=at(clock))
    core.apply_event(event, us(clock))


def marks(core: MonitorCore, first: str, last: str) -> list[SellOrder]:
    orders: list[SellOrder] = []
    for market_us in range(us(first), us(last) + 1, 1_000_000):
        orders.extend(core.on_mark(market_us))
    return orders


@pytest.mark.rule("R-MON-02")
def test_a_crossed_stop_raises_one_order_with_its_rule_and_cause() -> None:
    core = monitor()
    assert price(core, 9_600, "09:30") == []
    [order] = price(core, 9_500, "09:30:01")
    assert (order.rule, order.sell_reason, order.quantity) == ("R-EXIT-07", SellReason.STOP_LOSS, 100)
    assert (order.trigger_price_krw, order.profit_pct) == (9_500, -5.0)
    assert order.raised_at == at("09:30:01")
    assert order.tick_exchange_us == us("09:30:01")
    assert order.order_id == sell_order_id(CODE, "R-EXIT-07", None, us("09:30:01"))


@pytest.mark.rule("R-MON-06")
def test_one_open_sell_per_stock() -> None:
    core = monitor()
    assert price(core, 9_500, "09:30")
    assert price(core, 9_400, "09:30:30") == []
    assert price(core, 8_000, "09:30:59") == []


@pytest.mark.rule("R-MON-06")
def test_the_order_is_raised_again_when_its_lock_ends_without_a_fill() -> None:
    """Level-triggered, in market time, without waiting for a tick."""
    core = monitor()
    [first] = price(core, 9_500, "09:30")
    assert marks(core, "09:30:01", "09:30:59") == []
    [again] = core.on_mark(us("09:31"))
    assert (again.rule, again.tick_exchange_us) == ("R-EXIT-07", None)
    assert again.order_id != first.order_id


@pytest.mark.rule("R-MON-06")
def test_ticks_under_the_lock_do_not_put_the_next_order_off() -> None:
    """The end of the lock itself is due, not the next sweep."""
    core = monitor()
    price(core, 9_500, "09:30")
    price(core, 9_490, "09:30:50")
    assert len(core.on_mark(us("09:31"))) == 1


def test_an_order_is_not_repeated_when_the_rule_no_longer_holds() -> None:
    core = monitor()
    price(core, 9_500, "09:30")
    price(core, 9_900, "09:30:30")
    assert marks(core, "09:30:31", "09:32") == []


@pytest.mark.rule("R-MON-06")
def test_a_part_exit_blocks_until_it_is_filled_and_advances_on_the_fill() -> None:
    """Level and lock move on the fill, not on the order."""
    core = monitor(position(quantity=1_000))
    [part] = price(core, 10_300, "09:30")
    assert (part.rule, part.quantity, part.scale_out_level) == ("R-EXIT-09", 250, 1)
    assert price(core, 10_700, "09:30:05") == []
    fill(core, "09:30:06", quantity=900)
    assert price(core, 10_700, "09:30:07") == []
    fill(core, "09:30:08", quantity=750, scale_out_level=1)
    [second] = price(core, 10_700, "09:30:09")
    assert (second.quantity, second.scale_out_level) == (187, 2)


@pytest.mark.rule("R-MON-06")
def test_a_lost_part_exit_is_raised_again_at_the_same_level() -> None:
    core = monitor(position(quantity=1_000))
    price(core, 10_300, "09:30")
    [again] = price(core, 10_300, "09:31")
    assert (again.scale_out_level, again.quantity) == (1, 250)


def test_a_refused_order_frees_the_stock_at_once() -> None:
    core = monitor()
    price(core, 9_500, "09:30")
    core.release(CODE)
    assert len(price(core, 9_500, "09:30:01")) == 1


@pytest.mark.rule("R-MON-01")
def test_a_sold_out_position_is_forgotten() -> None:
    core = monitor()
    price(core, 9_500, "09:30")
    fill(core, "09:30:01", quantity=0)
    assert core.codes() == []
    assert price(core, 9_000, "09:30:02") == []


def test_only_managed_shares_are_sold() -> None:
    """O3"""
    core = monitor(position(quantity=40, external_quantity=1_000))
    [order] = price(core, 9_000, "09:30")
    assert order.quantity == 40


@pytest.mark.rule("R-MON-07")
@pytest.mark.parametrize(
    "stops", [StopState(paused=True), StopState(halted=True), StopState(paused=True, halted=True), None]
)
def test_pause_and_halt_never_block_protective_exits(stops: StopState | None) -> None:
    """O4."""
    assert price(monitor(stops=stops), 9_500, "09:30")


@pytest.mark.rule("R-MON-07")
def test_a_halt_with_the_explicit_setting_holds_exits_back_and_says_so_once() -> None:
    """O4: an alarm per suppressed stop-loss."""
    core = monitor(stops=BLOCKING_HALT)
    for second in range(10):
        assert price(core, 9_500, f"09:30:0{second}") == []
    [alert] = core.drain_alerts()
    assert (alert.severity, alert.alert_id) == ("critical", f"suppressed-exit:{CODE}:R-EXIT-07")
    core.set_stops(StopState())
    assert [one.cleared for one in core.drain_alerts()] == [True]
    assert price(core, 9_500, "09:30:20")


@pytest.mark.rule("R-LIQ-02", "R-LIQ-04")
def test_forced_liquidation_passes_every_stop_and_needs_no_tick() -> None:
    core = monitor(stops=BLOCKING_HALT)
    core.set_liquidation({CODE}, armed=False)
    assert core.on_mark(us("09:30")) == []
    core.set_liquidation({CODE}, armed=True)
    [order] = core.on_mark(us("09:30:01"))
    assert (order.sell_reason, order.quantity, order.rule) == (SellReason.FORCED_LIQUIDATION, 100, "R-LIQ-02")


@pytest.mark.rule("R-LIQ-02", "R-LIQ-04")
def test_liquidation_stands_before_every_rule_and_goes_on_until_filled() -> None:
    """Removal is the caller's, after a fill."""
    core = monitor()
    core.set_liquidation({CODE}, armed=True)
    [order] = price(core, 8_000, "09:30")
    assert order.sell_reason is SellReason.FORCED_LIQUIDATION
    assert len(marks(core, "09:30:01", "09:32")) == 2
    fill(core, "09:32:01", quantity=0)
    assert marks(core, "09:32:02", "09:34") == []


def test_liquidation_touches_only_its_codes() -> None:
    core = monitor(position(), position("000660"))
    core.set_liquidation({"000660"}, armed=True)
    assert [order.stock_code for order in core.on_mark(us("09:30"))] == ["000660"]


@pytest.mark.rule("R-EXIT-20")
def test_the_sweep_judges_the_last_price_every_minute_without_ticks() -> None:
    """Here the stop tightens by a new context, not by a price."""
    core = monitor()
    price(core, 9_580, "09:30")
    core.set_context(context(stop_loss_multiplier=0.8))
    orders = marks(core, "09:30:01", "09:31:30")
    assert [(order.rule, order.raised_at) for order in orders] == [("R-EXIT-07", at("09:31"))]


@pytest.mark.rule("R-EXIT-20")
def test_a_silent_price_is_said_once_and_its_return_too() -> None:
    """I5."""
    core = monitor()
    price(core, 10_000, "09:30")
    marks(core, "09:30:01", "09:31")
    assert core.drain_alerts() == []
    marks(core, "09:31:01", "09:40")
    [stale] = core.drain_alerts()
    assert (stale.alert_id, stale.cleared) == (f"stale-price:{CODE}", False)
    price(core, 10_000, "09:40:01")
    [back] = core.drain_alerts()
    assert (back.alert_id, back.cleared) == (f"stale-price:{CODE}", True)


def test_a_code_without_any_tick_since_the_open_is_stale_too() -> None:
    core = monitor()
    marks(core, "09:00", "09:01:01")
    assert [alert.alert_id for alert in core.drain_alerts()] == [f"stale-price:{CODE}"]


def test_interruption_and_halt_are_quiet_with_a_reason() -> None:
    """T6"""
    core = monitor(position(), position("000660"))
    price(core, 10_000, "09:30")
    core.on_tick(tick(10_000, us("09:30:01"), phase="C"))
    core.set_halted("000660", "trading halt")
    marks(core, "09:30:02", "09:40")
    assert core.drain_alerts() == []
    held = core.held(CODE)
    assert held is not None
    assert held.quiet_reason == "volatility interruption"


def test_a_reason_to_be_quiet_is_asked_for_again() -> None:
    """T6: an interruption or a halt that has ended without a trade must not keep a code quiet for ever."""
    core = monitor(position(), position("000660"))
    price(core, 10_000, "09:30")
    core.on_tick(tick(10_000, us("09:30:20"), phase="C"))
    marks(core, "09:30:30", "09:30:30")
    core.set_halted("000660", "trading halt")
    assert core.unheard(us("09:31:04"), 45_000_000) == []
    assert core.unheard(us("09:31:05"), 45_000_000) == [CODE]
    assert core.unheard(us("09:31:15"), 45_000_000) == sorted([CODE, "000660"])
    core.on_tick(tick(10_000, us("09:31:16"), phase="C"))
    assert core.unheard(us("09:31:17"), 45_000_000) == ["000660"]


def test_a_halted_stock_raises_no_orders_until_it_trades() -> None:
    core = monitor()
    price(core, 9_600, "09:30")
    core.set_context(context(stop_loss_multiplier=0.8))
    core.set_halted(CODE, "trading halt")
    assert marks(core, "09:30:01", "09:33") == []
    assert price(core, 9_600, "09:33:01")


def test_no_silence_is_noticed_in_the_closing_auction() -> None:
    core = monitor()
    price(core, 10_000, "15:19:30")
    marks(core, "15:19:31", "15:30")
    assert core.drain_alerts() == []


@pytest.mark.rule("R-CAL-02")
@pytest.mark.parametrize(("clock", "count"), [("08:59:59", 0), ("09:00", 1), ("15:29:59", 1), ("15:30", 0)])
def test_exits_live_between_open_and_close(clock: str, count: int) -> None:
    assert len(price(monitor(), 9_000, clock)) == count


def test_auction_prices_move_nothing() -> None:
    """T6"""
    core = monitor()
    assert price(core, 5_000, "09:30", phase="A") == []
    held = core.held(CODE)
    assert held is not None
    assert held.context.price_krw == 0


@pytest.mark.rule("R-MON-03")
def test_the_watermark_is_the_highest_of_price_stored_and_buy_price() -> None:
    core = monitor(position(high_watermark_krw=10_400), position("000660"))
    assert core.held(CODE).context.high_watermark_krw == 10_400  # type: ignore[union-attr]
    assert core.held("000660").context.high_watermark_krw == 10_000  # type: ignore[union-attr]
    price(core, 10_450, "09:30")
    price(core, 10_300, "09:30:01")
    assert core.drain_watermarks() == [WatermarkChange(CODE, 10_450, False)]
    assert core.drain_watermarks() == []


@pytest.mark.rule("R-RDS-05")
def test_a_refresh_with_an_older_watermark_never_lowers_it() -> None:
    """Drill 22."""
    core = monitor(position(quantity=1_000, scale_out_level=4))
    price(core, 11_000, "09:30")
    core.set_positions([position(quantity=1_000, scale_out_level=4, high_watermark_krw=10_200)], us("09:31"))
    assert price(core, 10_600, "09:31:01")[0].rule == "R-EXIT-08"


@pytest.mark.rule("R-EXIT-02", "R-MON-04")
def test_the_profit_floor_arms_at_fifteen_percent() -> None:
    core = monitor(position(quantity=1_000, scale_out_level=4))
    price(core, 11_500, "09:30")
    assert core.drain_watermarks() == [WatermarkChange(CODE, 11_500, True)]
    assert price(core, 10_900, "09:30:01")[0].rule == "R-EXIT-02"


@pytest.mark.rule("R-BUY-15")
def test_a_new_holding_of_the_same_code_starts_a_new_watermark() -> None:
    core = monitor(position(high_watermark_krw=14_000, scale_out_level=4, profit_floor_armed=True))
    fill(core, "10:00", trade_id="buy-2", average_price_krw=9_000.0)
    held = core.held(CODE)
    assert held is not None
    assert (held.context.high_watermark_krw, held.context.profit_floor_armed) == (9_000, False)


def test_a_split_restates_watermark_and_price() -> None:
    """O3: a typed adjustment must not look like a crash."""
    core = monitor(position(high_watermark_krw=10_800, scale_out_level=4))
    price(core, 10_800, "09:30")
    split = position(quantity=200, average_price_krw=5_000.0, high_watermark_krw=5_400, scale_out_level=4)
    event = PositionEvent(reason="adjustment", writer="ops", position=split, occurred_at=at("09:31"))
    core.apply_event(event, us("09:31"))
    assert marks(core, "09:31:01", "09:33") == []
    assert price(core, 5_390, "09:33:01") == []


def test_a_reverse_split_is_not_judged_on_the_price_before_it() -> None:
    """O3"""
    core = monitor()
    price(core, 10_000, "09:30")
    merged = position(quantity=50, average_price_krw=20_000.0)
    event = PositionEvent(reason="adjustment", writer="ops", position=merged, occurred_at=at("09:31"))
    core.apply_event(event, us("09:31"))
    assert marks(core, "09:31:01", "09:33") == []
    assert price(core, 20_000, "09:33:01") == []


@pytest.mark.rule("R-MON-08")
def test_regime_and_throttle_reach_the_exit_rules() -> None:
    """A bear market scales out at 2 %."""
    core = monitor(position(quantity=1_000), context=context(market_regime=MarketRegime.BULL))
    assert price(core, 10_200, "09:30") == []
    core.set_intraday(risk(IntradayRiskLevel.WARNING, position_multiplier=0.6, minimum_regime=MarketRegime.BEAR))
    [order] = price(core, 10_200, "09:30:01")
    assert (order.scale_out_level, order.market_regime) == (1, MarketRegime.BEAR)


def test_an_unreadable_context_keeps_the_last_known_regime() -> None:
    """S3"""
    core = monitor(position(quantity=1_000), context=context(market_regime=MarketRegime.BULL))
    core.set_context(None)
    assert core.context.regime is MarketRegime.BULL
    assert price(core, 10_300, "09:30") == []


def test_without_any_context_the_tightest_values_hold() -> None:
    """S3"""
    core = MonitorCore(SETTINGS, SESSION)
    core.set_positions([position()], us("08:50"))
    assert price(core, 9_601, "09:30") == []
    [order] = price(core, 9_600, "09:30:01")
    assert (order.rule, order.market_regime) == ("R-EXIT-07", None)


@pytest.mark.rule("R-MON-01")
def test_daily_indicators_reach_the_rules_and_holding_days_count() -> None:
    core = monitor(position(bought_on=date(2025, 6, 17)))
    core.set_indicators(CODE, PositionIndicators(atr_krw=100.0, death_cross=True))
    core.set_indicators("000660", PositionIndicators())
    [order] = price(core, 9_840, "09:30")
    assert (order.rule, order.holding_days) == ("R-EXIT-06", 10)


@pytest.mark.rule("R-EXIT-21")
def test_invalid_prices_are_an_alarm_and_no_signal() -> None:
    core = monitor(position(average_price_krw=0.0))
    assert price(core, 9_000, "09:30") == []
    assert price(core, 0, "09:30:01") == []
    assert [alert.alert_id for alert in core.drain_alerts()] == [f"invalid-price:{CODE}"]
    fill(core, "09:31", average_price_krw=9_000.0)
    price(core, 9_000, "09:31:01")
    assert [alert.cleared for alert in core.drain_alerts()] == [True]


def test_a_stock_sold_while_stale_ends_its_alert() -> None:
    core = monitor()
    marks(core, "09:00", "09:02")
    fill(core, "09:02:01", quantity=0)
    assert [alert.cleared for alert in core.drain_alerts()] == [False, True]


@pytest.mark.rule("R-EXIT-21")
def test_a_trade_at_zero_is_an_alarm_and_keeps_the_last_price() -> None:
    core = monitor()
    price(core, 10_000, "09:30")
    assert price(core, 0, "09:30:01") == []
    held = core.held(CODE)
    assert held is not None
    assert held.context.price_krw == 10_000
    assert [alert.alert_id for alert in core.drain_alerts()] == [f"invalid-price:{CODE}"]


@pytest.mark.rule("R-EXIT-20")
def test_silence_is_no_fault_once_the_closing_auction_has_begun() -> None:
    core = monitor()
    price(core, 10_000, "15:18:00")
    core.on_mark(us("15:20:00"))
    assert core.drain_alerts() == []
    core = monitor()
    price(core, 10_000, "15:18:00")
    core.on_mark(us("15:19:59"))
    assert [alert.alert_id for alert in core.drain_alerts()] == [f"stale-price:{CODE}"]


@pytest.mark.rule("R-MON-01")
def test_a_position_without_managed_shares_is_not_watched() -> None:
    assert monitor(position(quantity=0, external_quantity=5)).codes() == []
