"""The daily chain over many sessions (R-BT-01): context and list of the day, exits, watermarks, entries, snapshot.

R-BT-01's order is kept at the open: first what exits sell there, then the entries, paid with the money and the slots
that are there by then. The rest of each bar follows after the entries, so that nothing sold later in the day pays for
a buy at its open. Pure and deterministic: the same bars, plans and settings give the same trade hash.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.enums import SellReason
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.sessions import SessionTimes, session_times
from jennie_core.replay.backtest_bars import BarPanel, IndexBar, Listing
from jennie_core.replay.backtest_book import Book
from jennie_core.replay.backtest_entries import EntryDesk
from jennie_core.replay.backtest_exits import ExitDesk
from jennie_core.replay.backtest_losses import LossWatch
from jennie_core.replay.backtest_offers import Opening
from jennie_core.replay.backtest_records import DayRecord, Fill, Stage
from jennie_core.replay.backtest_risk import DayRisk
from jennie_core.replay.backtest_terms import BacktestTerms, DayPlan
from jennie_core.strategy.context import effective_context, exit_context
from jennie_core.strategy.cooldowns import cooldowns_after_sell


class PlanError(ValueError):
    """A plan does not fit the bars or the order of sessions."""


class Backtest:
    """The account and its desks over a range; feed it one plan a session."""

    def __init__(
        self,
        *,
        panel: BarPanel,
        index: Mapping[date, IndexBar],
        vix: Mapping[date, float],
        listings: Mapping[str, Listing],
        settings: TradingSettings,
        terms: BacktestTerms,
    ) -> None:
        """`vix` holds the value known before each session (the US close before it); a missing day is unknown."""
        self._panel, self._index, self._vix = panel, index, vix
        self._settings = settings
        self.book = Book(terms.seed_cash_krw, settings.orders.commission_ratio)
        self._losses = LossWatch(settings.risk, terms.seed_cash_krw)
        self._exits = ExitDesk(self.book, panel, settings, terms, self._start_cooldowns)
        self._entries = EntryDesk(self.book, panel, listings, settings, terms, self._exits.indicators)
        self._stop_loss_cooldowns: dict[str, datetime] = {}
        self._sell_cooldowns: dict[str, datetime] = {}
        self._last_day: date | None = None

    def held_per_sector(self, day: date) -> Mapping[str, int]:
        """Stocks held in each sector before `day` opens (R-BUD-06)."""
        found: dict[str, int] = {}
        for holding in self.book.holdings.values():
            found[holding.sector_group] = found.get(holding.sector_group, 0) + 1
        return found

    def run(self, plans: Iterable[DayPlan]) -> Iterator[DayRecord]:
        """One record per plan; plans are taken one by one, so that they may depend on what is held."""
        for plan in plans:
            yield self.session(plan)

    def session(self, plan: DayPlan) -> DayRecord:
        """Live one session. Raises PlanError for a day out of order or without bars, BookError for lost money."""
        day = plan.market_day
        row = self._panel.row(day)
        if row is None or (self._last_day is not None and day <= self._last_day) or plan.as_of >= day:
            raise PlanError(f"{day}: no bars, not after {self._last_day}, or known only as of {plan.as_of}")
        self._last_day = day
        hours, book = session_times(day), self.book
        first_fill = len(book.fills)
        held_before, equity_before = len(book.holdings), book.equity_krw
        risk = DayRisk(hours, plan.context, self._index.get(day), self._vix.get(day))
        self._losses.begin(day)
        self._exits.begin(day, row)
        self._exits.at_open(exit_context(plan.context, risk.at_open, hours.open_at), day, row)
        self._losses.measure(book.equity_krw)
        loss_state = self._losses.state
        opening = self._opening(plan, hours, row, risk)
        self._entries.at_open(opening, self._losses)
        late = risk.after_low()
        self._exits.rest_of_bar(exit_context(plan.context, late or risk.at_open, hours.open_at), day, row)
        book.check()
        self._losses.close(book.equity_krw)
        return DayRecord(
            day=day,
            as_of=plan.as_of,
            regime=plan.context.market_regime,
            context_run=plan.context.run_id,
            context_age_hours=(hours.open_at - plan.context.known_at).total_seconds() / 3600,
            position_multiplier=plan.context.position_multiplier,
            level_at_open=None if risk.at_open is None else risk.at_open.level,
            level_after_low=None if late is None else late.level,
            is_loss_limited=loss_state is not None and (loss_state.daily_reached or loss_state.weekly_reached),
            index_change_pct=risk.change_pct,
            index_close=risk.close,
            listed=len(plan.watchlist.entries),
            held_before=held_before,
            held_after=len(book.holdings),
            equity_before_krw=equity_before,
            equity_krw=book.equity_krw,
            cash_krw=book.cash_krw,
            fills=tuple(book.fills[first_fill:]),
            refusals=dict(self._entries.refusals),
            misses={miss.value: count for miss, count in self._entries.misses.items()},
            carried=tuple((item.code, item.rule, item.miss.value) for item in self._exits.carried),
        )

    def trade_hash(self) -> str:
        """Sixteen hex digits over every fill in order."""
        return trade_hash(self.book.fills)

    def _opening(self, plan: DayPlan, hours: SessionTimes, row: int, risk: DayRisk) -> Opening:
        return Opening(
            session=hours,
            row=row,
            context=effective_context(plan.context, risk.at_open, hours.open_at),
            watchlist=plan.watchlist,
            budget=plan.budget,
            stop_loss_cooldowns=self._stop_loss_cooldowns,
            sell_cooldowns=self._sell_cooldowns,
        )

    def _start_cooldowns(self, code: str, reason: SellReason, day: date, stage: Stage) -> None:
        """A sell at the open is booked there, a later one at the close: the longer cooldown."""
        hours = session_times(day)
        sold_at = hours.open_at if stage is Stage.OPEN else hours.close_at
        ends = cooldowns_after_sell(reason, sold_at, self._settings.risk)
        self._sell_cooldowns[code] = ends.sell_until
        if ends.stop_loss_until is not None:
            self._stop_loss_cooldowns[code] = ends.stop_loss_until


def trade_hash(fills: Iterable[Fill]) -> str:
    """Sixteen hex digits over fills in the order they happened."""
    return canonical_hash([fill.hashed() for fill in fills])
