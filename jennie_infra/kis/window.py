"""At most so many requests in any window of time, on the clock of whoever asks: real or market time."""

from pyrate_limiter import InMemoryBucket, Rate, RateItem


class Window:
    """The exact log of pyrate-limiter, whose every entry carries the time that the caller states."""

    def __init__(self, limit: int, width_ms: int) -> None:
        self.limit = limit
        self._width_ms = width_ms
        self._log = InMemoryBucket([Rate(limit, width_ms)])

    def used(self, now_ms: int) -> int:
        """Requests that count at the moment."""
        self._log.leak(now_ms)
        return self._log.count()

    def take(self, now_ms: int, keep_free: int = 0) -> bool:
        """Count one request if that leaves `keep_free` places; False when there is no room."""
        if self.used(now_ms) + keep_free >= self.limit:
            return False
        return self._log.put(RateItem("", now_ms))

    def free_in_ms(self, now_ms: int) -> int:
        """How long until the oldest request no longer counts; 0 in an empty window."""
        if not self.used(now_ms):
            return 0
        oldest = self._log.items[0].timestamp
        return max(0, oldest + self._width_ms + 1 - now_ms)
