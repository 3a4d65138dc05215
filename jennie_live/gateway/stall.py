"""Silent-stall detection (drill 16): the socket is open, but in session no ticks arrive."""

from collections.abc import Callable, Sequence

from jennie_core.domain.base import from_epoch_us
from jennie_core.krx.sessions import SessionPhase, session_times
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.subscriptions import Claims

SECOND_US = 1_000_000
FEED_LIMIT_US = 10 * SECOND_US
THIN_FEED_LIMIT_US = 60 * SECOND_US
THIN_FEED_CODES = 10
"""With fewer codes ten quiet seconds are nothing unusual."""
RECONNECT_EVERY_US = 60 * SECOND_US


class StallWatch:
    """Judges the whole feed in market time; while it is stalled, held codes and open orders are polled as well."""

    def __init__(self, feed: Feed, intake: Intake, claims: Claims, *, enabled: Callable[[], bool]) -> None:
        self._feed = feed
        self._intake = intake
        self._claims = claims
        self._enabled = enabled
        self._quiet_since_us: int | None = None
        self._reconnected_us: int | None = None
        self.stalled = False

    def polled(self) -> Sequence[str]:
        """Codes to poll now: those without a registration, and in a stall the held ones first."""
        urgent = (*self._claims.of("held"), *self._claims.of("open_orders")) if self.stalled else ()
        return tuple(dict.fromkeys((*urgent, *self._feed.polled())))

    def polled_at(self, market_us: int) -> Sequence[str]:
        """Judge at the end of a time slice, then the codes to poll: the same in every run of a day."""
        self.check(market_us)
        return self.polled()

    def check(self, market_us: int | None) -> None:
        """Judge now."""
        if market_us is None or not self._feed.subscribed or not self._enabled() or not _is_continuous(market_us):
            self._quiet_since_us = market_us
            self.stalled = False
            return
        since = max(self._quiet_since_us or market_us, self._intake.last_tick_us or 0)
        self._quiet_since_us = since
        limit = FEED_LIMIT_US if len(self._feed.subscribed) >= THIN_FEED_CODES else THIN_FEED_LIMIT_US
        self.stalled = market_us - since > limit

    def should_reconnect(self, market_us: int | None) -> bool:
        """Whether a new session is due; at most one a minute."""
        if not self.stalled or market_us is None:
            return False
        if self._reconnected_us is not None and market_us - self._reconnected_us < RECONNECT_EVERY_US:
            return False
        self._reconnected_us = market_us
        return True


def _is_continuous(market_us: int) -> bool:
    now = from_epoch_us(market_us)
    return session_times(now.date()).phase_at(now) is SessionPhase.CONTINUOUS
