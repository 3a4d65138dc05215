"""A quarter of real bars through the whole chain, where the data is."""

from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from jennie_cli.backtest.command import backtest
from jennie_cli.backtest.request import read_request
from jennie_core.domain.enums import OrderSide
from tests.conftest import REAL_DATA

pytestmark = pytest.mark.realdata


def test_a_quarter_with_a_crash_is_lived_through_and_keeps_its_money(tmp_path: Path) -> None:
    """2024-08-05: KOSPI fell 8.8 %; the cash of every session is that of the fills."""
    request = read_request(
        start="2024-07-01", end="2024-09-30", data=REAL_DATA, out=tmp_path / "q.html", var_dir=tmp_path,
        language="ko", settings_file=None, terms={},
    )  # fmt: skip
    outcome = backtest(request, Console(quiet=True))
    assert len(outcome.days) == 62
    crash = next(day for day in outcome.days if day.day == date(2024, 8, 5))
    assert crash.index_change_pct == pytest.approx(-8.77, abs=0.01)
    assert crash.level_after_low is not None
    assert crash.level_after_low.value == "CRITICAL"
    assert crash.held_after <= crash.held_before
    assert outcome.figures.buys > 20
    cash = request.terms.seed_cash_krw
    for day in outcome.days:
        for fill in day.fills:
            sign = -1 if fill.side is OrderSide.BUY else 1
            cash += sign * fill.amount_krw - fill.commission_krw - fill.tax_krw
        assert day.cash_krw == cash
    assert [row.year for row in outcome.facts.years] == [2024]
    assert 0 < outcome.facts.years[0].missing_ratio < 0.1
    assert "2024-08-05" in request.out.read_text(encoding="utf-8")
