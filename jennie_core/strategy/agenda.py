"""When a desk compares its books with the broker, in market time (R-REC-06)."""

from jennie_core.domain.base import from_epoch_us


class Agenda:
    """When to reconcile next, in market time: start, reconnect, every 30 s or 5 min in session, at the close."""

    BUSY_US = 30_000_000
    IDLE_US = 300_000_000
    AFTER_CLOSE_US = 35_000_000

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._wanted: str | None = None
        self._done: set[str] = set()

    def want(self, trigger: str) -> None:
        """Reconcile at the next settled mark."""
        self._wanted = self._wanted or trigger

    def done(self, trigger: str, now_us: int) -> None:
        """A reconciliation succeeded."""
        self._last_us, self._wanted = now_us, None
        self._done.add(f"{trigger}:{from_epoch_us(now_us).date()}")

    def due(self, now_us: int, *, open_us: int, close_us: int, final_us: int, is_busy: bool) -> str | None:
        """The trigger that is due at a settled mark, if any."""
        day = from_epoch_us(now_us).date()
        if self._wanted is not None:
            return self._wanted
        if self._last_us is None:
            return "start"
        if now_us >= final_us and f"final:{day}" not in self._done:
            return "final"
        if close_us + self.AFTER_CLOSE_US <= now_us < final_us and f"close:{day}" not in self._done:
            return "close"
        if open_us <= now_us < close_us and now_us - self._last_us >= (self.BUSY_US if is_busy else self.IDLE_US):
            return "periodic"
        return None
