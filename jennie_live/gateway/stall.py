"""Silent-stall detection (drill 16): the socket is open, but in session no ticks arrive, of all codes or of one."""

from collections.abc import Sequence
from datetime import date

from jennie_core.domain.base import from_epoch_us
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import SessionPhase, session_times
from jennie_core.strategy.feed_state import CODE_LIMIT_US, SECOND_US, FeedState
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.subscriptions import Claims

RECONNECT_EVERY_US = 60 * SECOND_US
LONGEST_RENEWAL_US = 960 * SECOND_US
URGENT = ("held", "open_orders")


class StallWatch:
    """Judges in market time. In a stall held codes and open orders are polled; one that is silent alone is polled too,
    and registered anew: the broker may have lost its registration while the connection lives.
    """

    def __init__(self, feed: Feed, intake: Intake, claims: Claims) -> None:
        self._feed = feed
        self._intake = intake
        self._claims = claims
        self._day: date | None = None
        self._state: FeedState | None = None
        self._reconnected_us: int | None = None
        self._urgent_since: dict[str, int] = {}
        self._renewals: dict[str, tuple[int, int]] = {}
        self.quiet: tuple[str, ...] = ()
        """Held codes and open orders without a streamed trade for too long, while the others tick."""

    @property
    def stalled(self) -> bool:
        """Whether the whole feed is."""
        return self._state is not None and self._state.is_stalled

    def polled(self) -> Sequence[str]:
        """Codes to poll now: in a stall the held ones first, then silent ones, then those without a registration."""
        urgent = self._urgent() if self.stalled else self.quiet
        return tuple(dict.fromkeys((*urgent, *self._feed.polled())))

    def polled_at(self, market_us: int) -> Sequence[str]:
        """Judge at the end of a time slice, then the codes to poll: the same in every run of a day."""
        self.check(market_us)
        return self.polled()

    def check(self, market_us: int | None) -> None:
        """Judge now. A feed that is not connected is silent as well."""
        if market_us is None:
            return
        now = from_epoch_us(market_us)
        if now.date() != self._day or self._state is None:
            self._day, self._state = now.date(), FeedState(session_times(now.date()))
            self._urgent_since.clear()
            self._renewals.clear()
        if self._intake.last_tick_us is not None:
            self._state.saw_trade(self._intake.last_tick_us)
        is_closed = KrxCalendar.shipped().is_session(now.date()) is False  # a process lives over weekends and holidays
        self._state.judge(market_us, 0 if is_closed else len(self._claims.wanted().subscribed))
        is_continuous = not is_closed and session_times(now.date()).phase_at(now) is SessionPhase.CONTINUOUS
        self._find_quiet(market_us if is_continuous else None)

    def should_reconnect(self, market_us: int | None) -> bool:
        """Whether a new session is due; at most one a minute."""
        if not self.stalled or market_us is None or not self._feed.connected:
            return False
        if self._reconnected_us is not None and 0 <= market_us - self._reconnected_us < RECONNECT_EVERY_US:
            return False
        self._reconnected_us = market_us
        return True

    def to_renew(self, market_us: int | None) -> Sequence[str]:
        """Silent codes whose registration is due for renewal; the pause doubles for one that stays silent."""
        if market_us is None or self.stalled:
            return ()
        due: list[str] = []
        for code in self.quiet:
            at_us, pause_us = self._renewals.get(code, (market_us, CODE_LIMIT_US))
            if market_us >= at_us and code in self._feed.subscribed:
                due.append(code)
                self._renewals[code] = (market_us + pause_us, min(LONGEST_RENEWAL_US, 2 * pause_us))
        return due

    def _urgent(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(code for claimant in URGENT for code in self._claims.of(claimant)))

    def _find_quiet(self, market_us: int | None) -> None:
        if market_us is None:
            self._urgent_since.clear()
            self.quiet = ()
            return
        urgent = self._urgent()
        self._urgent_since = {code: self._urgent_since.get(code, market_us) for code in urgent}
        last = {code: max(self._intake.screen.last_trade_us(code) or 0, self._urgent_since[code]) for code in urgent}
        self.quiet = tuple(code for code in urgent if market_us - last[code] > CODE_LIMIT_US)
        self._renewals = {code: due for code, due in self._renewals.items() if code in self.quiet}
