"""Exits over random price paths, with fills that come late, in parts, or never (R-EXIT, R-MON-06)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.positions import Position, PositionEvent
from jennie_core.domain.signals import SellOrder
from jennie_core.strategy.exit_tables import EXIT_ROWS
from jennie_core.strategy.exits import evaluate_exit, stop_price_krw
from jennie_core.strategy.held import PositionIndicators
from jennie_core.strategy.monitor import MonitorCore
from tests.unit.strategy.builders import CODE, SESSION, SETTINGS, context, exit_position, position, risk, tick, us

REGIMES = st.sampled_from([*MarketRegime, None])
MOVES = st.lists(st.floats(min_value=-0.04, max_value=0.04), min_size=1, max_size=120)
FILL_RATIOS = st.lists(st.sampled_from([0.0, 0.3, 0.5, 1.0]), min_size=1, max_size=20)


def price_path(moves: list[float]) -> list[int]:
    prices, price = [], 10_000.0
    for move in moves:
        price = max(100.0, price * (1 + move))
        prices.append(round(price))
    return prices


class Desk:
    """A sell side that fills what it likes and reports like the executor does."""

    def __init__(self, core: MonitorCore, start: Position, ratios: list[float]) -> None:
        self.core = core
        self.position = start
        self.ratios = ratios
        self.sold = 0
        self.orders: list[SellOrder] = []

    def take(self, orders: list[SellOrder]) -> None:
        for order in orders:
            assert 0 < order.quantity <= self.position.quantity
            self.orders.append(order)
            filled = int(order.quantity * self.ratios[len(self.orders) % len(self.ratios)])
            if filled:
                self.fill(order, filled)

    def fill(self, order: SellOrder, quantity: int) -> None:
        self.sold += quantity
        changes: dict[str, object] = {"quantity": self.position.quantity - quantity}
        if quantity == order.quantity and order.scale_out_level is not None:
            changes["scale_out_level"] = order.scale_out_level
        self.position = self.position.model_copy(update=changes)
        event = PositionEvent(reason="fill", writer="sell", position=self.position, occurred_at=order.raised_at)
        self.core.apply_event(event, us("09:00"))


@pytest.mark.rule("R-MON-05", "R-MON-06", "R-SELL-06")
@settings(max_examples=150, deadline=None)
@given(moves=MOVES, ratios=FILL_RATIOS, regime=REGIMES, quantity=st.integers(1, 3_000), atr=st.none() | st.just(200.0))
def test_never_two_exits_for_one_share_and_never_more_than_held(
    moves: list[float], ratios: list[float], regime: MarketRegime | None, quantity: int, atr: float | None
) -> None:
    core = MonitorCore(SETTINGS, SESSION)
    core.set_context(None if regime is None else context(market_regime=regime))
    core.set_intraday(risk())
    start = position(quantity=quantity, atr_krw=atr)
    core.set_positions([start], us("08:50"))
    core.set_indicators(CODE, PositionIndicators(rsi=76.0, death_cross=bool(len(moves) % 2)))
    desk = Desk(core, start, ratios)
    lock_us = SETTINGS.orders.sell_lock_seconds * 1_000_000
    for index, price in enumerate(price_path(moves)):
        now_us = us("09:00") + index * 7_000_000
        raised_before = len(desk.orders)
        desk.take(list(core.on_tick(tick(price, now_us))))
        desk.take(list(core.on_mark(now_us + 1_000_000)))
        assert len(desk.orders) - raised_before <= 2
    assert desk.sold <= quantity
    assert desk.sold + desk.position.quantity == quantity
    assert len({order.order_id for order in desk.orders}) == len(desk.orders)
    if set(ratios) == {0.0}:
        gaps = [
            (later.raised_at - earlier.raised_at).total_seconds() * 1_000_000
            for earlier, later in zip(desk.orders, desk.orders[1:], strict=False)
        ]
        assert all(gap >= lock_us for gap in gaps)


@pytest.mark.rule("R-EXIT-01", "R-EXIT-06", "R-EXIT-07", "R-MON-06")
@settings(max_examples=150, deadline=None)
@given(moves=MOVES, regime=REGIMES, days=st.none() | st.integers(0, 40), atr=st.none() | st.floats(1, 1_000))
def test_a_crossed_stop_is_raised_at_once_and_again_until_it_is_filled(
    moves: list[float], regime: MarketRegime | None, days: int | None, atr: float | None
) -> None:
    core = MonitorCore(SETTINGS, SESSION)
    core.set_context(None if regime is None else context(market_regime=regime))
    core.set_positions([position(quantity=100, atr_krw=atr)], us("08:50"))
    held = core.held(CODE)
    assert held is not None
    held.context.holding_days = days
    last_order_us = None
    for index, price in enumerate(price_path(moves)):
        now_us = us("09:00") + index * 61_000_000
        orders = list(core.on_tick(tick(price, now_us)))
        if price <= stop_price_krw(held.context, SETTINGS.sell):
            assert len(orders) == 1, "no lock is open after 61 s, so a crossed stop must be raised"
            assert orders[0].quantity == 100
            last_order_us = now_us
    if last_order_us is not None:
        assert from_epoch_us(last_order_us) >= SESSION.open_at


@pytest.mark.rule("R-EXIT-01", "R-EXIT-09", "R-EXIT-19")
@given(
    profit=st.floats(-30, 60),
    above=st.floats(0, 30),
    regime=REGIMES,
    quantity=st.integers(1, 20_000),
    price=st.integers(100, 900_000),
    level=st.integers(0, 4),
    atr=st.none() | st.floats(0, 50_000),
    rsi=st.none() | st.floats(0, 100),
    days=st.none() | st.integers(0, 60),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_every_decision_is_a_legal_sale(
    profit: float,
    above: float,
    regime: MarketRegime | None,
    quantity: int,
    price: int,
    level: int,
    atr: float | None,
    rsi: float | None,
    days: int | None,
    flags: tuple[bool, bool, bool, bool],
) -> None:
    average = price / (1 + profit / 100)
    held = exit_position(
        quantity=quantity,
        average_price_krw=average,
        price_krw=price,
        high_watermark_krw=max(price, int(price * (1 + above / 100))),
        regime=regime,
        scale_out_level=level,
        atr_krw=atr,
        rsi=rsi,
        holding_days=days,
        death_cross=flags[0],
        macd_divergence=flags[1],
        rsi_sold=flags[2],
        profit_floor_armed=flags[3],
    )
    decision = evaluate_exit(held, SETTINGS.sell)
    if decision is None:
        assert (price - average) * 100 / average > -SETTINGS.sell.hard_stop_pct
        return
    assert 1 <= decision.quantity <= quantity
    assert decision.is_full == (decision.quantity == quantity)
    if decision.scale_out_level is not None:
        assert level < decision.scale_out_level <= len(EXIT_ROWS[regime].scale_out)
        rest = (quantity - decision.quantity) * price
        assert rest == 0 or rest >= SETTINGS.sell.min_transaction_krw
        assert decision.is_full or decision.quantity * price >= SETTINGS.sell.min_transaction_krw
