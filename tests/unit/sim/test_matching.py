"""Matching under KRX rules: price-time priority, the queue, partial fills, auctions, lifetimes."""

import pytest

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.orders import Lifetime, NoticeKind, Order, OrderKind, OrderStatus, Refusal, Refused
from jennie_sim.exchange.request import OrderRequest
from jennie_sim.market.handmade import (
    ACCOUNT,
    CODE,
    HALTED,
    LEVEL_SIZE,
    OTHER,
    YESTERDAY,
    TradeRow,
    at,
    handmade_market,
)
from jennie_sim.market.pack import CarriedHolding

BUYER, AUCTION, SELLER = 1, 3, 5
CALM: list[TradeRow] = [
    ("09:00:00", 70_000, 1_000, AUCTION),
    ("09:00:04", 70_100, 50, BUYER),
    ("09:00:11", 70_000, 30, SELLER),
    ("09:00:12", 69_900, 500, SELLER),
    ("09:00:21", 70_400, 80, BUYER),
    ("15:30:00", 70_200, 2_000, AUCTION),
]
HOLDING = (CarriedHolding(code=CODE, quantity=500, average_price_krw=69_000, bought_on=YESTERDAY),)


def exchange(trades: list[TradeRow] | None = None, start: str = "09:00:05", **options: object) -> Exchange:
    return Exchange(handmade_market({CODE: trades or CALM}, **options), start_ms=at(start))  # type: ignore[arg-type]


def request(
    side: OrderSide, quantity: int, price: int = 0, lifetime: Lifetime = Lifetime.DAY, code: str = CODE
) -> OrderRequest:
    kind = OrderKind.LIMIT if price else OrderKind.MARKET
    return OrderRequest(ACCOUNT, code, side, kind, quantity, price, lifetime, "00" if price else "01")


def buy(sim: Exchange, quantity: int, price: int = 0, lifetime: Lifetime = Lifetime.DAY) -> Order:
    return sim.place(request(OrderSide.BUY, quantity, price, lifetime))


def sell(sim: Exchange, quantity: int, price: int = 0) -> Order:
    return sim.place(request(OrderSide.SELL, quantity, price))


def got(order: Order) -> list[tuple[int, int]]:
    return [(fill.quantity, fill.price_krw) for fill in order.fills]


def test_nothing_is_matched_before_time_moves() -> None:
    sim = exchange()
    order = buy(sim, 10)
    assert not order.fills
    assert order.status is OrderStatus.WORKING


def test_market_buy_takes_the_best_ask_of_the_instant_it_was_accepted() -> None:
    sim = exchange()
    order = buy(sim, 10)
    sim.advance(at("09:00:10"))
    assert got(order) == [(10, 70_100)]
    assert order.fills[0].at_ms == at("09:00:05")


def test_market_sell_takes_the_best_bid() -> None:
    sim = exchange(holdings=HOLDING)
    order = sell(sim, 10)
    sim.advance(at("09:00:10"))
    assert got(order) == [(10, 70_000)]


def test_a_large_market_order_walks_the_levels_and_waits_for_the_tape_inside_the_days_range() -> None:
    sim = exchange()
    order = buy(sim, LEVEL_SIZE + 20)
    sim.advance(at("09:00:10"))
    assert got(order) == [(LEVEL_SIZE, 70_100), (1, 70_200), (1, 70_300), (1, 70_400)]
    sim.advance(at("09:00:15"))
    assert got(order)[4:] == [(17, 70_000)]
    assert order.status is OrderStatus.FILLED


def test_limit_buy_below_the_market_waits_behind_the_queue_at_its_price() -> None:
    sim = exchange()
    order = buy(sim, 40, 70_000)
    sim.advance(at("09:00:11"))
    assert order.queue_ahead == LEVEL_SIZE - 30
    assert not order.fills


def test_a_trade_below_the_limit_price_fills_the_waiting_buy_at_its_own_price() -> None:
    sim = exchange()
    order = buy(sim, 40, 70_000)
    sim.advance(at("09:00:15"))
    assert got(order) == [(40, 70_000)]
    assert order.fills[0].at_ms == at("09:00:12")


def test_orders_share_a_trade_by_price_then_by_arrival() -> None:
    sim = exchange([*CALM[:2], ("09:00:12", 69_700, 60, SELLER), *CALM[4:]])
    first = buy(sim, 20, 69_800)
    sim.advance(at("09:00:06"))
    late_but_better, second = buy(sim, 30, 69_900), buy(sim, 50, 69_800)
    sim.advance(at("09:00:15"))
    assert got(late_but_better) == [(30, 69_900)]
    assert got(first) == [(20, 69_800)]
    assert got(second) == [(10, 69_800)]
    assert second.remaining == 40


