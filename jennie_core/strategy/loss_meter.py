"""The day's and the week's profit and loss against the loss limits, and the risk of open buys (O5, R-GRD-08)."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.daily_history import History
from jennie_core.strategy.loss_limits import (
    RULE,
    LossLimitState,
    PnlReading,
    RiskBook,
    advance,
    iso_week,
    loss_refusal,
)
from jennie_core.strategy.profit import Flow, period_pnl_krw

UNKNOWN = PnlReading(None, None, None, None)
PRICE_LIFE_US = 10_000_000
"""Before a buy is sent, losses are measured at a balance that is at most this old, in market time."""
NOT_MEASURED = Refusal(rule=RULE, detail="the balance cannot be read: profit and loss count as at the limit")


class LossMeter:
    """Measures when told to, latches a limit that was reached, reserves risk. Before `begin_day` all is unknown."""

    def __init__(self, settings: RiskSettings) -> None:
        self._settings = settings
        self._flows: list[Flow] = []
        self.risk = RiskBook()
        self.reading = UNKNOWN
        self.state: LossLimitState | None = None
        self.day: date | None = None
        self.day_equity_krw: int | None = None
        self.week_equity_krw: int | None = None

    def begin_day(
        self,
        day: date,
        flows: Iterable[Flow],
        *,
        day_equity_krw: int | None,
        week_equity_krw: int | None,
        daily_reached: bool = False,
        weekly_reached: bool = False,
    ) -> None:
        """Flows of the week up to `day`, the equities to measure against, and limits that were reached before."""
        self.day, self._flows = day, list(flows)
        self.day_equity_krw, self.week_equity_krw = day_equity_krw, week_equity_krw
        self.state = LossLimitState(
            market_day=day, week=iso_week(day), daily_reached=daily_reached, weekly_reached=weekly_reached
        )

    def add_flow(self, flow: Flow) -> None:
        """Money of a fill that came into force."""
        self._flows.append(flow)

    def measure(
        self,
        held: Mapping[str, int],
        prices: Mapping[str, float | None],
        history: Mapping[str, History],
        total_krw: int | None,
        *,
        has_all_fills: bool,
    ) -> LossLimitState | None:
        """Measure and latch; `total_krw` is the account now, which a first day without an earlier close starts from.

        `has_all_fills`: the prices are of a balance that was read after the last fill, so bought risk is used risk now.
        """
        day = self.day
        if day is None:
            return None
        if self.day_equity_krw is None and not self._flows:
            self.day_equity_krw = total_krw
        if self.week_equity_krw is None:
            self.week_equity_krw = self.day_equity_krw
        monday = day - timedelta(days=day.weekday())
        today = [flow for flow in self._flows if flow.day == day]
        concerned = {
            code: history[code] for code in {*held, *(flow.stock_code for flow in self._flows)} & history.keys()
        }
        self.reading = PnlReading(
            day_pnl_krw=period_pnl_krw(held, prices, _closes(concerned, day), today),
            week_pnl_krw=period_pnl_krw(held, prices, _closes(concerned, monday), self._flows),
            day_equity_krw=self.day_equity_krw,
            week_equity_krw=self.week_equity_krw,
        )
        if has_all_fills and self.reading.day_pnl_krw is not None and self.reading.week_pnl_krw is not None:
            self.risk.measured()
        self.state = advance(self.state, self.reading, day, self._settings)
        return self.state

    def refusal(self) -> Refusal | None:
        """Why no position may be opened for losses; unknown counts as reached."""
        state = None if self.day is None else self.state
        return loss_refusal(state, self.reading, self.day or date.min, self._settings)

    def reserve(self, intent_id: str, risk_krw: int) -> Refusal | None:
        """Set risk aside before an order is sent."""
        return self.risk.reserve(intent_id, risk_krw, self.reading, self._settings)

    def ended(self, intent_id: str, risk_krw: int, filled_quantity: int) -> None:
        """An order is over: its risk is free, or counts as reserved until its shares have been measured."""
        if filled_quantity > 0:
            self.risk.bought(intent_id, risk_krw)
        else:
            self.risk.release(intent_id)

    @property
    def is_reached(self) -> bool:
        """Whether a limit is latched: no buys, and open ones are cancelled."""
        return self.state is not None and (self.state.daily_reached or self.state.weekly_reached)


def _closes(history: Mapping[str, History], day: date) -> dict[str, float | None]:
    return {code: known.close_before(day) for code, known in history.items()}
