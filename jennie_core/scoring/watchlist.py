"""The hot watchlist document from the selected rows (R-SEL-09)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from jennie_core.domain.enums import MarketRegime, RiskTag, TradeTier
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry


def watchlist_version(known_at: datetime) -> str:
    """`v` and the UTC instant of the run."""
    return f"v{known_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def first_listed_dates(previous: HotWatchlist | None) -> dict[str, date]:
    """First session on the list per code of the list in force, for stocks that stay on it (R-STRAT-09)."""
    return {} if previous is None else {entry.code: entry.first_listed_on for entry in previous.entries}


def build_watchlist(
    selected: pl.DataFrame,
    *,
    run_id: str,
    market_day: date,
    market_regime: MarketRegime,
    known_at: datetime,
    expires_at: datetime,
    listed_since: Mapping[str, date],
) -> HotWatchlist:
    """Domain watchlist from `selection.select` rows (only is_selected ones are read), best rank first.

    `listed_since` holds the first session of an unbroken stay per code of the previous list; a code that is not in it
    enters on `market_day`. The previous close is the last session's, the ATR the daily one (R-IND-04), null stays None.
    """
    return watchlist_of(
        selected.filter(pl.col("is_selected")).sort("list_rank").iter_rows(named=True),
        run_id=run_id,
        market_day=market_day,
        market_regime=market_regime,
        known_at=known_at,
        expires_at=expires_at,
        listed_since=listed_since,
    )


def watchlist_of(
    rows: Iterable[Mapping[str, Any]],
    *,
    run_id: str,
    market_day: date,
    market_regime: MarketRegime,
    known_at: datetime,
    expires_at: datetime,
    listed_since: Mapping[str, date],
) -> HotWatchlist:
    """`build_watchlist` from the listed stocks' rows in rank order."""
    entries = tuple(
        WatchlistEntry(
            code=row["code"],
            name=row["name"] if row["name"] is not None else row["code"],
            rank=rank,
            sector_group=row["sector_group"],
            quant_score=row["total_quant_score"],
            llm_score=row["llm_score"],
            hybrid_score=row["smoothed_score"],
            coverage_ratio=row["coverage_ratio"],
            is_tradable=row["is_tradable"],
            trade_tier=TradeTier(row["trade_tier"]),
            risk_tag=RiskTag(row["risk_tag"]),
            veto_applied=row["veto_applied"],
            previous_close_krw=row["close_krw"],
            atr_krw=row["atr_krw"],
            first_listed_on=listed_since.get(row["code"], market_day),
            scored_at=known_at,
        )
        for rank, row in enumerate(rows, start=1)
    )
    return HotWatchlist(
        version=watchlist_version(known_at),
        run_id=run_id,
        market_day=market_day,
        market_regime=market_regime,
        entries=entries,
        known_at=known_at,
        expires_at=expires_at,
    )
