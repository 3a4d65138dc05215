"""Estimated fills against recorded trades: what an order gets, when, at which price (R-BT-02, R-ORD)."""

import pytest

from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import Market, OrderSide, OrderType
from jennie_core.domain.market import Tick
from jennie_core.domain.orders import OrderRequest
from jennie_core.krx.costs import commission_krw, sell_tax_krw
from jennie_core.replay.paper_account import PaperAccount
from jennie_core.replay.tape_board import TapeBoard
from jennie_core.replay.tick_fills import TickFillRules, TickFills
from tests.unit.replay.day_parts import CASH, CODES, DAY, PLAIN, piece, stocks, trade
from tests.unit.strategy.builders import position

CODE = CODES[0]


class Broker:
    """Estimated fills with an account of its own; begins at 10:00."""

    def __init__(self, rules: TickFillRules = PLAIN, cash_krw: int = CASH, shares: int = 0) -> None:
        held = [position(CODE, quantity=shares)] if shares else []
        self.account = PaperAccount.of(cash_krw, held)
        self.fills = TickFills(DAY, self.account, TapeBoard(DAY, stocks()), rules)
        self.got: list[tuple[int, int]] = []
        self.step("10:00")

    def step(self, clock: str, *ticks: Tick) -> None:
        self.got += [(each.quantity, each.price_krw) for each in self.fills.executions(piece(clock, *ticks))]

    def place(self, quantity: int, limit: int | None = None, side: OrderSide = OrderSide.BUY) -> str:
        outcome = self.offer(quantity, limit, side)
        assert isinstance(outcome, Accepted)
        return outcome.order_number

    def offer(self, quantity: int, limit: int | None = None, side: OrderSide = OrderSide.BUY) -> Accepted | Refused:
        return self.fills.place(
            OrderRequest(
                intent_id="intent-1",
                lease=1,
                stock_code=CODE,
                side=side,
                order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
                quantity=quantity,
                limit_price_krw=limit,
            )
        )


def test_a_market_order_takes_the_next_trades_up_to_its_share_of_the_volume() -> None:
    broker = Broker()
    number = broker.place(80)
    broker.step("10:00:05", trade(10_010, "10:00:01", 100), trade(10_020, "10:00:03", 100))
    assert broker.got == [(50, 10_010), (30, 10_020)], "half of each trade"
    row = broker.fills.order(number)
    assert row is not None
    assert (row.filled_quantity, row.remaining_quantity, row.is_cancelled) == (80, 0, False)


def test_a_trade_before_the_order_is_none_of_its() -> None:
    broker = Broker()
    broker.place(10)
    broker.step("10:00:05", trade(9_900, "09:59:59"), trade(10_000, "10:00"))
    assert broker.got == [(10, 10_000)]


def test_slippage_is_against_us_on_either_side_and_ends_on_a_legal_price() -> None:
    rules = TickFillRules(slippage_bps=10.0, volume_share_ratio=1.0)
    buying, selling = Broker(rules), Broker(rules, shares=10)
    buying.place(10)
    selling.place(10, side=OrderSide.SELL)
    for broker in (buying, selling):
        broker.step("10:00:05", trade(10_000, "10:00:01"))
    assert (buying.got, selling.got) == ([(10, 10_010)], [(10, 9_990)])


def test_slippage_never_leaves_the_days_price_limits() -> None:
    broker = Broker(TickFillRules(slippage_bps=500.0, volume_share_ratio=1.0))
    broker.place(1)
    broker.step("10:00:05", trade(12_990, "10:00:01"))
    assert broker.got == [(1, 13_000)], "10,000 + 30 %"


def test_a_limit_order_waits_for_a_trade_through_its_price() -> None:
    broker = Broker()
    broker.place(10, limit=10_000)
    broker.step("10:00:05", trade(10_010, "10:00:01"), trade(10_000, "10:00:02"))
    assert broker.got == [], "a trade at the limit shows no place in the queue"
    broker.step("10:00:10", trade(9_990, "10:00:06"))
    assert broker.got == [(10, 9_990)]


