"""The trading context of every market day by the council's rules, from index and macro history (R-CNL, R-REG)."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, datetime, time

import polars as pl

from jennie_core.domain.base import KST
from jennie_core.domain.macro import TradingContext
from jennie_core.krx.sessions import session_times
from jennie_core.scoring.council import CouncilError, macro_insight, rules_replies
from jennie_core.scoring.frames import INDEX_DAILY, MARKET_FLOWS, require
from jennie_core.scoring.index_technicals import IndexTechnicals, proxy_index, technicals_at
from jennie_core.scoring.knowledge import HistoryInputs
from jennie_core.scoring.macro_readings import MacroSeries, breadth_counts, breadth_of, foreign_flow, known_readings
from jennie_core.scoring.regime import default_context, trading_context
from jennie_core.scoring.scout import RunStamp

DECISION_TIME = time(8, 30)
_FLOW_SESSIONS = 5


def run_stamp(market_day: date) -> RunStamp:
    """The stamp of a decision made at 08:30 of its market day and good until the close."""
    known_at = datetime.combine(market_day, DECISION_TIME, KST)
    return RunStamp(f"history-{market_day}", market_day, known_at, session_times(market_day).close_at)


class _Dated:
    """A frame sorted by trade_date, of which the last rows up to a day can be had."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame.sort("trade_date")
        self._days = self._frame["trade_date"].to_list()

    def until(self, day: date, rows: int) -> pl.DataFrame:
        end = bisect_right(self._days, day)
        return self._frame.slice(max(0, end - rows), min(rows, end))


class ContextHistory:
    """Trading contexts of any market day of the inputs; each knows nothing later than its last session.

    Without any index bar the mean of the most traded stocks stands in, as on a single day; that reads a year of prices
    for each day and is slow.
    """

    def __init__(self, inputs: HistoryInputs, market: pl.DataFrame, momentum: pl.DataFrame) -> None:
        """`market` are `history_scores.market_rows`, `momentum` market_day, sector_group and sector_return_20_pct."""
        require(inputs.market_flows, MARKET_FLOWS, "market flows")
        index = require(inputs.index_daily, INDEX_DAILY, "index bars")
        last_sessions = market["trade_date"].unique().to_list()
        self._index = {
            code: technicals_at(index.filter(pl.col("index_code") == code).sort("trade_date"), last_sessions)
            for code in ("KOSPI", "KOSDAQ")
        }
        self._has_index = index.height > 0
        self._prices = inputs.prices
        self._flows = _Dated(inputs.market_flows.filter(pl.col("market") == "KOSPI"))
        self._series = MacroSeries(inputs.macro_daily)
        counts = market.group_by("market_day").agg(breadth_counts())
        self._breadth = {day: breadth_of(*found) for day, *found in counts.iter_rows()}
        self._momentum: dict[date, dict[str, float]] = {}
        for day, sector, value in momentum.drop_nulls().sort("sector_group").iter_rows():
            self._momentum.setdefault(day, {})[sector] = value

    def at(self, market_day: date, *, as_of: date, window_from: date) -> TradingContext:
        """Context of `market_day`; the default one (R-REG-09) where the council has nothing to judge by."""
        stamp = run_stamp(market_day)
        readings = known_readings(
            market_day,
            kospi=self._index["KOSPI"].get(as_of) if self._has_index else self._proxy(as_of, window_from),
            kosdaq=self._index["KOSDAQ"].get(as_of),
            breadth=self._breadth.get(market_day),
            series=self._series,
            foreign_net_5d_krw=foreign_flow(self._flows.until(as_of, _FLOW_SESSIONS), as_of),
            sector_return_20_pct=self._momentum_of(market_day),
        )
        known_at, expires_at = stamp.known_at, stamp.expires_at
        try:
            insight = macro_insight(
                readings, rules_replies(readings), run_id=stamp.run_id, known_at=known_at, expires_at=expires_at
            )
        except CouncilError:
            return default_context(market_day=market_day, known_at=known_at, expires_at=expires_at)
        return trading_context(
            insight, market_day=market_day, run_id=stamp.run_id, known_at=known_at, expires_at=expires_at
        )

    def _proxy(self, as_of: date, window_from: date) -> IndexTechnicals | None:
        window = self._prices.filter(pl.col("trade_date").is_between(window_from, as_of))
        return technicals_at(proxy_index(window), [as_of]).get(as_of)

    def _momentum_of(self, market_day: date) -> Mapping[str, float]:
        return self._momentum.get(market_day, {})
