"""Readings per stock: windows, unknowns, and nothing later than the last session."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jennie_core.scoring import frames
from jennie_core.scoring.factors import consensus_factors, flow_factors, price_factors, sector_momentum
from jennie_core.scoring.frames import LookAheadError
from jennie_core.scoring.valuation import market_cap_now, valuation


def flows_frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(frames.INVESTOR_FLOWS), orient="row")


@pytest.mark.rule("R-QNT-11", "R-QNT-12")
def test_returns_and_averages_count_the_last_close_as_one(bars: Any, as_of: date) -> None:
    """c[-20] is the twentieth close from the end."""
    closes = [1_000 + 10 * i for i in range(130)]
    row = price_factors(bars(closes), as_of=as_of).row(0, named=True)
    assert row["return_20_pct"] == pytest.approx((closes[-1] / closes[-20] - 1) * 100)
    assert row["return_120_pct"] == pytest.approx((closes[-1] / closes[-120] - 1) * 100)
    assert row["ma5"] == sum(closes[-5:]) / 5
    assert row["ma60_before"] == sum(closes[-80:-20]) / 60
    assert row["previous_close_krw"] == closes[-2]
    assert row["sessions"] == 130


def test_a_short_history_leaves_readings_unknown(bars: Any, as_of: date) -> None:
    row = price_factors(bars([1_000 + i for i in range(15)]), as_of=as_of).row(0, named=True)
    assert row["rsi14"] == 100
    assert [row[name] for name in ("return_20_pct", "ma20", "volume_ratio_5_20", "high_52w_krw", "ma60_before")] == [
        None
    ] * 5


@pytest.mark.rule("R-QNT-32")
def test_year_high_needs_a_year_of_market_sessions(bars: Any, as_of: date) -> None:
    """Needs both price and high: a folder of three months cannot tell a 52-week high."""
    assert price_factors(bars([1_000] * 199), as_of=as_of)["high_52w_krw"][0] is None
    assert price_factors(bars([1_000] * 200), as_of=as_of)["high_52w_krw"][0] == 1_010


def test_a_halted_session_keeps_its_close_and_gives_no_volume(bars: Any, as_of: date) -> None:
    row = price_factors(bars([*[1_000] * 19, None]), as_of=as_of).row(0, named=True)
    assert row["is_halted"]
    assert row["close_krw"] == 1_000
    assert row["volume_ratio_5_20"] == pytest.approx((4 / 5) / (19 / 20))


def test_a_code_without_a_row_on_the_last_session_is_left_out(bars: Any, as_of: date) -> None:
    prices = pl.concat([bars([1_000] * 30), bars([1_000] * 30, code="000020", end=as_of - timedelta(days=1))])
    assert price_factors(prices, as_of=as_of)["code"].to_list() == ["000010"]


def test_a_later_row_is_refused(bars: Any, as_of: date) -> None:
    """Q2: the scorer asserts its knowledge time."""
    with pytest.raises(LookAheadError, match="later than"):
        price_factors(bars([1_000] * 30), as_of=as_of - timedelta(days=1))


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(min_value=20, max_value=119), seed=st.integers(0, 10_000))
def test_factors_at_a_day_equal_those_of_data_cut_there(cut: int, seed: int) -> None:
    """Look-ahead: rows after T change nothing that is computed for T."""
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(120)]
    closes = [1_000 + (seed * (i + 3) ** 2) % 977 for i in range(120)]
    whole = pl.DataFrame(
        {
            "code": "000010", "trade_date": days, "open_krw": closes, "high_krw": [c + 5 for c in closes],
            "low_krw": [c - 5 for c in closes], "close_krw": closes, "volume": [100 + c for c in closes],
            "is_halted": False,
        },
        schema_overrides={"volume": pl.Int64},
    )  # fmt: skip
    known = whole.filter(pl.col("trade_date") <= days[cut])
    poisoned = pl.concat([known, whole.filter(pl.col("trade_date") > days[cut]).with_columns(pl.col("close_krw") * 9)])
    again = poisoned.filter(pl.col("trade_date") <= days[cut])
    assert price_factors(known, as_of=days[cut]).equals(price_factors(again, as_of=days[cut]))


@pytest.mark.rule("R-ENR-03", "R-ENR-12")
def test_flows_are_valued_at_each_days_close_and_summed_once(bars: Any, as_of: date) -> None:
    prices = bars([100, 200])
    days = prices["trade_date"].to_list()
    flows = flows_frame([("000010", days[0], 10, None, 5.0), ("000010", days[1], -3, None, 5.1)])
    row = flow_factors(flows, prices, as_of=as_of).row(0, named=True)
    assert row["foreign_net_krw"] == 10 * 100 - 3 * 200
    assert row["institution_net_krw"] is None
    assert row["foreign_ratio_trend_pp"] is None


@pytest.mark.rule("R-ENR-03")
def test_flows_count_for_sixty_calendar_days(bars: Any, as_of: date) -> None:
    prices = bars([100] * 60)
    rows = [("000010", day, 1, None, None) for day in prices["trade_date"] if day > as_of - timedelta(days=62)]
    inside = [row for row in rows if row[1] > as_of - timedelta(days=60)]
    assert len(inside) < len(rows)
    assert flow_factors(flows_frame(rows), prices, as_of=as_of)["foreign_net_krw"][0] == 100 * len(inside)


@pytest.mark.rule("R-ENR-12")
def test_two_flow_rows_for_one_day_are_refused(bars: Any, as_of: date) -> None:
    """The fault that counted each day up to seven times."""
    day = bars([100])["trade_date"][0]
    with pytest.raises(ValueError, match="R-ENR-12"):
        flow_factors(flows_frame([("000010", day, 1, 1, None)] * 2), bars([100]), as_of=as_of)


@pytest.mark.rule("R-ENR-04")
def test_foreign_trend_needs_twenty_ratios(bars: Any, as_of: date) -> None:
    """Mean of the last ten less the ten before."""
    prices = bars([100] * 20)
    rows = [("000010", day, 1, 1, 5.0 if i < 10 else 6.0) for i, day in enumerate(prices["trade_date"])]
    trend = flow_factors(flows_frame(rows), prices, as_of=as_of)["foreign_ratio_trend_pp"][0]
    assert trend == pytest.approx(1.0)
    assert flow_factors(flows_frame(rows[1:]), prices, as_of=as_of)["foreign_ratio_trend_pp"][0] is None


@pytest.mark.rule("R-ENR-07")
def test_eps_revision_needs_two_days_and_a_base(as_of: date) -> None:

    def frame(*eps: float) -> pl.DataFrame:
        rows = [("000010", as_of - timedelta(days=len(eps) - i), 10.0, value, 9.0) for i, value in enumerate(eps)]
        return pl.DataFrame(rows, schema=dict(frames.CONSENSUS), orient="row")

    assert consensus_factors(frame(-100.0, -80.0), as_of=as_of)["eps_revision_pct"][0] == pytest.approx(20.0)
    old = frame(50.0, 80.0, 100.0).with_columns(
        known_on=pl.Series([as_of - timedelta(days=30), as_of - timedelta(days=29), as_of])
    )
    assert consensus_factors(old, as_of=as_of)["eps_revision_pct"][0] == pytest.approx(25.0), "thirty days ago is over"
    assert consensus_factors(frame(100.0), as_of=as_of)["eps_revision_pct"][0] is None
    assert consensus_factors(frame(0.0, 5.0), as_of=as_of)["eps_revision_pct"][0] is None


@pytest.mark.rule("R-ENR-09")
def test_sector_momentum_needs_five_known_members(readings: Any) -> None:
    """A stock without a classification is no member."""
    rows = [{"code": f"{i:06}", "return_20_pct": float(i)} for i in range(5)]
    stranger = {"code": "000099", "return_20_pct": 900.0, "is_sector_known": False}
    assert sector_momentum(readings(*rows, stranger))["sector_return_20_pct"][0] == pytest.approx(2.0)
    assert sector_momentum(readings(*rows[:4], stranger))["sector_return_20_pct"][0] is None


def test_market_value_is_carried_by_the_return_since_its_snapshot(bars: Any, as_of: date) -> None:
    prices = bars([1_000, 1_100])
    caps = pl.DataFrame(
        [("000010", prices["trade_date"][0], 10**12, 10**9), ("000020", date(2001, 1, 2), 10**12, None)],
        schema=dict(frames.MARKET_CAPS), orient="row",
    )  # fmt: skip
    now = market_cap_now(caps, prices, as_of=as_of)
    assert now["market_cap_krw"].to_list() == [pytest.approx(1.1e12), None]


def test_the_largest_market_values_are_carried_without_overflow(bars: Any, as_of: date) -> None:
    """356 trillion won times a price of 60,000 won is beyond 64-bit whole numbers."""
    prices = bars([60_000, 60_200])
    caps = pl.DataFrame([("000010", as_of, 356 * 10**12, None)], schema=dict(frames.MARKET_CAPS), orient="row")
    assert market_cap_now(caps, prices, as_of=as_of)["market_cap_krw"].to_list() == [356e12]


@pytest.mark.rule("R-ENR-05")
def test_valuation_knows_a_loss_from_an_unknown(as_of: date) -> None:
    """Q1: negative is known, 0 and null are unknown."""
    rows = [("A00000", "2024", as_of, None, -1e10, 1e11), ("B00000", "2024", as_of, 7.5, 0.0, None)]
    filed = pl.DataFrame(rows, schema=dict(frames.FUNDAMENTALS), orient="row")
    caps = pl.DataFrame({"code": ["A00000", "B00000"], "market_cap_krw": [1e11, 1e11]})
    first, second = valuation(filed, caps, known_by=as_of).rows(named=True)
    assert (first["per"], first["pbr"], first["roe_pct"]) == (-10.0, 1.0, -10.0)
    assert (second["per"], second["pbr"], second["roe_pct"]) == (None, None, 7.5)
    with pytest.raises(LookAheadError):
        valuation(filed, caps, known_by=as_of - timedelta(days=1))
