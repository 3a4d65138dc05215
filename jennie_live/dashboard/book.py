"""The newest of everything that moves: prices, alerts, the day's curve. Kept in memory, rebuilt from the streams."""

from collections import deque
from collections.abc import Iterable

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import Tick
from jennie_core.domain.signals import Alert
from jennie_live.dashboard.schemas.operation import PriceView
from jennie_live.dashboard.schemas.portfolio import IntradayPoint

ALERTS_KEPT = 50
POINTS_KEPT = 800


class LiveBook:
    """Newest price per code, alerts in force, and one point a market minute of the day's profit and loss."""

    def __init__(self) -> None:
        self._prices: dict[str, Tick] = {}
        self._alerts: dict[str, Alert] = {}
        self._points: deque[IntradayPoint] = deque(maxlen=POINTS_KEPT)

    def observe_tick(self, tick: Tick) -> None:
        """Keep the newest tick of a code; a late one changes nothing."""
        known = self._prices.get(tick.code)
        if tick.price_krw > 0 and (known is None or tick.exchange_us >= known.exchange_us):
            self._prices[tick.code] = tick

    def observe_alert(self, alert: Alert) -> None:
        """Raise, refresh or clear an alert."""
        if alert.cleared:
            self._alerts.pop(alert.alert_id, None)
        else:
            self._alerts[alert.alert_id] = alert
            while len(self._alerts) > ALERTS_KEPT:
                self._alerts.pop(next(iter(self._alerts)))

    def observe_point(self, point: IntradayPoint) -> None:
        """Add a point; within one market minute the newest replaces the older one, a new day clears the curve."""
        if self._points:
            last = self._points[-1]
            if last.at.date() != point.at.date():
                self._points.clear()
            elif last.at.replace(second=0, microsecond=0) == point.at.replace(second=0, microsecond=0):
                self._points.pop()
        self._points.append(point)

    def price(self, code: str) -> PriceView | None:
        """Newest price of a code; None is unknown."""
        tick = self._prices.get(code)
        if tick is None:
            return None
        return PriceView(price_krw=tick.price_krw, at=from_epoch_us(tick.exchange_us), source=tick.source)

    def prices(self, codes: Iterable[str]) -> dict[str, PriceView]:
        """Known prices of the given codes."""
        found = ((code, self.price(code)) for code in codes)
        return {code: price for code, price in found if price is not None}

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Alerts in force, newest first."""
        return tuple(sorted(self._alerts.values(), key=lambda alert: alert.raised_at, reverse=True))

    @property
    def points(self) -> tuple[IntradayPoint, ...]:
        """The day's curve, oldest first."""
        return tuple(self._points)