def test_orders_of_one_instant_stand_by_size_whichever_came_first() -> None:
    """Two clients race to the exchange within one instant; their race must not decide who gets the shares (T3)."""
    fills = []
    for quantities in ((20, 50), (50, 20)):
        sim = exchange([*CALM[:2], ("09:00:12", 69_700, 60, SELLER), *CALM[4:]])
        orders = {quantity: buy(sim, quantity, 69_800) for quantity in quantities}
        sim.advance(at("09:00:15"))
        fills.append({quantity: order.filled_quantity for quantity, order in orders.items()})
    assert fills == [{50: 50, 20: 10}] * 2


@pytest.mark.parametrize("clock", ["08:45:00", "15:25:00"])
@pytest.mark.parametrize(
    ("kind", "lifetime"),
    [
        (OrderKind.LIMIT, Lifetime.IOC),
        (OrderKind.MARKET, Lifetime.FOK),
        (OrderKind.BEST, Lifetime.DAY),
        (OrderKind.PRIORITY, Lifetime.DAY),
    ],
)
def test_a_call_auction_takes_no_order_that_needs_a_quote(clock: str, kind: OrderKind, lifetime: Lifetime) -> None:
    sim = exchange(start=clock)
    price = 70_000 if kind is OrderKind.LIMIT else 0
    with pytest.raises(Refused) as refused:
        sim.place(OrderRequest(ACCOUNT, CODE, OrderSide.BUY, kind, 1, price, lifetime))
    assert refused.value.refusal is Refusal.ORDER_TYPE


def test_two_orders_of_one_instant_do_not_take_the_same_shares() -> None:
    sim = exchange()
    first, second = buy(sim, LEVEL_SIZE, 70_100), buy(sim, 10, 70_100)
    sim.advance(at("09:00:06"))
    assert got(first) == [(LEVEL_SIZE, 70_100)]
    assert got(second) == []


def test_opening_cross_fills_orders_of_the_auction_at_one_price() -> None:
    sim = exchange(start="08:45:00", holdings=HOLDING)
    at_market, generous, stingy, offer = buy(sim, 5), buy(sim, 6, 71_000), buy(sim, 7, 69_000), sell(sim, 8, 69_500)
    sim.advance(at("09:00:00"))
    assert [got(order) for order in (at_market, generous, stingy, offer)] == [
        [(5, 70_000)],
        [(6, 70_000)],
        [],
        [(8, 70_000)],
    ]


def test_an_auction_gives_at_most_its_volume_to_each_side() -> None:
    sim = exchange(start="08:45:00")
    order = buy(sim, 1_200, 70_500)
    sim.advance(at("09:00:00"))
    assert got(order) == [(1_000, 70_000)]


def test_closing_cross_fills_at_the_close_and_the_rest_lapses_without_a_notice() -> None:
    sim = exchange(start="15:20:00")
    crossed, missed = buy(sim, 10, 70_300), buy(sim, 10, 69_000)
    sim.advance(at("15:30:00"))
    assert got(crossed) == [(10, 70_200)]
    notices = sim.advance(at("15:35:00"))
    assert missed.status is OrderStatus.EXPIRED
    assert notices == []
    assert sim.accounts[ACCOUNT].reserved_krw == 0


def test_immediate_or_cancel_keeps_what_it_got_and_kills_the_rest() -> None:
    sim = exchange()
    order = buy(sim, LEVEL_SIZE + 5, 70_100, Lifetime.IOC)
    notices = sim.advance(at("09:00:10"))
    assert got(order) == [(LEVEL_SIZE, 70_100)]
    assert order.status is OrderStatus.CANCELLED
    assert [notice.kind for notice in notices] == [NoticeKind.ACCEPTED, NoticeKind.FILLED, NoticeKind.KILLED]


def test_fill_or_kill_takes_nothing_when_it_cannot_have_all() -> None:
    sim = exchange()
    order = buy(sim, LEVEL_SIZE + 5, 70_100, Lifetime.FOK)
    sim.advance(at("09:00:10"))
    assert got(order) == []
    assert order.status is OrderStatus.CANCELLED


def test_partial_fill_then_cancel_keeps_the_filled_shares() -> None:
    sim = exchange()
    order = buy(sim, LEVEL_SIZE + 50, 70_100)
    sim.advance(at("09:00:10"))
    entry = sim.cancel(ACCOUNT, order.number, None)
    assert (order.filled_quantity, order.cancelled_quantity, order.remaining) == (LEVEL_SIZE, 50, 0)
    assert order.status is OrderStatus.CANCELLED
    assert entry.number != order.number
    assert entry.original_number == order.number
    sim.advance(at("09:00:15"))
    assert order.filled_quantity == LEVEL_SIZE
    assert sim.accounts[ACCOUNT].reserved_krw == 0


