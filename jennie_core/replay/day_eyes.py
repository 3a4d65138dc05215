"""The two readers of ticks in a replayed day: the scanner that finds buys, the monitor that watches what is held."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.macro import IntradayRisk
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.positions import PositionEvent
from jennie_core.domain.signals import SellOrder
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day_books import DayBooks
from jennie_core.replay.day_ports import DayStart, MarketFacts, Published, Slice
from jennie_core.strategy.daily_history import HELD_SESSIONS, held_indicators
from jennie_core.strategy.effective import Effective
from jennie_core.strategy.monitor import MonitorCore
from jennie_core.strategy.quiet_price import in_continuous_trading, quiet_limit_us, quoted_tick
from jennie_core.strategy.scanner import Decision, ScannerCore
from jennie_core.strategy.settled import SettledMarks
from jennie_core.strategy.throttle_cycle import ThrottleCycle

HALTED = "거래정지"


class DayScanner:
    """Drives one `ScannerCore` through the day; reads shared values at settled marks only."""

    def __init__(self, start: DayStart, books: DayBooks) -> None:
        self._start = start
        self._books = books
        self._begin(None)

    def run(self, piece: Slice, published: Published, intraday: IntradayRisk | None) -> list[Decision]:
        """What the ticks and marks of a slice lead to."""
        found: list[Decision] = []
        for item in piece.items:
            if isinstance(item, Tick):
                found.extend(self._core.on_tick(item))
                continue
            self._clock.observe_mark(item)
            if item.settled:
                self._read(published, intraday)
            found.extend(self._core.on_mark(item.market_us))
        return found

    def restart(
        self, seen: Iterable[Tick], last: ClockMark, published: Published, signals: dict[str, datetime]
    ) -> None:
        """Begin again as a restarted process does: the day's ticks rebuild the state (R-BAR-04, drill 4)."""
        self._begin(published.watchlist)
        self._clock.observe_mark(last)
        self._core.set_watchlist(published.watchlist, {})
        self._core.set_context(published.context)
        self._core.set_stops(StopState())
        self._core.replay(seen)
        since = from_epoch_us(last.market_us) - timedelta(seconds=self._start.settings.scanner.cooldown_seconds)
        self._core.restore_signals({code: at for code, at in signals.items() if at >= since})

    def codes(self) -> list[str]:
        """Listed codes by rank."""
        return self._core.codes()

    def _begin(self, watchlist: HotWatchlist | None) -> None:
        self._core = ScannerCore(self._start.settings.scanner, session_times(self._start.day))
        self._clock = SettledMarks()
        self._risk: Effective[IntradayRisk] = Effective(self._clock)
        self._watchlist = watchlist

    def _read(self, published: Published, intraday: IntradayRisk | None) -> None:
        core = self._core
        self._risk.offer(intraday)
        if published.watchlist is not self._watchlist:
            self._watchlist = published.watchlist
            core.set_watchlist(published.watchlist, {})
        core.set_context(published.context)
        core.set_intraday(self._risk.value)
        core.set_stops(StopState())
        risk, codes = self._start.settings.risk, set(core.codes())
        stop_loss = (self._books.stop_loss_cooldowns, timedelta(days=risk.stop_loss_cooldown_days))
        sell = (self._books.sell_cooldowns, timedelta(hours=risk.sell_cooldown_hours))
        known = [
            {code: until for code, until in ends.items() if code in codes and self._clock.may_use(until - life)}
            for ends, life in (stop_loss, sell)
        ]
        core.set_cooldowns(*known)


class DayMonitor:
    """Drives one `MonitorCore` and the intraday throttle."""

    def __init__(self, start: DayStart, books: DayBooks, market: MarketFacts) -> None:
        self._start = start
        self._books = books
        self._market = market
        self._times = session_times(start.day)
        self._core = MonitorCore(start.settings, self._times)
        self._throttle = ThrottleCycle(self._times)
        self._clock = SettledMarks()
        self._risk: Effective[IntradayRisk] = Effective(self._clock)
        self._waiting: list[PositionEvent] = []
        self._with_indicators: set[str] = set()
        self._has_begun = False
        self.intraday: IntradayRisk | None = None
        """The throttle's newest state, as it stands at the shared place."""

    def offer(self, event: PositionEvent) -> None:
        """A position change; it comes into force at a settled mark."""
        self._waiting.append(event)

    def codes(self) -> list[str]:
        """Held codes."""
        return self._core.codes()

    def run(self, piece: Slice, published: Published) -> list[SellOrder]:
        """Sell orders that the ticks and marks of a slice lead to."""
        orders: list[SellOrder] = []
        for item in piece.items:
            if isinstance(item, Tick):
                orders.extend(self._core.on_tick(item))
                continue
            if not self._has_begun:
                self._has_begun = True
                self._core.set_positions(self._books.positions.values(), item.market_us)
            self._clock.observe_mark(item)
            if item.settled:
                orders.extend(self._read(published, item.market_us))
            orders.extend(self._core.on_mark(item.market_us))
        return orders

    def _read(self, published: Published, market_us: int) -> list[SellOrder]:
        core = self._core
        core.set_context(published.context)
        ready = [event for event in self._waiting if self._clock.may_use(event.occurred_at)]
        self._waiting = [event for event in self._waiting if not self._clock.may_use(event.occurred_at)]
        for event in ready:
            core.apply_event(event, market_us)
            if event.position.quantity == 0:
                self._with_indicators.discard(event.position.stock_code)
        self._risk.offer(self._cycle(published, from_epoch_us(market_us)))
        core.set_intraday(self._risk.value)
        core.set_stops(StopState())
        self._learn_indicators()
        return self._confirm_quiet(market_us)

    def _cycle(self, published: Published, now: datetime) -> IntradayRisk | None:
        if not self._throttle.begin(now):
            return None
        change = self._market.kospi_change_pct() if self._throttle.needs_index(now) else None
        self.intraday = self._throttle.observe(published.context, change, published.vix, now).risk
        return self.intraday

    def _learn_indicators(self) -> None:
        for code in self._core.codes():
            if code in self._with_indicators:
                continue
            bars = self._market.daily_bars(code, HELD_SESSIONS)
            if bars is not None:
                self._core.set_indicators(code, held_indicators(bars, self._start.day))
                self._with_indicators.add(code)

    def _confirm_quiet(self, market_us: int) -> list[SellOrder]:
        if not in_continuous_trading(self._times, market_us):
            return []
        orders: list[SellOrder] = []
        for code in self._core.unheard(market_us, quiet_limit_us(self._start.settings.sell)):
            quote = self._market.quote(code)
            if quote is None:
                continue
            if quote.status is ListingStatus.HALTED:
                self._core.set_halted(code, HALTED)
            else:
                orders.extend(self._core.on_tick(quoted_tick(quote, market_us, market_us)))
        return orders
