"""Figures of the page: unknown stays unknown (I4), wins are counted on known results only."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import Tick
from jennie_core.domain.signals import Alert
from jennie_live.dashboard.book import LiveBook
from jennie_live.dashboard.frame import phase_of, value_positions
from jennie_live.dashboard.routes.portfolio import summarise
from jennie_live.dashboard.schemas.portfolio import IntradayPoint, TradeView

NOW = datetime(2025, 6, 27, 10, 0, tzinfo=KST)


def _tick(code: str, price: int, *, second: int = 0) -> Tick:
    return Tick(code, price, 1, 1, price, price, to_epoch_us(NOW) + second * 1_000_000, 0)


def _row(**changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "stock_code": "104010",
        "stock_name": "가온전자",
        "quantity": 10,
        "external_quantity": 0,
        "average_price_krw": 1_000.0,
        "sector_group": None,
        "bought_on": None,
        "high_watermark_krw": None,
        "scale_out_level": 0,
        "profit_floor_armed": False,
        "atr_krw": None,
        "trade_id": None,
        "reconciled": True,
        "updated_at": NOW,
    }
    return SimpleNamespace(**(values | changes))


def _trade(profit: int | None, side: str = "SELL") -> TradeView:
    return TradeView(
        intent_id=f"i{profit}",
        market_day=NOW.date(),
        stock_code="104010",
        stock_name="가온전자",
        trade_type=side,
        quantity=1,
        price_krw=1_000.0,
        total_amount_krw=1_000,
        fee_krw=1,
        tax_krw=2,
        reason="STOP_LOSS",
        rule=None,
        market_regime=None,
        hybrid_score=None,
        trade_tier=None,
        profit_pct=None if profit is None else profit / 10,
        realized_pnl_krw=profit,
        holding_days=None,
        watchlist_version=None,
        score_run_id=None,
        traded_at=NOW,
    )


def test_a_position_without_a_price_has_an_unknown_value_not_zero() -> None:
    (view,) = value_positions([_row()], LiveBook(), {})
    assert (view.current_price_krw, view.evaluation_krw, view.unrealized_pnl_krw, view.profit_pct) == (None,) * 4
    assert view.price_source is None


def test_a_tick_goes_before_the_monitors_price_and_its_time_is_shown() -> None:
    book = LiveBook()
    book.observe_tick(_tick("104010", 1_100))
    (view,) = value_positions([_row()], book, {"104010": 900})
    assert (view.current_price_krw, view.unrealized_pnl_krw, view.profit_pct) == (1_100, 1_000, 10.0)
    assert (view.price_source, view.price_at) == ("ws", NOW)
    (other,) = value_positions([_row(stock_code="104020")], book, {"104020": 900})
    assert (other.current_price_krw, other.price_source) == (900, "monitor")


def test_weights_are_shares_of_the_known_value() -> None:
    book = LiveBook()
    book.observe_tick(_tick("104010", 3_000))
    book.observe_tick(_tick("104020", 1_000))
    views = value_positions([_row(), _row(stock_code="104020"), _row(stock_code="104030")], book, {})
    assert [view.weight_ratio for view in views] == [0.75, 0.25, None]


def test_a_late_tick_does_not_move_the_price_back() -> None:
    book = LiveBook()
    book.observe_tick(_tick("104010", 1_000, second=5))
    book.observe_tick(_tick("104010", 900, second=4))
    price = book.price("104010")
    assert price is not None
    assert price.price_krw == 1_000


def test_an_alert_is_in_force_until_it_is_cleared() -> None:
    book = LiveBook()
    alert = Alert(alert_id="a", severity="warning", service="monitor", text="x", raised_at=NOW)
    book.observe_alert(alert)
    book.observe_alert(alert)
    assert len(book.alerts) == 1
    book.observe_alert(alert.model_copy(update={"cleared": True}))
    assert book.alerts == ()


def test_the_curve_keeps_one_point_a_minute_and_starts_anew_each_day() -> None:
    book = LiveBook()
    for seconds in (0, 20, 40, 70):
        at = NOW + timedelta(seconds=seconds)
        book.observe_point(IntradayPoint(at=at, realized_krw=0, unrealized_krw=seconds, total_krw=seconds))
    assert [point.total_krw for point in book.points] == [40, 70]
    book.observe_point(IntradayPoint(at=NOW + timedelta(days=1), realized_krw=0, unrealized_krw=1, total_krw=1))
    assert [point.total_krw for point in book.points] == [1]


@pytest.mark.rule("R-DASH-03", "R-TG-20")
def test_win_rate_counts_known_results_and_an_unknown_one_makes_the_sum_unknown() -> None:
    found = summarise((_trade(100), _trade(-50), _trade(None), _trade(None, "BUY")), 30)
    assert (found.buys, found.sells, found.wins, found.losses) == (1, 3, 1, 1)
    assert found.win_rate_ratio == 0.5
    assert found.realized_pnl_krw is None
    assert found.best is not None
    assert found.best.realized_pnl_krw == 100


def test_no_sells_give_an_unknown_win_rate() -> None:
    found = summarise((), 30)
    assert found.win_rate_ratio is None
    assert found.average_profit_pct is None


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (None, "unknown"),
        (NOW, "continuous"),
        (NOW.replace(hour=8, minute=45), "opening_auction"),
        (NOW.replace(hour=18), "after"),
        (NOW + timedelta(days=1), "closed"),
    ],
)
def test_the_phase_is_closed_on_a_day_off_and_unknown_without_a_time(at: datetime | None, phase: str) -> None:
    assert phase_of(at) == phase
