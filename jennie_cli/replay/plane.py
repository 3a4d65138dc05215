"""The data plane of a day that is replayed from a market folder: council and scout runs of the schedule, no Dagster.

The asset checks under the permit are not run: the permit is granted for each list, and the report says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from jennie_core.domain.base import KST
from jennie_core.domain.enums import Mode
from jennie_core.domain.macro import MacroInsight, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.schedule import SCHEDULE
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day_ports import Published
from jennie_core.scoring.analyst import hybrid_scores
from jennie_core.scoring.budget import build_sector_budget, effective_caps
from jennie_core.scoring.council import macro_insight, rules_replies
from jennie_core.scoring.factors import HISTORY_SESSIONS
from jennie_core.scoring.macro_readings import MacroReadings, collect_readings
from jennie_core.scoring.readings import MarketInputs, assemble_readings
from jennie_core.scoring.regime import trading_context
from jennie_core.scoring.rules_analyst import rules_opinions
from jennie_core.scoring.scorers import SCORERS
from jennie_core.scoring.scout import universe_rows
from jennie_core.scoring.selection import select
from jennie_core.scoring.sentiment import NEWS_WINDOW_DAYS, score_headlines
from jennie_core.scoring.smoothing import HISTORY, smoothed_scores
from jennie_core.scoring.universe import select_universe
from jennie_core.scoring.watchlist import build_watchlist, first_listed_dates
from jennie_infra.sources.protocol import MarketDataSource

FLOW_DAYS, INDEX_DAYS, MACRO_DAYS, MARKET_FLOW_DAYS = 60, 260, 400, 30
COUNCIL, SCOUT = "macro_council_job", "scout_job"
RUN = "replay"


@dataclass(frozen=True)
class Knowledge:
    """What is known before the market day: readings of the whole market and of the economy."""

    readings: pl.DataFrame
    macro: MacroReadings
    listed_codes: list[str]


def read_knowledge(source: MarketDataSource, day: date) -> Knowledge:
    """Prices up to the session before, facts up to the day before (Q2). Raises MarketDataError."""
    calendar = KrxCalendar.shipped()
    last, known_by = calendar.previous_session(day), day - timedelta(days=1)
    prices = source.daily_prices(calendar.previous_session(day, HISTORY_SESSIONS), last)
    headlines = score_headlines(
        source.headlines(day - timedelta(days=NEWS_WINDOW_DAYS), known_by).select(
            "code", "published_on", "title", "press"
        )
    )
    inputs = MarketInputs(
        prices=prices,
        master=source.stock_master(last),
        market_caps=source.market_caps(last),
        fundamentals=source.fundamentals(known_by),
        flows=source.investor_flows(last - timedelta(days=FLOW_DAYS), last),
        consensus=source.consensus(known_by),
        headlines=headlines.filter(pl.col("sentiment_score").is_not_null()),
    )
    readings = assemble_readings(inputs, as_of=last, known_by=known_by)
    index = source.index_daily(day - timedelta(days=INDEX_DAYS), last)
    macro = collect_readings(
        market_day=day,
        previous_session=last,
        index_daily=index,
        macro=source.macro_daily(day - timedelta(days=MACRO_DAYS), day),
        readings=readings,
        market_flows=source.market_flows(day - timedelta(days=MARKET_FLOW_DAYS), last),
        prices=prices if index.height == 0 else None,
    )
    return Knowledge(readings, macro, readings["code"].to_list())


class FolderPlane:
    """Runs each scheduled council and scout when its time has come; the rules take every seat."""

    def __init__(self, known: Knowledge, day: date, settings: TradingSettings, account: str) -> None:
        self._known = known
        self._day = day
        self._settings = settings
        self._account = account
        self._times = session_times(day)
        self._now = Published()
        self._insight: MacroInsight | None = None
        self._due = [(datetime.combine(day, job.at, KST), job.job) for job in SCHEDULE if job.job in (COUNCIL, SCOUT)]
        self._scored: dict[str, tuple[pl.DataFrame, pl.DataFrame]] = {}

    def published(self, now: datetime, held_per_sector: Mapping[str, int]) -> Published:
        """Everything due up to `now`."""
        while self._due and self._due[0][0] <= now:
            due, job = self._due.pop(0)
            self._now = self._council(due) if job == COUNCIL else self._scout(due, held_per_sector)
        return self._now

    def _council(self, due: datetime) -> Published:
        run_id = f"{RUN}-{due:%Y%m%d-%H%M}"
        replies = rules_replies(self._known.macro)
        insight = macro_insight(
            self._known.macro, replies, run_id=run_id, known_at=due, expires_at=self._times.close_at
        )
        context = trading_context(
            insight, market_day=self._day, run_id=run_id, known_at=due, expires_at=self._times.close_at
        )
        return replace(self._now, context=context, vix=insight.vix_value)

    def _scout(self, due: datetime, held_per_sector: Mapping[str, int]) -> Published:
        context = self._now.context
        if context is None:
            return self._now
        run_id = f"{RUN}-{due:%Y%m%d-%H%M}"
        members, smoothed = self._scores(context)
        budget = build_sector_budget(
            members,
            run_id=run_id,
            market_day=self._day,
            known_at=due,
            expires_at=self._times.close_at,
            favor=context.favor_sectors,
            avoid=context.avoid_sectors,
        )
        listed_since = first_listed_dates(self._now.watchlist)
        watchlist = build_watchlist(
            select(
                smoothed,
                previous_codes=listed_since.keys(),
                sector_caps=effective_caps(budget, held_per_sector),
                settings=self._settings.scout,
            ),
            run_id=run_id,
            market_day=self._day,
            market_regime=context.market_regime,
            known_at=due,
            expires_at=self._times.close_at,
            listed_since=listed_since,
        )
        return replace(self._now, budget=budget, watchlist=watchlist, permit=self._permit(due, watchlist))

    def _scores(self, context: TradingContext) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Members of the universe and their scores; they depend on the day and the regime only."""
        regime = context.market_regime
        if regime.value not in self._scored:
            as_of = KrxCalendar.shipped().previous_session(self._day)
            scout = self._settings.scout
            universe = select_universe(
                self._known.readings, as_of=as_of, settings=scout, listed_codes=self._known.listed_codes
            )
            members = universe_rows(self._known.readings, universe)
            scored = SCORERS[scout.scorer].scores(members, regime=regime)
            judged = hybrid_scores(scored, rules_opinions(scored), settings=scout)
            smoothed = smoothed_scores(
                judged, pl.DataFrame(schema=dict(HISTORY)), market_day=self._day, window=scout.ma_window
            )
            self._scored[regime.value] = (members, smoothed)
        return self._scored[regime.value]

    def _permit(self, due: datetime, watchlist: HotWatchlist) -> TradingPermit:
        cutoff = timedelta(minutes=self._settings.scanner.entry_cutoff_minutes_before_close)
        return TradingPermit(
            mode=Mode.REHEARSAL,
            account_hash=self._account,
            market_day=self._day,
            watchlist_version=watchlist.version,
            settings_hash=self._settings.settings_hash(),
            granted=True,
            issued_at=due,
            expires_at=self._times.close_at - cutoff,
        )