def test_a_cancel_of_the_same_instant_comes_before_the_match() -> None:
    sim = exchange()
    order = buy(sim, 10)
    sim.cancel(ACCOUNT, order.number, None)
    notices = sim.advance(at("09:00:10"))
    assert [notice.kind for notice in notices] == [NoticeKind.ACCEPTED, NoticeKind.CANCELLED]
    assert not order.fills


def test_a_revised_order_has_a_new_number_and_the_old_one_is_dead() -> None:
    sim = exchange()
    order = buy(sim, 10, 69_500)
    sim.advance(at("09:00:06"))
    revised = sim.revise(ACCOUNT, order.number, None, 70_100, OrderKind.LIMIT)
    sim.advance(at("09:00:07"))
    assert order.status is OrderStatus.REPLACED
    assert got(revised) == [(10, 70_100)]
    with pytest.raises(Refused) as refused:
        sim.cancel(ACCOUNT, order.number, None)
    assert refused.value.refusal is Refusal.NOTHING_LEFT


def test_a_revise_at_the_same_price_keeps_its_place_in_the_queue() -> None:
    sim = exchange()
    order = buy(sim, 40, 70_000)
    sim.advance(at("09:00:11"))
    revised = sim.revise(ACCOUNT, order.number, 20, 70_000, OrderKind.LIMIT)
    assert revised.queue_ahead == LEVEL_SIZE - 30
    assert order.remaining == 20


def test_a_refused_revise_changes_nothing() -> None:
    sim = exchange()
    order = buy(sim, 40, 70_000)
    reserved = sim.accounts[ACCOUNT].reserved_krw
    with pytest.raises(Refused):
        sim.revise(ACCOUNT, order.number, None, 70_050, OrderKind.LIMIT)
    assert order.remaining == 40
    assert sim.accounts[ACCOUNT].reserved_krw == reserved


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"code": "999999"}, Refusal.UNKNOWN_CODE),
        ({"quantity": 0}, Refusal.BAD_QUANTITY),
        ({"price": 70_050}, Refusal.TICK_SIZE),
        ({"price": 91_100}, Refusal.PRICE_LIMIT),
        ({"price": 48_900}, Refusal.PRICE_LIMIT),
        ({"code": HALTED}, Refusal.HALTED),
        ({"code": OTHER}, Refusal.HALTED),
        ({"quantity": 2_000}, Refusal.CASH),
        ({"side": OrderSide.SELL}, Refusal.NO_HOLDING),
    ],
)
def test_the_exchange_refuses(changes: dict[str, object], refusal: Refusal) -> None:
    sim = exchange()
    wanted: dict[str, object] = {"side": OrderSide.BUY, "quantity": 1, "price": 70_000, **changes}
    with pytest.raises(Refused) as refused:
        sim.place(request(**wanted))  # type: ignore[arg-type]
    assert refused.value.refusal is refusal
    assert not sim.orders


@pytest.mark.parametrize(("clock", "refusal"), [("08:29:59", Refusal.BEFORE_ENTRY), ("15:30:00", Refusal.AFTER_CLOSE)])
def test_orders_outside_the_entry_window_are_refused(clock: str, refusal: Refusal) -> None:
    sim = exchange(start=clock)
    with pytest.raises(Refused) as refused:
        buy(sim, 1)
    assert refused.value.refusal is refusal


def test_more_than_held_cannot_be_sold_even_in_two_orders() -> None:
    sim = exchange(holdings=HOLDING)
    sell(sim, 300, 71_000)
    with pytest.raises(Refused) as refused:
        sell(sim, 201)
    assert refused.value.refusal is Refusal.SHARES


def test_a_conditional_order_becomes_a_market_order_in_the_closing_auction() -> None:
    sim = exchange(start="15:19:00")
    order = sim.place(OrderRequest(ACCOUNT, CODE, OrderSide.BUY, OrderKind.CONDITIONAL, 10, 69_000))
    sim.advance(at("15:30:00"))
    assert got(order) == [(10, 70_200)]


def test_the_partial_fill_fault_holds_the_rest_back_until_it_ends() -> None:
    sim = exchange()
    sim.fill_ratio_for_next = 0.37
    order = buy(sim, 100, 70_100)
    sim.advance(at("09:00:15"))
    assert (order.filled_quantity, order.remaining) == (37, 63)
    sim.lift_fill_caps()
    sim.advance(at("09:00:30"))
    assert order.filled_quantity == 37, "the last trade was above its price"


def test_hand_made_trades_move_cash_and_shares_at_once() -> None:
    sim = exchange(holdings=HOLDING)
    sim.trade_by_hand(ACCOUNT, CODE, OrderSide.SELL, 250, 70_000)
    assert sim.accounts[ACCOUNT].positions[CODE].quantity == 250
    assert [notice.kind for notice in sim.advance(at("09:00:10"))] == [NoticeKind.ACCEPTED, NoticeKind.FILLED]
