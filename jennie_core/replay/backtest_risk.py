"""The intraday throttle of one session on a daily index bar: one reading at the open, one at the day's low."""

from datetime import timedelta

from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.krx.sessions import SessionTimes
from jennie_core.replay.backtest_bars import IndexBar
from jennie_core.strategy.throttle import IntradayThrottle

LOW_AFTER_OPEN = timedelta(hours=1)
"""Nominal: a bar does not tell when the low was. Nothing but the order of the two readings depends on it."""


class DayRisk:
    """What the throttle says; without an index bar its state is unknown, which refuses every buy (R-THR-07)."""

    def __init__(self, hours: SessionTimes, context: TradingContext, index: IndexBar | None, vix: float | None) -> None:
        self._hours, self._index, self._vix = hours, index, vix
        self._throttle = IntradayThrottle(hours.open_at)
        self._throttle.on_context(context)
        self.at_open: IntradayRisk | None = None
        if index is not None:
            self.at_open = self._throttle.observe(index.change_pct(index.open), vix, hours.open_at).risk

    def after_low(self) -> IntradayRisk | None:
        """The state once the index has been at its low; None without an index bar."""
        if self._index is None:
            return None
        low = self._index.change_pct(self._index.low)
        return self._throttle.observe(low, self._vix, self._hours.open_at + LOW_AFTER_OPEN).risk

    @property
    def change_pct(self) -> float | None:
        """Close against the close before."""
        return None if self._index is None else self._index.change_pct(self._index.close)

    @property
    def close(self) -> float | None:
        """Level of the index at the close, in points."""
        return None if self._index is None else self._index.close
