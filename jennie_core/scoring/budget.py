"""Sector tiers and caps from the last known session's returns (R-BUD)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import polars as pl

from jennie_core.domain.enums import SectorTier
from jennie_core.domain.macro import SectorAllowance, SectorBudget
from jennie_core.scoring.sectors import SECTOR_GROUPS

UNKNOWN_SECTOR_CAP = 3
FALLING_KNIFE_RATIO = 0.30
FALLING_KNIFE_PCT = -5.0

_CAPS = {SectorTier.HOT: (5, 5), SectorTier.WARM: (3, 3), SectorTier.COOL: (3, 2)}
_WATCHLIST_CAP_OVERRIDES = {"반도체/IT": 4}


def sector_returns(members: pl.DataFrame, keys: Sequence[str] = ("sector_group",)) -> pl.DataFrame:
    """Mean one-session change per sector over universe members with sector_group and change_pct (R-BUD-01, R-BUD-02).

    At 08:30 the session is the last one that closed. Zero and unknown changes are left out, as a halted stock's is 0.
    `keys` also name the day where the rows are of many days.
    Output: the keys, return_pct (null = no member moved), members, falling_ratio, is_falling_knife.
    """
    moved = pl.col("change_pct").filter(pl.col("change_pct") != 0)
    falling = (moved < FALLING_KNIFE_PCT).sum() / moved.len()
    return (
        members.group_by(keys, maintain_order=True)
        .agg(
            pl.when(moved.len() > 0).then(moved.mean()).alias("return_pct"),
            pl.len().alias("members"),
            pl.when(moved.len() > 0).then(falling).alias("falling_ratio"),
        )
        .with_columns(is_falling_knife=(pl.col("falling_ratio") >= FALLING_KNIFE_RATIO).fill_null(value=False))
        .sort(keys)
    )


def sector_tiers(
    returns: pl.DataFrame, *, favor: Collection[str] = (), avoid: Collection[str] = ()
) -> dict[str, SectorTier]:
    """Tier of every sector in `returns` (R-BUD-03), then the council's word: avoid first, then favour (R-BUD-04)."""
    low, high = returns["return_pct"].quantile(0.25, "linear"), returns["return_pct"].quantile(0.75, "linear")
    tiers = {}
    for row in returns.iter_rows(named=True):
        sector = row["sector_group"]
        tier = _tier(row["return_pct"], row["is_falling_knife"], low, high)
        if sector in avoid:
            tier = SectorTier.COOL
        if sector in favor and tier is SectorTier.COOL:
            tier = SectorTier.WARM
        tiers[sector] = tier
    return tiers


def _tier(return_pct: float | None, is_falling_knife: bool, low: float | None, high: float | None) -> SectorTier:
    if is_falling_knife:
        return SectorTier.COOL
    if return_pct is None or low is None or high is None:
        return SectorTier.WARM
    if return_pct >= high and return_pct > 0:
        return SectorTier.HOT
    if return_pct <= low and return_pct < 0:
        return SectorTier.COOL
    return SectorTier.WARM


def sector_allowance(sector: str, tier: SectorTier, return_pct: float | None) -> SectorAllowance:
    """Caps of one sector (R-BUD-05)."""
    watchlist_cap, portfolio_cap = _CAPS[tier]
    return SectorAllowance(
        sector_group=sector,
        tier=tier,
        watchlist_cap=_WATCHLIST_CAP_OVERRIDES.get(sector, watchlist_cap),
        portfolio_cap=portfolio_cap,
        return_pct=return_pct,
    )


def build_sector_budget(
    members: pl.DataFrame,
    *,
    run_id: str,
    market_day: date,
    known_at: datetime,
    expires_at: datetime,
    favor: Collection[str] = (),
    avoid: Collection[str] = (),
) -> SectorBudget:
    """The budget of one run: every group of R-SECT-01, WARM where no member has a known return.

    `members` are the universe's rows of the readings: sector_group, change_pct.
    """
    return budget_of(
        sector_returns(members),
        run_id=run_id,
        market_day=market_day,
        known_at=known_at,
        expires_at=expires_at,
        favor=favor,
        avoid=avoid,
    )


def budget_of(
    returns: pl.DataFrame,
    *,
    run_id: str,
    market_day: date,
    known_at: datetime,
    expires_at: datetime,
    favor: Collection[str] = (),
    avoid: Collection[str] = (),
) -> SectorBudget:
    """`build_sector_budget` from rows of `sector_returns`."""
    tiers = sector_tiers(returns, favor=favor, avoid=avoid)
    known = dict(returns.select("sector_group", "return_pct").iter_rows())
    for sector in SECTOR_GROUPS:
        if sector not in tiers:
            tiers[sector] = SectorTier.COOL if sector in avoid and sector not in favor else SectorTier.WARM
    return SectorBudget(
        run_id=run_id,
        market_day=market_day,
        sectors={sector: sector_allowance(sector, tiers[sector], known.get(sector)) for sector in sorted(tiers)},
        known_at=known_at,
        expires_at=expires_at,
    )


def effective_caps(budget: SectorBudget | None, held: Mapping[str, int]) -> dict[str, int]:
    """Watchlist cap per sector after what is held (R-BUD-06); `held` counts the held stocks of each sector."""
    if budget is None:
        return {}
    caps, counts = {}, Counter(held)
    for sector, allowance in budget.sectors.items():
        holding = counts[sector]
        caps[sector] = max(1, min(allowance.watchlist_cap, max(0, allowance.portfolio_cap - holding) + 1))
    return caps