def test_a_limit_order_never_pays_more_than_its_limit() -> None:
    broker = Broker(TickFillRules(slippage_bps=50.0, volume_share_ratio=1.0))
    broker.place(10, limit=10_000)
    broker.step("10:00:05", trade(9_990, "10:00:01"))
    assert broker.got == [(10, 10_000)]


def test_a_cancel_keeps_the_filled_shares_and_frees_the_cash() -> None:
    broker = Broker()
    number = broker.place(80, limit=10_100)
    broker.step("10:00:05", trade(10_000, "10:00:01", 60))
    broker.fills.cancel(number)
    broker.step("10:00:10", trade(10_000, "10:00:06", 600))
    assert broker.got == [(30, 10_000)]
    row = broker.fills.order(number)
    assert row is not None
    assert (row.filled_quantity, row.cancelled_quantity, row.is_cancelled) == (30, 50, True)
    assert broker.account.orderable_krw == broker.account.cash_krw


def test_a_gap_in_the_log_trades_nothing_and_the_order_waits() -> None:
    broker = Broker()
    broker.place(10)
    for clock in ("10:00:05", "10:10", "10:20"):
        broker.step(clock)
    assert broker.got == []
    broker.step("10:30", trade(10_500, "10:29:59"))
    assert broker.got == [(10, 10_500)], "at the price behind the gap"


def test_an_interruption_trades_nothing() -> None:
    broker = Broker()
    broker.place(10)
    broker.step("10:00:05", trade(10_000, "10:00:01", phase="C"), trade(10_000, "10:00:02", volume=0))
    assert broker.got == []


def test_a_small_share_of_small_trades_adds_up_to_whole_shares() -> None:
    broker = Broker(TickFillRules(slippage_bps=0.0, volume_share_ratio=0.1))
    broker.place(2)
    broker.step("10:00:05", *[trade(10_000, "10:00:01", 5) for _ in range(4)])
    assert broker.got == [(1, 10_000), (1, 10_000)]


def test_two_orders_of_one_side_share_the_volume_in_order_of_price() -> None:
    broker = Broker()
    low, high = broker.place(100, limit=10_050), broker.place(100, limit=10_100)
    broker.step("10:00:05", trade(10_000, "10:00:01", 240))
    rows = [broker.fills.order(number) for number in (low, high)]
    assert [row.filled_quantity for row in rows if row is not None] == [20, 100]


def test_costs_are_truncated_on_the_orders_total() -> None:
    broker = Broker(PLAIN, shares=60)
    broker.place(60, side=OrderSide.SELL)
    broker.step("10:00:05", *[trade(10_010, f"10:00:0{second}", 40) for second in (1, 2, 3)])
    amount = 60 * 10_010
    costs = commission_krw(amount, 0.00015) + sell_tax_krw(amount, Market.KOSPI, DAY)
    assert broker.account.cash_krw == CASH + amount - costs
    assert broker.account.held(CODE) == 0


@pytest.mark.parametrize(
    ("quantity", "limit", "side", "code"),
    [
        (10_000, 10_000, OrderSide.BUY, "cash"),
        (8_000, None, OrderSide.BUY, "cash"),  # at the upper limit of 13,000 won
        (1, None, OrderSide.SELL, "shares"),
    ],
)
def test_what_the_account_does_not_have_is_refused(
    quantity: int, limit: int | None, side: OrderSide, code: str
) -> None:
    outcome = Broker().offer(quantity, limit, side)
    assert isinstance(outcome, Refused)
    assert outcome.code == code


def test_open_orders_lapse_at_the_close_and_none_is_taken_after_it() -> None:
    broker = Broker()
    number = broker.place(10)
    broker.step("15:30:05")
    row = broker.fills.order(number)
    assert row is not None
    assert row.is_cancelled
    refused = broker.offer(10)
    assert isinstance(refused, Refused)
    assert refused.code == "hours"
