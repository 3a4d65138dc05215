"""What the monitor tells the operator: once when a condition begins, once when it ends (I5, R-EXIT-20/21, R-MON-07)."""

from typing import Literal

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.signals import Alert
from jennie_core.strategy.exits import ExitDecision
from jennie_core.strategy.held import HeldStock

SERVICE = "price-monitor"


class MonitorAlerts:
    """Collects alerts until the worker sends them."""

    def __init__(self) -> None:
        self._alerts: list[Alert] = []
        self._suppressed: dict[tuple[str, str], str] = {}

    def drain(self) -> list[Alert]:
        """Alerts since the last call."""
        alerts, self._alerts = self._alerts, []
        return alerts

    def price_is_stale(self, held: HeldStock, seconds: int, market_us: int) -> None:
        """No tick for longer than the limit in continuous trading."""
        held.is_stale = True
        text = f"{_name(held)}: no price for {seconds} s, price rules wait; orders already raised go on"
        self._say(_stale(held), "warning", text, market_us, "check the feed and whether the stock is halted")

    def price_is_back(self, held: HeldStock, market_us: int) -> None:
        """The first tick after a stale price."""
        held.is_stale = False
        self._clear(_stale(held), "warning", f"{_name(held)}: prices are back", market_us)

    def invalid_prices(self, held: HeldStock, price_krw: int, market_us: int) -> None:
        """R-EXIT-21: no exit decision is possible."""
        if held.prices_invalid:
            return
        held.prices_invalid = True
        average = held.context.average_price_krw
        text = f"{_name(held)}: buy price {average}, price {price_krw}: no exit rule can be judged"
        self._say(_invalid(held), "critical", text, market_us, "reconcile the position")

    def prices_are_valid(self, held: HeldStock, market_us: int) -> None:
        """Exit rules can be judged again."""
        held.prices_invalid = False
        self._clear(_invalid(held), "critical", f"{_name(held)}: exit rules can be judged again", market_us)

    def suppressed(self, held: HeldStock, decision: ExitDecision, market_us: int) -> None:
        """An exit that the halt holds back, said once per code and rule (R-MON-07)."""
        key = (held.context.code, decision.rule)
        if key in self._suppressed:
            return
        self._suppressed[key] = f"suppressed-exit:{held.context.code}:{decision.rule}"
        text = f"{_name(held)}: {decision.reason} ({decision.rule}), {decision.quantity} shares, held back by the halt"
        self._say(self._suppressed[key], "critical", text, market_us, "lift the halt, sell by hand, or liquidate")

    def exits_are_free(self, market_us: int) -> None:
        """No halt holds exits back: the suppressed ones end, a later halt says them anew."""
        for alert_id in self._suppressed.values():
            self._clear(alert_id, "critical", "exits are free again", market_us)
        self._suppressed.clear()

    def forget(self, held: HeldStock, market_us: int) -> None:
        """The stock is no longer held: its open conditions end."""
        text = f"{_name(held)}: no longer held"
        if held.is_stale:
            self._clear(_stale(held), "warning", text, market_us)
        if held.prices_invalid:
            self._clear(_invalid(held), "critical", text, market_us)
        for key in [key for key in self._suppressed if key[0] == held.context.code]:
            self._clear(self._suppressed.pop(key), "critical", text, market_us)

    def _say(
        self, alert_id: str, severity: Literal["warning", "critical"], text: str, market_us: int, next_step: str
    ) -> None:
        raised_at = from_epoch_us(market_us)
        self._alerts.append(
            Alert(
                alert_id=alert_id,
                severity=severity,
                service=SERVICE,
                text=text,
                next_step=next_step,
                raised_at=raised_at,
            )
        )

    def _clear(self, alert_id: str, severity: Literal["warning", "critical"], text: str, market_us: int) -> None:
        raised_at = from_epoch_us(market_us)
        self._alerts.append(
            Alert(alert_id=alert_id, severity=severity, service=SERVICE, text=text, cleared=True, raised_at=raised_at)
        )


def _name(held: HeldStock) -> str:
    return f"{held.position.stock_name} ({held.context.code})"


def _stale(held: HeldStock) -> str:
    return f"stale-price:{held.context.code}"


def _invalid(held: HeldStock) -> str:
    return f"invalid-price:{held.context.code}"
