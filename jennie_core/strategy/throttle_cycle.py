"""When the intraday throttle reads the index: every full five minutes from the opening auction to the close (R-THR)."""

from datetime import datetime, timedelta

from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.throttle import IntradayThrottle, ThrottleUpdate

CYCLE = timedelta(minutes=5)


class ThrottleCycle:
    """One session's throttle with its timetable; all instants are market time."""

    def __init__(self, times: SessionTimes) -> None:
        self._times = times
        self._throttle = IntradayThrottle(times.opening_auction_at)
        self._next_at = times.opening_auction_at

    def restore(self, risk: IntradayRisk) -> None:
        """Go on from a stored state of the same market day."""
        if risk.known_at.date() == self._times.day:
            self._throttle.restore(risk)

    def begin(self, now: datetime) -> bool:
        """Whether a cycle is due now; then the next one is set."""
        if now < self._next_at or now > self._times.close_at:
            return False
        start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
        self._next_at = start + CYCLE
        return True

    def needs_index(self, now: datetime) -> bool:
        """Index changes are read from the open on."""
        return now >= self._times.open_at

    def observe(
        self, context: TradingContext | None, kospi_change_pct: float | None, vix: float | None, now: datetime
    ) -> ThrottleUpdate:
        """The cycle's step with the latest readings; None = unknown."""
        if context is not None:
            self._throttle.on_context(context)
        return self._throttle.observe(kospi_change_pct, vix, now)
