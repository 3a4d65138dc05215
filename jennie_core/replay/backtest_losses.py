"""Loss limits on daily marks: the live state machine fed at the open and at the close of every session (O5)."""

from datetime import date

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.loss_limits import LossLimitState, PnlReading, RiskBook, advance, iso_week, loss_refusal


class LossWatch:
    """Equity references of day and week, the latched state, and the risk of the buys in flight."""

    def __init__(self, settings: RiskSettings, start_equity_krw: int) -> None:
        self._settings = settings
        self._previous_close_krw = start_equity_krw
        self._week_start_krw = start_equity_krw
        self._week: str | None = None
        self._day: date | None = None
        self.state: LossLimitState | None = None
        self.reading = PnlReading(None, None, None, None)
        self.risk = RiskBook()

    def begin(self, day: date) -> None:
        """A new session; a new week measures from the last close of the week before."""
        if iso_week(day) != self._week:
            self._week, self._week_start_krw = iso_week(day), self._previous_close_krw
        self._day = day
        self.risk = RiskBook()

    def measure(self, equity_krw: int) -> None:
        """Read profit and loss at the present marks and latch what is reached."""
        if self._day is None:
            raise AssertionError("a session must have begun")
        self.reading = PnlReading(
            day_pnl_krw=equity_krw - self._previous_close_krw,
            week_pnl_krw=equity_krw - self._week_start_krw,
            day_equity_krw=self._previous_close_krw,
            week_equity_krw=self._week_start_krw,
        )
        self.state = advance(self.state, self.reading, self._day, self._settings)

    def close(self, equity_krw: int) -> None:
        """The session's last measure becomes the next one's reference."""
        self.measure(equity_krw)
        self._previous_close_krw = equity_krw

    def refusal(self) -> Refusal | None:
        """Why no position may be opened for losses."""
        if self._day is None:
            raise AssertionError("a session must have begun")
        return loss_refusal(self.state, self.reading, self._day, self._settings)

    def reserve(self, intent_id: str, risk_krw: int) -> Refusal | None:
        """Set the risk of one order aside; the orders of one open are in flight together."""
        return self.risk.reserve(intent_id, risk_krw, self.reading, self._settings)
