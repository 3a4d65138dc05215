"""Loss limits in force: figures from memory, state in the ledger (O5, R-GRD-08)."""

from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.book import Book, PositionChange
from jennie_core.strategy.loss_limits import LossLimitState, PnlReading, RiskBook, advance, iso_week, loss_refusal
from jennie_core.strategy.profit import Flow, flow_of_sale, period_pnl_krw
from jennie_infra.db.repositories import risk
from jennie_infra.db.repositories.risk import RiskRow
from jennie_live.buy_executor.market_facts import MarketFacts
from jennie_live.buy_executor.profit import flows_between
from jennie_live.desk.journal import Journal

SAVE_EVERY_US = 60_000_000
UNKNOWN = PnlReading(None, None, None, None)


class LossGuard:
    """Keeps the day's and week's profit and loss, latches a limit that was reached, reserves risk of open buys."""

    def __init__(self, settings: RiskSettings, book: Book, facts: MarketFacts, journal: Journal) -> None:
        self._settings = settings
        self._book = book
        self._facts = facts
        self._journal = journal
        self.risk = RiskBook()
        self.reading = UNKNOWN
        self.state: LossLimitState | None = None
        self._day: date | None = None
        self._flows: list[Flow] = []
        self._day_equity: int | None = None
        self._week_equity: int | None = None
        self._saved: tuple[int, LossLimitState | None] = (0, None)
        self._hit_at: dict[str, datetime] = {}

    async def begin_day(self, day: date) -> None:
        """Load flows of the week, the equities to measure against, and limits that were reached before a restart."""
        monday = day - timedelta(days=day.weekday())

        def load(connection: Connection) -> tuple[list[Flow], int | None, int | None, list[RiskRow]]:
            rows = [risk.risk_row(connection, monday + timedelta(days=offset)) for offset in range(7)]
            return (
                flows_between(connection, monday, day),
                risk.equity_at_close_before(connection, day),
                risk.equity_at_close_before(connection, monday),
                [row for row in rows if row is not None and row.market_day <= day],
            )

        flows, day_equity, week_equity, rows = await self._journal.do("risk state", load)
        today = next((row for row in rows if row.market_day == day), None)
        first = next((row.previous_equity_krw for row in rows if row.previous_equity_krw is not None), None)
        if day_equity is None and today is not None:
            day_equity = today.previous_equity_krw
        self._day, self._flows = day, flows
        self._day_equity = day_equity
        self._week_equity = week_equity if week_equity is not None else first
        self._hit_at = {}
        if today is not None and today.daily_limit_hit_at is not None:
            self._hit_at["daily"] = today.daily_limit_hit_at
        weekly = next((row.weekly_limit_hit_at for row in rows if row.weekly_limit_hit_at is not None), None)
        if weekly is not None:
            self._hit_at["weekly"] = weekly
        self.state = LossLimitState(
            market_day=day,
            week=iso_week(day),
            daily_reached="daily" in self._hit_at,
            weekly_reached="weekly" in self._hit_at,
        )

    def add_flow(self, flow: Flow) -> None:
        """Money of an own fill."""
        self._flows.append(flow)

    def add_change(self, change: PositionChange) -> None:
        """Money of the other desk's fill that has come into force: what it realised on the average price it sold at."""
        flow = None if self._day is None else flow_of_sale(change.before, change.event, self._day)
        if flow is not None:
            self._flows.append(flow)

    def update(self, now: datetime) -> None:
        """Measure, latch, and keep the state in the ledger now and then."""
        if self._day is None:
            return
        self._take_first_equity(now)
        monday = self._day - timedelta(days=self._day.weekday())
        held = {code: position.quantity for code, position in self._book.positions.items() if position.quantity}
        prices = {code: self.price(code) for code in held}
        today = [flow for flow in self._flows if flow.day == self._day]
        self.reading = PnlReading(
            day_pnl_krw=period_pnl_krw(held, prices, self._closes(self._day), today),
            week_pnl_krw=period_pnl_krw(held, prices, self._closes(monday), self._flows),
            day_equity_krw=self._day_equity,
            week_equity_krw=self._week_equity,
        )
        self.state = advance(self.state, self.reading, self._day, self._settings)
        for name, reached in (("daily", self.state.daily_reached), ("weekly", self.state.weekly_reached)):
            if reached:
                self._hit_at.setdefault(name, now)
        self._save(now)

    def refusal(self) -> Refusal | None:
        """Why no position may be opened for losses; unknown counts as reached."""
        if self._day is None:
            return loss_refusal(None, self.reading, date.min, self._settings)
        return loss_refusal(self.state, self.reading, self._day, self._settings)

    def reserve(self, intent_id: str, risk_krw: int) -> Refusal | None:
        """Set risk aside before an order is sent."""
        return self.risk.reserve(intent_id, risk_krw, self.reading, self._settings)

    def price(self, code: str) -> float | None:
        """Price of a holding now: the broker's at the last balance, or what was just paid."""
        known = self._book.price_of(code)
        if known is not None:
            return known
        position = self._book.positions.get(code)
        is_new = position is not None and position.bought_on == self._day
        return position.average_price_krw if position is not None and is_new else None

    def _closes(self, day: date) -> dict[str, float | None]:
        return {code: history.close_before(day) for code, history in self._facts.history.items()}

    def _take_first_equity(self, now: datetime) -> None:
        """A store without any earlier close measures from the first balance of its first day."""
        if self._day_equity is None and not self._flows:
            cash = self._book.cash(now)
            self._day_equity = None if cash is None else cash.total_krw
        if self._week_equity is None:
            self._week_equity = self._day_equity

    def _save(self, now: datetime) -> None:
        day, state, reading = self._day, self.state, self.reading
        if day is None or (to_epoch_us(now) - self._saved[0] < SAVE_EVERY_US and self._saved[1] == state):
            return
        self._saved = (to_epoch_us(now), state)
        known = reading.day_pnl_krw
        row = RiskRow(
            market_day=day,
            previous_equity_krw=self._day_equity,
            week_start_equity_krw=self._week_equity,
            realized_pnl_krw=None,
            unrealized_pnl_krw=known,
            daily_limit_hit_at=self._hit_at.get("daily"),
            weekly_limit_hit_at=self._hit_at.get("weekly"),
            updated_at=now,
        )

        def work(connection: Connection) -> None:
            realized = risk.realized_since(connection, day, day)
            unrealized = None if known is None else known - realized
            risk.save_risk(
                connection,
                RiskRow(
                    **{
                        **{name: getattr(row, name) for name in RiskRow.__slots__},
                        "realized_pnl_krw": realized,
                        "unrealized_pnl_krw": unrealized,
                    }
                ),
            )

        self._journal.add("risk state", work)
