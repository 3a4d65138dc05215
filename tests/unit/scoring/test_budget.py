"""Sector budget (R-BUD) and the fifteen groups (R-SECT)."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import SectorTier
from jennie_core.scoring.budget import (
    build_sector_budget,
    effective_caps,
    sector_allowance,
    sector_returns,
    sector_tiers,
)
from jennie_core.scoring.sectors import (
    LARGE_SECTORS,
    MID_SECTORS,
    PORTAL_SUB_SECTORS,
    SECTOR_GROUPS,
    sector_group,
    with_sector_group,
)

DAY = date(2025, 3, 17)
NOW = datetime(2025, 3, 17, 8, 30, tzinfo=KST)


def members(**changes: list[float | None]) -> pl.DataFrame:
    rows = [(sector, change) for sector, values in changes.items() for change in values]
    return pl.DataFrame(rows, schema={"sector_group": pl.String, "change_pct": pl.Float64}, orient="row")


@pytest.mark.rule("R-BUD-01")
def test_zero_and_unknown_changes_are_left_out() -> None:
    row = sector_returns(members(금융=[2.0, 0.0, None, 4.0])).row(0, named=True)
    assert (row["return_pct"], row["members"]) == (3.0, 4)
    assert sector_returns(members(금융=[0.0, None]))["return_pct"][0] is None


@pytest.mark.rule("R-BUD-02")
def test_falling_knife_is_three_in_ten_below_minus_five() -> None:
    assert sector_returns(members(금융=[-6.0] * 3 + [9.0] * 7))["is_falling_knife"][0]
    assert not sector_returns(members(금융=[-6.0] * 2 + [9.0] * 8))["is_falling_knife"][0]
    assert not sector_returns(members(금융=[-5.0] * 10))["is_falling_knife"][0]


@pytest.mark.rule("R-BUD-03")
def test_tiers_by_quartiles_and_sign() -> None:
    """Linear quartiles of (-4, -1, 1, 4) are -1.75 and 1.75."""
    tiers = sector_tiers(sector_returns(members(a=[4.0], b=[1.0], c=[-1.0], d=[-4.0])))
    assert [tiers[name].value for name in "abcd"] == ["HOT", "WARM", "WARM", "COOL"]
    level = sector_tiers(sector_returns(members(a=[3.0], b=[3.0], c=[-3.0], d=[-3.0])))
    assert [level[name].value for name in "abcd"] == ["HOT", "HOT", "COOL", "COOL"], "the quartiles themselves count"
    falling = sector_tiers(sector_returns(members(a=[-1.0], b=[-2.0], c=[-3.0], d=[-4.0])))
    assert [falling[name].value for name in "abcd"] == ["WARM", "WARM", "WARM", "COOL"], "the best of a fall is not HOT"
    level_zero = sector_tiers(sector_returns(members(a=[1.0, -1.0], b=[2.0, -2.0])))
    assert set(level_zero.values()) == {SectorTier.WARM}, "neither a rise nor a fall"
    knife = sector_tiers(sector_returns(members(a=[1.0], b=[9.0] * 7 + [-6.0] * 3)))
    assert knife["b"] is SectorTier.COOL
    rising = sector_tiers(sector_returns(members(a=[1.0], b=[2.0], c=[3.0], d=[4.0])))
    assert rising == {"a": SectorTier.WARM, "b": SectorTier.WARM, "c": SectorTier.WARM, "d": SectorTier.HOT}


@pytest.mark.rule("R-BUD-04")
def test_the_council_overrides_avoid_first_then_favour() -> None:
    """A sector in both ends WARM."""
    returns = sector_returns(members(a=[4.0], b=[1.0], c=[-1.0], d=[-4.0]))
    tiers = sector_tiers(returns, favor=("d", "b"), avoid=("a", "b"))
    assert (tiers["a"], tiers["b"], tiers["d"]) == (SectorTier.COOL, SectorTier.WARM, SectorTier.WARM)


@pytest.mark.rule("R-BUD-05")
@pytest.mark.parametrize(("tier", "caps"), [("HOT", (5, 5)), ("WARM", (3, 3)), ("COOL", (3, 2))])
def test_caps_per_tier(tier: str, caps: tuple[int, int]) -> None:
    """반도체/IT has 4 on the watchlist whatever the tier."""
    allowance = sector_allowance("금융", SectorTier(tier), None)
    assert (allowance.watchlist_cap, allowance.portfolio_cap) == caps
    assert sector_allowance("반도체/IT", SectorTier(tier), None).watchlist_cap == 4


@pytest.mark.rule("R-BUD-06")
def test_effective_cap_shrinks_with_what_is_held_but_leaves_one() -> None:
    budget = build_sector_budget(
        members(금융=[4.0], 통신=[-4.0], 자동차=[1.0]),
        run_id="r",
        market_day=DAY,
        known_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    assert set(budget.sectors) == set(SECTOR_GROUPS)
    assert budget.sectors["금융"].tier is SectorTier.HOT
    assert budget.sectors["조선/방산"].tier is SectorTier.WARM
    caps = effective_caps(budget, {"금융": 4, "통신": 9})
    assert (caps["금융"], caps["통신"], caps["자동차"]) == (2, 1, 3)
    assert effective_caps(None, {}) == {}


@pytest.mark.rule("R-BUD-07")
def test_a_sector_without_a_row_may_hold_three() -> None:
    budget = build_sector_budget(
        members(금융=[-4.0], 통신=[4.0]), run_id="r", market_day=DAY, known_at=NOW, expires_at=NOW + timedelta(days=1)
    )
    assert budget.portfolio_cap("금융") == 2
    assert budget.portfolio_cap("없는업종") == 3


@pytest.mark.rule("R-SECT-01", "R-SECT-02")
def test_fifteen_groups_and_every_table_leads_into_them() -> None:
    assert len(SECTOR_GROUPS) == len(set(SECTOR_GROUPS)) == 15
    for table in (PORTAL_SUB_SECTORS, LARGE_SECTORS, MID_SECTORS):
        assert set(table.values()) <= set(SECTOR_GROUPS)


@pytest.mark.rule("R-SECT-03")
@pytest.mark.parametrize(
    ("code", "large", "mid", "group"),
    [
        ("000880", "금융", "증권", "조선/방산"),
        ("000010", "금융", "리츠", "건설/부동산"),
        ("000010", "금융", "증권", "금융"),
        ("000010", "에너지", "전력_기자재", "2차전지/소재"),
        ("000010", "에너지", "에너지_가스", "화학/에너지"),
        ("000010", None, "섬유·의류·신발·호화품", "음식료/생활"),
        ("000010", "조선/방산", None, "조선/방산"),
        ("000010", "없는업종", None, "기타"),
        ("000010", None, None, "기타"),
    ],
)
def test_sector_resolution_order(code: str, large: str | None, mid: str | None, group: str) -> None:
    """Override, table, else 기타."""
    assert sector_group(code, large, mid) == group


def test_an_unclassified_stock_is_in_the_rest_but_not_known(master: Any) -> None:
    frame = with_sector_group(master(["000010", "000880"], sector="미분류"))
    assert frame.select("sector_group", "is_sector_known").rows() == [("기타", False), ("조선/방산", True)]
    null = with_sector_group(master(["000010"]).with_columns(sector_large=pl.lit(None, dtype=pl.String)))
    assert null.select("sector_group", "is_sector_known").row(0) == ("기타", False)
