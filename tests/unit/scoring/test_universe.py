"""Universe: each excluded code has its first reason (R-UNI, Q3)."""

from datetime import date
from typing import Any

import pytest

from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.frames import LookAheadError
from jennie_core.scoring.universe import EmptyUniverseError, select_universe

GOOD = {"code": "000010"}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"market": "KOSDAQ"}, "R-UNI-01", "not listed on KOSPI"),
    ({"market": None}, "R-UNI-01", "market unknown"),
    ({"asset_kind": "SPAC"}, "Q3", "SPAC"),
    ({"asset_kind": "ETF"}, "Q3", "ETF"),
    ({"asset_kind": "ETN"}, "Q3", "ETN"),
    ({"asset_kind": "PREFERRED"}, "Q3", "우선주"),
    ({"status": "administrative"}, "Q3", "관리종목"),
    ({"status": "investment_warning"}, "Q3", "투자경고"),
    ({"status": "investment_risk"}, "Q3", "투자위험"),
    ({"status": "halted"}, "Q3", "거래정지"),
    ({"status": "liquidation_trading"}, "Q3", "정리매매"),
    ({"status": "overheated"}, "Q3", "단기과열"),
    ({"is_halted": True}, "Q3", "거래정지"),
    ({"sessions": 59}, "Q3", "under 60 sessions"),
    ({"median_turnover_20_krw": 9.9e8}, "Q3", "median turnover under 1 bn won"),
    ({"median_turnover_20_krw": None}, "Q3", "turnover unknown"),
    ({"market_cap_krw": 4.9e10}, "R-UNI-02", "market value below the floor"),
    ({"close_krw": 9_999}, "R-UNI-05", "price below the floor"),
]


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [pytest.param(*case, marks=[] if case[1] == "Q3" else pytest.mark.rule(case[1])) for case in REFUSED],
)
def test_each_filter_gives_its_reason(readings: Any, as_of: date, row: dict[str, Any], rule: str, reason: str) -> None:
    frame = readings(GOOD, row | {"code": "000020"})
    universe = select_universe(frame, as_of=as_of, settings=ScoutSettings())
    assert universe.members["code"].to_list() == ["000010"]
    assert universe.excluded.select("code", "rule", "reason").rows() == [("000020", rule, reason)]


@pytest.mark.rule("R-UNI-02", "R-UNI-05")
def test_the_floors_themselves_are_high_enough(readings: Any, as_of: date) -> None:
    frame = readings({"market_cap_krw": 5e10, "close_krw": 10_000, "sessions": 60, "median_turnover_20_krw": 1e9})
    assert select_universe(frame, as_of=as_of, settings=ScoutSettings()).members.height == 1


def test_preferred_shares_pass_when_the_setting_says_so(readings: Any, as_of: date) -> None:
    universe = select_universe(
        readings({"asset_kind": "PREFERRED"}), as_of=as_of, settings=ScoutSettings(exclude_preferred=False)
    )
    assert universe.members.height == 1


@pytest.mark.rule("R-UNI-03")
def test_the_largest_by_market_value_stay_and_the_rest_say_why(readings: Any, as_of: date) -> None:
    frame = readings(*({"code": f"{i:05}0", "market_cap_krw": 1e12 + i} for i in range(5)))
    universe = select_universe(frame, as_of=as_of, settings=ScoutSettings(universe_size=2))
    assert universe.members["code"].to_list() == ["000040", "000030"]
    assert universe.reasons() == {"R-UNI-03: outside the 2 largest": 3}


@pytest.mark.rule("R-UNI-02")
def test_an_unknown_market_value_is_not_zero(readings: Any, as_of: date) -> None:
    """The floor cannot judge it: ranked by turnover among all, and said."""
    frame = readings(
        {"code": "000010", "market_cap_krw": 9e12, "median_turnover_20_krw": 2e9},
        {"code": "000020", "market_cap_krw": None, "median_turnover_20_krw": 9e9},
        {"code": "000030", "market_cap_krw": 1e11, "median_turnover_20_krw": 3e9},
    )
    universe = select_universe(frame, as_of=as_of, settings=ScoutSettings())
    assert universe.members["code"].to_list() == ["000020", "000010", "000030"]
    assert universe.members["ranked_by"].to_list() == ["median_turnover", "market_cap", "market_cap"]
    assert "market value unknown for 1 of 3 stocks" in universe.notes[0]


def test_without_any_market_column_all_pass_and_it_is_said(readings: Any, as_of: date) -> None:
    universe = select_universe(readings({"market": None}), as_of=as_of, settings=ScoutSettings())
    assert universe.members.height == 1
    assert any("no market column" in note for note in universe.notes)


@pytest.mark.rule("R-UNI-04")
def test_discovered_codes_come_on_top_but_pass_the_filters(readings: Any, as_of: date) -> None:
    frame = readings(
        {"code": "000010", "market_cap_krw": 9e12}, {"code": "000020", "market_cap_krw": 8e12},
        {"code": "000030", "market_cap_krw": 1e10},
    )  # fmt: skip
    universe = select_universe(
        frame, as_of=as_of, settings=ScoutSettings(universe_size=1), discovered_codes=["000020", "000030"]
    )
    assert universe.members.select("code", "ranked_by").rows() == [("000010", "market_cap"), ("000020", "discovered")]


@pytest.mark.rule("R-UNI-06")
def test_an_empty_universe_fails_the_run(readings: Any, as_of: date) -> None:
    with pytest.raises(EmptyUniverseError, match="R-UNI-06"):
        select_universe(readings({"is_halted": True}), as_of=as_of, settings=ScoutSettings())


def test_a_master_code_without_a_price_is_reported(readings: Any, as_of: date) -> None:
    universe = select_universe(readings(GOOD), as_of=as_of, settings=ScoutSettings(), listed_codes=["000010", "000077"])
    assert universe.excluded.select("code", "reason").rows() == [("000077", "no price on the last session")]


def test_readings_of_a_later_session_are_refused(readings: Any) -> None:
    with pytest.raises(LookAheadError):
        select_universe(readings(GOOD), as_of=date(2025, 3, 13), settings=ScoutSettings())
