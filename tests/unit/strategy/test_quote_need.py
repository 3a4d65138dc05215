"""When a buy asks the broker for a quote instead of trusting signal and memory (R-BUY-11, R-BUY-17)."""

from typing import Any

import pytest

from jennie_core.domain.enums import ListingStatus, SignalType
from jennie_core.domain.market import Quote
from jennie_core.strategy.quote_need import needs_quote
from tests.unit.strategy.builders import CODE, at, signal, us


def quote(**changes: Any) -> Quote:
    values: dict[str, Any] = {
        "code": CODE,
        "name": "Samsung",
        "price_krw": 10_000,
        "previous_close_krw": 10_000,
        "open_krw": 10_000,
        "high_krw": 10_000,
        "low_krw": 10_000,
        "volume": 1,
        "turnover_krw": 10_000,
        "upper_limit_krw": 13_000,
        "lower_limit_krw": 7_000,
        "change_pct": 0.0,
        "quoted_at": at("09:21"),
    }
    return Quote.model_validate(values | changes)


@pytest.mark.rule("R-BUY-11", "R-BUY-17")
def test_a_young_trade_behind_the_signal_is_the_price_of_now() -> None:
    assert not needs_quote(signal(), quote(), at("09:30:02"))
    assert needs_quote(signal(), quote(), at("09:30:03"))


@pytest.mark.rule("R-BUY-17")
def test_a_bar_that_closed_by_timer_proves_no_trading() -> None:
    """The signal is of this second, its last trade of a minute ago: the code may have been halted since."""
    assert needs_quote(signal(tick_exchange_us=us("09:29")), quote(), at("09:30"))


@pytest.mark.rule("R-BUY-17")
@pytest.mark.parametrize("known", [None, quote(in_volatility_interruption=True), quote(status=ListingStatus.HALTED)])
def test_what_forbade_a_buy_may_be_over(known: Quote | None) -> None:
    assert needs_quote(signal(), known, at("09:30"))


@pytest.mark.rule("R-BUY-17", "R-TG-16")
def test_an_owners_order_has_no_trade_behind_it() -> None:
    assert needs_quote(signal(source="manual", signal_type=SignalType.MANUAL), quote(), at("09:30"))
