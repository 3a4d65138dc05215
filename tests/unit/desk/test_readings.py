"""Which balances are believed (drill 12)."""

from datetime import datetime, timedelta

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderSide
from jennie_live.desk.readings import BELIEVED_AFTER, Doubts, expected_shares
from tests.unit.desk.fake_gateway import FakeGateway, external_order

AT = datetime(2025, 6, 27, 10, 0, tzinfo=KST)


def test_the_days_executions_and_the_mornings_shares_make_the_present_ones() -> None:
    gateway = FakeGateway(lambda: AT)
    bought = external_order(gateway, "005930", OrderSide.BUY, 10)
    bought.executions.append((4, 60_000))
    sold = external_order(gateway, "000660", OrderSide.SELL, 7)
    sold.executions += [(2, 200_000), (5, 200_000)]
    rows = [order.row() for order in gateway.orders]
    assert expected_shares({"000660": 10, "035720": 3}, rows) == {"000660": 3, "035720": 3, "005930": 4}


def test_unexplained_shares_are_believed_once_the_same_have_stood_for_half_an_hour() -> None:
    doubts = Doubts()
    assert not doubts.have_stood({"005930": 0}, AT)
    assert not doubts.have_stood({"005930": 5}, AT + BELIEVED_AFTER), "another figure begins anew"
    assert not doubts.have_stood({"005930": 5}, AT + 2 * BELIEVED_AFTER - timedelta(seconds=1))
    assert doubts.have_stood({"005930": 5}, AT + 2 * BELIEVED_AFTER)
    doubts.clear()
    assert not doubts.have_stood({"005930": 5}, AT + 3 * BELIEVED_AFTER)
