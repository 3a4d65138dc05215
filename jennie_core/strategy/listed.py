"""A code the scanner watches (R-SCAN-01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.enums import RiskTag, TradeTier
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry

MANUAL_SCORE = 50.0
UNKNOWN_SECTOR = "기타"


@dataclass(frozen=True, slots=True)
class Listed:
    """A code the scanner watches, from the hot watchlist or from the manual list (R-SCAN-01)."""

    code: str
    name: str
    rank: int
    hybrid_score: float
    llm_score: float
    is_tradable: bool
    trade_tier: TradeTier
    risk_tag: RiskTag
    sector_group: str
    atr_krw: float | None
    scored_on: date | None
    first_listed_on: date | None

    @classmethod
    def from_entry(cls, entry: WatchlistEntry) -> "Listed":
        """A scored stock of the hot watchlist."""
        return cls(
            code=entry.code,
            name=entry.name,
            rank=entry.rank,
            hybrid_score=entry.hybrid_score,
            llm_score=entry.llm_score,
            is_tradable=entry.is_tradable,
            trade_tier=entry.trade_tier,
            risk_tag=entry.risk_tag,
            sector_group=entry.sector_group,
            atr_krw=entry.atr_krw,
            scored_on=entry.scored_at.date(),
            first_listed_on=entry.first_listed_on,
        )

    @classmethod
    def manual(cls, code: str, name: str, rank: int) -> "Listed":
        """A stock the owner added by hand: scores 50, TIER2, NEUTRAL, ranked after the list."""
        return cls(
            code=code,
            name=name,
            rank=rank,
            hybrid_score=MANUAL_SCORE,
            llm_score=MANUAL_SCORE,
            is_tradable=True,
            trade_tier=TradeTier.TIER2,
            risk_tag=RiskTag.NEUTRAL,
            sector_group=UNKNOWN_SECTOR,
            atr_krw=None,
            scored_on=None,
            first_listed_on=None,
        )


def merge_manual(watchlist: HotWatchlist | None, manual: Mapping[str, str]) -> dict[str, Listed]:
    """Code -> listed stock: the hot watchlist, then manual entries (code -> name) that it does not hold."""
    listed = {} if watchlist is None else {entry.code: Listed.from_entry(entry) for entry in watchlist.entries}
    rank = max((entry.rank for entry in listed.values()), default=0)
    for code, name in manual.items():
        if code not in listed:
            rank += 1
            listed[code] = Listed.manual(code, name, rank)
    return listed
