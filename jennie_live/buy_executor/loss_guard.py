"""Loss limits in force: figures from memory, state in the ledger (O5, R-GRD-08)."""

from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.book import Book, PositionChange
from jennie_core.strategy.buy_intent import reserved_risk_krw
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.loss_limits import LossLimitState, PnlReading, RiskBook
from jennie_core.strategy.loss_meter import LossMeter
from jennie_core.strategy.profit import Flow, flow_of_sale
from jennie_infra.db.repositories import risk
from jennie_infra.db.repositories.risk import RiskRow
from jennie_live.buy_executor.market_facts import MarketFacts
from jennie_live.buy_executor.profit import flows_between
from jennie_live.desk.journal import Journal

SAVE_EVERY_US = 60_000_000


class LossGuard:
    """The meter of one desk, fed from its book, with its state kept in the ledger."""

    def __init__(self, settings: RiskSettings, book: Book, facts: MarketFacts, journal: Journal) -> None:
        self._meter = LossMeter(settings)
        self._book = book
        self._facts = facts
        self._journal = journal
        self._saved: tuple[int, LossLimitState | None] = (0, None)
        self._hit_at: dict[str, datetime] = {}

    @property
    def risk(self) -> RiskBook:
        """Risk of open buys."""
        return self._meter.risk

    @property
    def reading(self) -> PnlReading:
        """Profit and loss as last measured."""
        return self._meter.reading

    @property
    def state(self) -> LossLimitState | None:
        """Limits that were reached."""
        return self._meter.state

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
        self._hit_at = {}
        if today is not None and today.daily_limit_hit_at is not None:
            self._hit_at["daily"] = today.daily_limit_hit_at
        weekly = next((row.weekly_limit_hit_at for row in rows if row.weekly_limit_hit_at is not None), None)
        if weekly is not None:
            self._hit_at["weekly"] = weekly
        self._meter.begin_day(
            day,
            flows,
            day_equity_krw=day_equity,
            week_equity_krw=week_equity if week_equity is not None else first,
            daily_reached="daily" in self._hit_at,
            weekly_reached="weekly" in self._hit_at,
        )

    def add_flow(self, flow: Flow) -> None:
        """Money of an own fill."""
        self._meter.add_flow(flow)

    def add_change(self, change: PositionChange) -> None:
        """Money of the other desk's fill that has come into force."""
        day = self._meter.day
        flow = None if day is None else flow_of_sale(change.before, change.event, day)
        if flow is not None:
            self._meter.add_flow(flow)

    def update(self, now: datetime) -> Refusal | None:
        """Measure, latch, keep the state in the ledger now and then; why no position may be opened for losses."""
        held = {code: position.quantity for code, position in self._book.positions.items() if position.quantity}
        cash = self._book.cash(now)
        state = self._meter.measure(
            held,
            {code: self.price(code) for code in held},
            self._facts.history,
            None if cash is None else cash.total_krw,
            has_all_fills=not self._book.balance_is_stale,
        )
        if state is not None:
            for name, reached in (("daily", state.daily_reached), ("weekly", state.weekly_reached)):
                if reached:
                    self._hit_at.setdefault(name, now)
            self._save(now)
        return self.refusal()

    def refusal(self) -> Refusal | None:
        """Why no position may be opened for losses; unknown counts as reached."""
        return self._meter.refusal()

    def reserve(self, intent_id: str, risk_krw: int) -> Refusal | None:
        """Set risk aside before an order is sent."""
        return self._meter.reserve(intent_id, risk_krw)

    def ended(self, intent: Intent) -> None:
        """An order is over, or got shares after its end; these keep its risk reserved until they are measured."""
        self._meter.ended(intent.intent_id, reserved_risk_krw(intent), intent.filled_quantity)

    @property
    def is_reached(self) -> bool:
        """Whether a limit is latched."""
        return self._meter.is_reached

    def price(self, code: str) -> float | None:
        """Price of a holding now: the broker's at the last balance, or what was just paid."""
        return self._book.price_now(code, self._meter.day)

    def _save(self, now: datetime) -> None:
        day, state, reading = self._meter.day, self.state, self.reading
        if day is None or (to_epoch_us(now) - self._saved[0] < SAVE_EVERY_US and self._saved[1] == state):
            return
        self._saved = (to_epoch_us(now), state)
        known = reading.day_pnl_krw
        row = RiskRow(
            market_day=day,
            previous_equity_krw=self._meter.day_equity_krw,
            week_start_equity_krw=self._meter.week_equity_krw,
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
