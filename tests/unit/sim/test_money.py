"""Cash, fees, taxes and settlement to the won."""

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.orders import OrderKind
from jennie_sim.exchange.request import OrderRequest
from jennie_sim.market.handmade import ACCOUNT, BEFORE, CODE, YESTERDAY, TradeRow, at, handmade_market
from jennie_sim.market.pack import CarriedHolding

TRADES: list[TradeRow] = [
    ("09:00:00", 70_000, 1_000, 3),
    ("09:00:04", 70_100, 50, 1),
    ("09:00:11", 70_000, 30, 5),
    ("15:30:00", 70_200, 2_000, 3),
]


def exchange(*holdings: CarriedHolding) -> Exchange:
    return Exchange(handmade_market({CODE: TRADES}, cash_krw=10_000_000, holdings=holdings), start_ms=at("09:00:05"))


def order(sim: Exchange, side: OrderSide, quantity: int, price: int = 0) -> None:
    kind = OrderKind.LIMIT if price else OrderKind.MARKET
    sim.place(OrderRequest(ACCOUNT, CODE, side, kind, quantity, price))


def test_a_market_buy_ties_up_the_upper_limit_until_it_is_filled() -> None:
    sim = exchange()
    order(sim, OrderSide.BUY, 10)
    account = sim.accounts[ACCOUNT]
    # 10 x 91,000 (upper limit of 70,000) = 910,000; commission 0.015 % = 136.5, truncated
    assert account.reserved_krw == 910_136
    sim.advance(at("09:00:10"))
    # 10 x 70,100 = 701,000; commission 105.15, truncated
    assert account.reserved_krw == 0
    assert account.cash_krw == 10_000_000 - 701_000 - 105
    assert account.fees_krw == 105


def test_a_sell_pays_commission_and_the_tax_of_its_settlement_year() -> None:
    sim = exchange(CarriedHolding(code=CODE, quantity=10, average_price_krw=69_123.4567, bought_on=BEFORE))
    order(sim, OrderSide.SELL, 10)
    sim.advance(at("09:00:10"))
    account, fill = sim.accounts[ACCOUNT], sim.fills[0]
    # 10 x 70,000 = 700,000; commission 105; tax of 2025 0.15 % = 1,050
    assert (fill.fee_krw, fill.tax_krw) == (105, 1_050)
    assert account.cash_krw == 10_000_000 + 700_000 - 105 - 1_050
    assert fill.realized_pnl_krw == round((70_000 - 69_123.4567) * 10)


def test_proceeds_can_be_used_the_same_day_but_arrive_two_sessions_later() -> None:
    sim = exchange(CarriedHolding(code=CODE, quantity=10, average_price_krw=69_000, bought_on=BEFORE))
    order(sim, OrderSide.SELL, 10)
    sim.advance(at("09:00:10"))
    account = sim.accounts[ACCOUNT]
    assert account.orderable_krw == 10_698_845
    assert account.settled_krw(0) == account.settled_krw(1) == 10_000_000
    assert account.settled_krw(2) == 10_698_845


def test_a_purchase_of_yesterday_leaves_the_deposit_tomorrow() -> None:
    sim = exchange(CarriedHolding(code=CODE, quantity=10, average_price_krw=69_000, bought_on=YESTERDAY))
    account = sim.accounts[ACCOUNT]
    assert account.settled_krw(0) == 10_000_000 + 690_000 + 103
    assert account.settled_krw(1) == 10_000_000
    assert account.cash_krw == 10_000_000


def test_the_average_price_follows_purchases_and_ignores_sales() -> None:
    sim = exchange(CarriedHolding(code=CODE, quantity=10, average_price_krw=69_000, bought_on=BEFORE))
    order(sim, OrderSide.BUY, 5)
    sim.advance(at("09:00:06"))
    position = sim.accounts[ACCOUNT].positions[CODE]
    assert float(position.average_price) == (690_000 + 5 * 70_100) / 15
    order(sim, OrderSide.SELL, 4)
    sim.advance(at("09:00:07"))
    assert float(position.average_price) == (690_000 + 5 * 70_100) / 15
    assert position.quantity == 11


def test_cash_and_fills_always_add_up() -> None:
    sim = exchange(CarriedHolding(code=CODE, quantity=300, average_price_krw=69_000, bought_on=BEFORE))
    order(sim, OrderSide.BUY, 17)
    order(sim, OrderSide.SELL, 250, 70_000)
    for clock in ("09:00:06", "09:00:12", "15:40:00"):
        sim.advance(at(clock))
    account = sim.accounts[ACCOUNT]
    moved = sum(
        (fill.amount_krw if fill.side is OrderSide.SELL else -fill.amount_krw) - fill.fee_krw - fill.tax_krw
        for fill in sim.fills
    )
    assert account.cash_krw == account.opening_cash_krw + moved
    assert account.reserved_krw == 0
    assert account.positions[CODE].sell_reserved == 0


def test_what_an_order_costs_does_not_depend_on_how_its_executions_are_cut() -> None:
    """A client that lost a notice can ask for the order's total only, and must come to the same won (I2)."""
    sim = exchange()
    order(sim, OrderSide.BUY, 101)
    sim.advance(at("09:00:10"))
    # 100 x 70,100: 1,051.5; 1 x 70,200: 10.53; together 1,062.03
    assert [(fill.quantity, fill.fee_krw) for fill in sim.fills] == [(100, 1_051), (1, 11)]
    assert sim.accounts[ACCOUNT].fees_krw == 1_062


def test_a_revision_goes_on_with_the_costs_of_its_order() -> None:
    holding = CarriedHolding(code=CODE, quantity=500, average_price_krw=69_000, bought_on=BEFORE)
    sim = exchange(holding)
    order(sim, OrderSide.SELL, 107, 70_000)
    sim.advance(at("09:00:10"))
    sim.revise(ACCOUNT, 1, None, 0, OrderKind.MARKET)
    sim.advance(at("15:30:01"))
    total = sum(fill.amount_krw for fill in sim.fills)
    assert {fill.order_number for fill in sim.fills} == {1, 2}
    assert sum(fill.tax_krw for fill in sim.fills) == total * 15 // 10_000
