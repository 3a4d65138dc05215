"""Our books against the broker's (R-REC): what agrees, what differs, and how a difference is taken over."""

from typing import Any

import pytest

from jennie_core.domain.orders import Holding
from jennie_core.domain.positions import Position
from jennie_live.desk.reconcile import adjustments, compare
from tests.unit.strategy.builders import at, position

NOW = at("12:00")


def holding(code: str = "005930", quantity: int = 100, average: float = 10_000.0) -> Holding:
    return Holding(
        stock_code=code, stock_name=code, quantity=quantity, sellable_quantity=quantity, average_price_krw=average,
        current_price_krw=10_000, evaluation_krw=quantity * 10_000,
    )  # fmt: skip


def differences(ours: dict[str, Position], *theirs: Holding, pending: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(each.stock_code, each.kind) for each in compare(ours, theirs, pending)[1]]


@pytest.mark.rule("R-REC-01")
@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        ((holding(),), []),
        ((holding(average=10_000.9),), []),
        ((holding(average=10_001.0),), [("005930", "average_price")]),
        ((holding(quantity=99),), [("005930", "quantity")]),
        ((), [("005930", "quantity")]),
        ((holding(), holding("000660")), [("000660", "quantity")]),
        ((holding(), holding("000660", 0)), []),
    ],
)
def test_differences(theirs: tuple[Holding, ...], found: list[tuple[str, str]]) -> None:
    assert differences({"005930": position()}, *theirs) == found


@pytest.mark.rule("R-REC-06")
def test_a_code_with_an_order_under_way_is_not_judged() -> None:
    assert differences({"005930": position()}, pending=("005930",)) == []


@pytest.mark.rule("R-REC-05")
def test_an_average_that_holds_shares_of_others_is_not_compared() -> None:
    mixed = position(external_quantity=50)
    assert differences({"005930": mixed}, holding(quantity=150, average=12_345.0)) == []


def steps(before: Position | None, there: Holding | None) -> list[tuple[str, int]]:
    found = adjustments("005930", before, there, NOW, "buy-executor")
    return [(step.kind.value, step.quantity) for step in found]


@pytest.mark.rule("R-REC-03")
def test_shares_that_only_the_broker_has_are_external() -> None:
    assert steps(None, holding(quantity=30)) == [("external", 30)]
    assert steps(position(), holding(quantity=130)) == [("external", 30)]


@pytest.mark.rule("R-REC-04")
@pytest.mark.parametrize(
    ("external", "there", "expected"),
    [
        (50, 120, [("external", -30)]),
        (50, 80, [("external", -50), ("external_sale", -20)]),
        (0, 0, [("external_sale", -100)]),
    ],
)
def test_shares_that_the_broker_lacks_were_the_owners_first(external: int, there: int, expected: Any) -> None:
    assert steps(position(external_quantity=external), holding(quantity=there)) == expected
