"""The report's pieces: what the ledger says, what differs from the exchange's, and how a person sees it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from jennie_cli.report import ledger_facts, page, terminal
from jennie_cli.report.model import Quantiles, Reconciliation
from jennie_cli.report.reconcile import reconcile

from .conftest import START_CASH, Day, report_of


def judge(day: Day) -> Reconciliation:
    fees, taxes = day.costs()
    return reconcile(day.facts(), day.exchange, start_cash_krw=START_CASH, fees_krw=fees, taxes_krw=taxes)


# ---- what the ledger says ---------------------------------------------------------------------------


def test_orders_are_counted_by_their_state_and_only_when_they_were_sent(traded_day: Day) -> None:
    counts = ledger_facts.order_counts(traded_day.facts())
    assert counts.model_dump() == {
        "submitted": 3,
        "filled": 1,
        "partially_filled": 1,
        "cancelled": 1,
        "rejected": 1,
        "unknown": 0,
    }


def test_signals_and_refusals_are_counted_once(traded_day: Day) -> None:
    """A refused signal and the decision row of the same code and minute are one refusal."""
    counts = ledger_facts.signal_counts(traded_day.facts())
    assert (counts.buy, counts.sell) == (2, 1)
    assert counts.refused == {"R-GATE-04": 2, "R-BUY-08": 1}


def test_refusals_carry_rule_value_and_limit(traded_day: Day) -> None:
    rows = ledger_facts.refusal_rows(traded_day.facts())
    assert [(row.market_time, row.rule, row.value, row.limit) for row in rows] == [
        ("10:08:00", "R-BUY-08", "3", "2"),
        ("10:09:00", "R-GATE-04", "80", "75"),
        ("10:09:00", "R-GATE-04", "80", "75"),
    ]


def test_order_rows_show_average_price_and_realised_profit(traded_day: Day) -> None:
    rows = {row.market_time: row for row in ledger_facts.order_rows(traded_day.facts())}
    assert rows["10:00:00"].average_price_krw == 60_000
    assert rows["10:05:00"].realized_pnl_krw == 6_000
    assert rows["10:06:00"].average_price_krw is None
    assert "10:07:00" not in rows, "an intent that was never sent is no order"


def test_latencies_come_from_the_stamps_that_are_there(traded_day: Day) -> None:
    latency = ledger_facts.latency(traded_day.facts())
    assert latency.tick_to_signal == Quantiles(p50=2.0, p99=2.0, max=2.0, samples=1)
    assert latency.signal_to_order.p50 == 8.0
    assert latency.tick_to_order.p50 == 10.0


def test_without_a_sample_a_latency_is_unknown(empty_day: Day) -> None:
    assert ledger_facts.latency(empty_day.facts()).tick_to_order == Quantiles(p50=None, p99=None, max=None, samples=0)


def test_the_last_permit_counts(traded_day: Day, empty_day: Day) -> None:
    assert ledger_facts.last_permit(traded_day.facts()).granted is True


def test_no_permit_is_unknown_and_not_withheld(empty_day: Day) -> None:
    assert ledger_facts.last_permit(empty_day.facts()).granted is None


def test_costs_are_of_the_days_fills(traded_day: Day) -> None:
    assert traded_day.costs() == (117, 279)


def test_the_order_hash_changes_with_an_order_and_not_with_a_refusal(traded_day: Day) -> None:
    before = ledger_facts.day_hash(traded_day.facts())
    traded_day.signal("x9", "buy", 20, rule="R-BUY-08")
    traded_day.intent("n2", "buy", "not_placed", 21)
    assert ledger_facts.day_hash(traded_day.facts()) == before
    traded_day.intent("b2", "buy", "accepted", 22)
    assert ledger_facts.day_hash(traded_day.facts()) != before


# ---- against the exchange ---------------------------------------------------------------------------


def test_equal_ledgers_match(traded_day: Day) -> None:
    found = judge(traded_day)
    assert found.differences == ()
    assert found.matches
    assert found.compared == 8
    assert found.cash_ours_krw == found.cash_exchange_krw


def test_an_empty_day_matches(empty_day: Day) -> None:
    assert judge(empty_day).matches


Change = Callable[[dict[str, Any]], None]
account: Callable[[dict[str, Any]], dict[str, Any]] = lambda exchange: exchange["accounts"][0]  # noqa: E731

PLANTED: dict[str, tuple[Change, str]] = {
    "a share more": (lambda x: account(x)["holdings"][0].update(quantity=8), "005930 quantity: ours 7, exchange 8"),
    "a holding missing": (lambda x: account(x).update(holdings=[]), "005930 quantity: ours 7, exchange None"),
    "a holding more": (
        lambda x: account(x)["holdings"].append({"code": "000660", "quantity": 1, "average_price_krw": 1.0}),
        "000660 quantity: ours None, exchange 1",
    ),
    "another average": (lambda x: account(x)["holdings"][0].update(average_price_krw=60_000.02), "005930 average"),
    "a won of cash": (lambda x: account(x).update(cash_krw=account(x)["cash_krw"] + 1), "cash: ours"),
    "a won of fees": (lambda x: account(x).update(fees_krw=118), "fees: ours 117, exchange 118"),
    "a won of taxes": (lambda x: account(x).update(taxes_krw=278), "taxes: ours 279, exchange 278"),
    "an order more": (
        lambda x: x["orders"].append({"order_number": 9, "action": "new", "filled_quantity": 0}),
        "orders placed: ours 2, exchange 3",
    ),
    "an order missing": (lambda x: x["orders"].pop(1), "order 0000000002 filled: ours 3, exchange None"),
    "another fill": (lambda x: x["orders"][1].update(filled_quantity=4), "order 0000000002 filled: ours 3, exchange 4"),
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_every_planted_difference_is_found_with_both_sides(traded_day: Day, name: str) -> None:
    change, words = PLANTED[name]
    change(traded_day.exchange)
    found = judge(traded_day)
    assert not found.matches
    assert any(words in difference for difference in found.differences), found.differences


def test_a_rounding_of_the_average_is_no_difference(traded_day: Day) -> None:
    account(traded_day.exchange)["holdings"][0]["average_price_krw"] = 60_000.009
    assert judge(traded_day).matches


# ---- the page and the terminal ----------------------------------------------------------------------


@pytest.fixture(params=["with orders", "without orders"])
def day(request: pytest.FixtureRequest) -> Day:
    chosen: Day = request.getfixturevalue("traded_day" if request.param == "with orders" else "empty_day")
    return chosen


def test_the_page_stands_alone(day: Day) -> None:
    """No outside reference: nothing is loaded when it is opened."""
    html = page.render(report_of(day))
    assert html.lstrip().lower().startswith("<!doctype html>")
    assert re.findall(r"<script[^>]*\ssrc", html) == []
    styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles
    without_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "http://" not in without_scripts
    assert "https://" not in without_scripts


def test_the_page_says_what_matters(day: Day) -> None:
    report = report_of(day)
    html = page.render(report)
    assert report.order_hash in html
    assert "2025-06-27" in html
    assert "시뮬레이션" in html, "simulated prices are said"
    assert "알 수 없음" in html, "an unknown figure is not zero"


def test_the_page_says_notes_in_both_languages_and_why_nothing_was_for_buying(day: Day) -> None:
    watchlist = {
        "version": "v1",
        "size": 0,
        "tradable": 0,
        "regime": None,
        "scored": 9,
        "left_out": {"Q1: coverage": 9},
    }
    html = page.render(report_of(day, watchlist=watchlist))
    assert "알림" in html
    assert "a note" in html
    assert "Q1: coverage 9" in html
    assert "Q1: coverage 9" in shown(day, watchlist=watchlist)


def test_the_page_escapes_what_it_shows(day: Day) -> None:
    assert "<b>quiet</b>" not in page.render(report_of(day))


def test_the_page_shows_every_difference(traded_day: Day) -> None:
    different = Reconciliation(
        matches=False, differences=("cash: ours 1, exchange 2",), compared=9, cash_ours_krw=1, cash_exchange_krw=2
    )
    assert "cash: ours 1, exchange 2" in page.render(report_of(traded_day, reconciliation=different))


def test_the_page_is_written_in_one_step(traded_day: Day, tmp_path: Any) -> None:
    page.write(report_of(traded_day), tmp_path / "report.html")
    assert sorted(path.name for path in tmp_path.glob("report*")) == ["report.html"]


def shown(day: Day, **changes: Any) -> str:
    console = Console(record=True, width=140, file=open("/dev/null", "w"))  # noqa: SIM115 - only what is recorded counts
    terminal.show(report_of(day, **changes), console, {"report": "var/rehearsal/latest/report.html"})
    return console.export_text()


def test_the_terminal_shows_one_page(day: Day) -> None:
    text = shown(day)
    assert len(text.splitlines()) <= 60
    assert "agrees" in text
    assert "var/rehearsal/latest/report.html" in text
    assert "unknown" in text, "the equity at the end is not known here"


def test_the_terminal_names_differences_and_withheld_permits(traded_day: Day) -> None:
    different = Reconciliation(
        matches=False, differences=("cash: ours 1, exchange 2",), compared=9, cash_ours_krw=1, cash_exchange_krw=2
    )
    text = shown(traded_day, reconciliation=different, permit_granted=False, permit_reasons=("freshness: old",))
    assert "DIFFERS: cash: ours 1, exchange 2" in text
    assert "withheld: freshness: old" in text


def test_the_report_survives_its_json(day: Day) -> None:
    report = report_of(day)
    assert type(report).model_validate_json(report.model_dump_json()) == report
