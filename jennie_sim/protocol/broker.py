"""What every protocol handler needs: the exchange, the keys, the limits, the faults."""

from dataclasses import dataclass, field
from datetime import datetime

from jennie_sim.exchange.exchange import Exchange
from jennie_sim.faults.registry import FaultRegistry
from jennie_sim.market.hours import to_instant
from jennie_sim.market.market import Market
from jennie_sim.protocol.credentials import KeyBook
from jennie_sim.protocol.limits import RequestWindow, Violations
from jennie_sim.settings import SimSettings


@dataclass(slots=True)
class Broker:
    """One running exchange as the protocol sees it."""

    exchange: Exchange
    settings: SimSettings
    keys: KeyBook
    window: RequestWindow
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    violations: Violations = field(default_factory=Violations)
    requests_served: int = 0

    @classmethod
    def of(cls, exchange: Exchange, settings: SimSettings) -> "Broker":
        """A broker over an exchange."""
        return cls(
            exchange=exchange,
            settings=settings,
            keys=KeyBook(exchange.market.pack.accounts, settings.accept_any_key),
            window=RequestWindow(settings.rest_per_second, settings.slice_seconds),
        )

    @property
    def market(self) -> Market:
        """The traded day."""
        return self.exchange.market

    @property
    def now_ms(self) -> int:
        """Market time in milliseconds since midnight KST."""
        return self.exchange.now_ms

    @property
    def now(self) -> datetime:
        """Market time."""
        return to_instant(self.market.day, self.exchange.now_ms)
