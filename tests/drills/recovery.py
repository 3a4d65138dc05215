"""How long it took until everything held again after a fault: in market time and in real time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Recovery:
    """Measures from the end of a fault to the moment at which the invariants hold; keeps the worst of a run."""

    worst_market_seconds: float = 0.0
    worst_real_seconds: float = 0.0
    record: Callable[[str, object], None] = lambda name, value: None
    """Where the figures go: pytest's `record_property`."""
    _since: tuple[datetime, float] | None = field(default=None)

    def begin(self, market_now: datetime) -> None:
        """The fault is over now."""
        self._since = (market_now, time.monotonic())

    def end(self, market_now: datetime) -> float:
        """Everything holds now; returns the market seconds that it took."""
        if self._since is None:
            return 0.0
        market_seconds = (market_now - self._since[0]).total_seconds()
        self.worst_market_seconds = max(self.worst_market_seconds, market_seconds)
        self.worst_real_seconds = max(self.worst_real_seconds, time.monotonic() - self._since[1])
        self._since = None
        self.record("recovery_market_seconds", self.worst_market_seconds)
        self.record("recovery_real_seconds", self.worst_real_seconds)
        return market_seconds
