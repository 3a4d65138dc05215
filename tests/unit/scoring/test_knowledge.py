"""What was known when: which statement counts on a day, on one day alone and over a whole history."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.scoring import frames
from jennie_core.scoring.history_facts import with_valuation
from jennie_core.scoring.knowledge import STATEMENT_MAX_AGE_DAYS, newest_statements, period_end

FILED = date(2024, 3, 20)


def statements(*rows: tuple[str, date, float]) -> pl.DataFrame:
    """One code's statements: period, day of filing, return on equity."""
    filled = [("000010", period, known_on, roe, 1e9, 1e10) for period, known_on, roe in rows]
    return pl.DataFrame(filled, schema=dict(frames.FUNDAMENTALS), orient="row")


def roe_on(filed: pl.DataFrame, day: date) -> float | None:
    """ROE known on a day by both ways, which must agree."""
    single = newest_statements(filed, day)["roe_pct"].to_list()
    row = pl.DataFrame({"code": ["000010"], "known_by": [day], "market_cap_krw": [1e10]})
    found: float | None = with_valuation(row, filed)["roe_pct"][0]
    assert [found] == (single or [None])
    return found


@pytest.mark.parametrize(
    ("text", "month"), [("2024", 202412), ("202409", 202409), ("2024Q3", 202409), ("2024Q4", 202412), ("n/a", 0)]
)
def test_a_period_ends_in_a_month(text: str, month: int) -> None:
    assert pl.DataFrame({"period": [text]}).select(period_end()).item() == month


def test_a_statement_counts_from_its_filing_on() -> None:
    filed = statements(("2022", FILED - timedelta(days=300), 5.0), ("2023", FILED, 9.0))
    assert roe_on(filed, FILED - timedelta(days=1)) == 5.0
    assert roe_on(filed, FILED) == 9.0


def test_a_late_filing_of_an_older_period_changes_nothing() -> None:
    filed = statements(("2023", FILED, 9.0), ("202309", FILED + timedelta(days=40), 3.0))
    assert roe_on(filed, FILED + timedelta(days=50)) == 9.0


def test_a_correction_of_the_same_period_counts_from_its_own_filing_on() -> None:
    filed = statements(("2023", FILED, 9.0), ("2023", FILED + timedelta(days=40), 7.0))
    assert [roe_on(filed, FILED + timedelta(days=days)) for days in (39, 40)] == [9.0, 7.0]


def test_an_old_statement_says_nothing_and_brings_back_no_older_period() -> None:
    filed = statements(("2023", FILED, 9.0), ("202309", FILED + timedelta(days=40), 3.0))
    last = FILED + timedelta(days=STATEMENT_MAX_AGE_DAYS)
    assert roe_on(filed, last) == 9.0
    assert roe_on(filed, last + timedelta(days=1)) is None


def test_a_history_without_statements_knows_no_ratio(readings: Any) -> None:
    """Q1."""
    row = readings({}).select("code", "market_cap_krw").with_columns(known_by=pl.lit(FILED))
    found = with_valuation(row, frames.empty(frames.FUNDAMENTALS))
    assert found.select("per", "pbr", "roe_pct").row(0) == (None, None, None)
