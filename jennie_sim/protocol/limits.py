"""The broker's limits in market time, and the record of who broke them."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from jennie_sim.market.hours import SECOND_MS
from jennie_sim.settings import SimSettings


@dataclass(slots=True)
class Violations:
    """What clients did that the broker forbids."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def record(self, kind: str, at_ms: int, **facts: Any) -> None:
        """Append one violation."""
        self.rows.append({"kind": kind, "at_ms": at_ms, **facts})


class RequestWindow:
    """At most `per_second` requests in any second of market time, over all endpoints of one appkey.

    While time moves in slices it stands still between them, so the window is as wide as a slice and the count grows
    with it: at one instant `per_second x slice seconds` requests pass.
    """

    def __init__(self, per_second: int, slice_seconds: float) -> None:
        self._per_second = per_second
        self.window_seconds = max(1.0, slice_seconds)
        self._seen: dict[str, deque[int]] = defaultdict(deque)

    def allows(self, app_key: str, now_ms: int) -> bool:
        """Count one request; False when it is one too many (it then does not count)."""
        if not self._per_second:
            return True
        seen = self._seen[app_key]
        horizon = now_ms - int(self.window_seconds * SECOND_MS)
        while seen and seen[0] <= horizon:
            seen.popleft()
        if len(seen) >= self._per_second * self.window_seconds:
            return False
        seen.append(now_ms)
        return True


class Limits:
    """The broker's limits per second, each over its own window and per appkey."""

    def __init__(self, settings: SimSettings) -> None:
        width = settings.slice_seconds
        self.requests = RequestWindow(settings.rest_per_second, width)
        self.ledger = RequestWindow(settings.ledger_per_second, width)
        self.approvals = RequestWindow(settings.approvals_per_second, width)

    def widen(self, seconds: float) -> None:
        """Market time moves in steps of so many seconds from now on."""
        for window in (self.requests, self.ledger, self.approvals):
            window.window_seconds = max(1.0, seconds)
