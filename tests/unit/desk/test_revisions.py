"""An order is followed through the numbers that revisions and cancels give it (drill 1)."""

from typing import Any

from jennie_core.domain.orders import BrokerOrder
from jennie_live.desk.revisions import lineage
from tests.unit.desk.test_unknown import row


def rows(*found: BrokerOrder) -> dict[str, BrokerOrder]:
    return {each.order_number: each for each in found}


def numbered(number: str, original: str = "", **changes: Any) -> BrokerOrder:
    return row(order_number=number, original_order_number=original, **changes)


def test_an_order_that_nobody_changed_is_its_own_row() -> None:
    own = numbered("1", filled_quantity=3, remaining_quantity=7)
    found = lineage(rows(own, numbered("2")), "1")
    assert found is not None
    assert (found.row, found.live_number) == (own, "1")


def test_fills_of_every_number_count_and_the_last_one_is_alive() -> None:
    found = lineage(
        rows(
            numbered("1", filled_quantity=30, filled_amount_krw=300_000, remaining_quantity=0, is_cancelled=True),
            numbered("2", "1", filled_quantity=20, filled_amount_krw=210_000, remaining_quantity=0, is_cancelled=True),
            numbered("3", "2", filled_quantity=10, filled_amount_krw=110_000, remaining_quantity=40),
            numbered("9", "8", filled_quantity=99, filled_amount_krw=1, remaining_quantity=1),
        ),
        "1",
    )
    assert found is not None
    assert (found.row.filled_quantity, found.row.filled_amount_krw, found.row.remaining_quantity) == (60, 620_000, 40)
    assert (found.live_number, found.row.is_cancelled) == ("3", False)


def test_a_cancelled_revision_ends_the_order() -> None:
    found = lineage(
        rows(
            numbered("1", filled_quantity=0, remaining_quantity=0, is_cancelled=True),
            numbered("2", "1", filled_quantity=5, filled_amount_krw=50_000, remaining_quantity=0, is_cancelled=True),
            numbered("3", "2", filled_quantity=0, remaining_quantity=0, is_cancelled=True),
        ),
        "1",
    )
    assert found is not None
    assert (found.row.filled_quantity, found.row.remaining_quantity, found.row.is_cancelled) == (5, 0, True)


def test_an_order_that_the_list_lacks_has_no_lineage() -> None:
    assert lineage({}, "1") is None
