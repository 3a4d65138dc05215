"""One trading day through the same scanner, checks, sizing and exits as live, without processes, network or clock.

Events keep the order of decision 0001: within a slice scanner and monitor read the ticks, each desk then merges its
requests with the broker's notices by market time, and what one worker wrote is in force one settled mark later.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from jennie_core.domain.base import from_epoch_us, to_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.domain.signals import BuySignal
from jennie_core.replay.day_books import DayBooks
from jennie_core.replay.day_buyer import DayBuyer
from jennie_core.replay.day_eyes import DayMonitor, DayScanner
from jennie_core.replay.day_ports import DataPlane, DayStart, FillModel, MarketFacts, Published, Slice, SliceSource
from jennie_core.replay.day_result import DayResult
from jennie_core.replay.day_seller import DaySeller
from jennie_core.strategy.scanner import Decision


class DayMachine:
    """Runs one day once.

    `restart_scanner_at`: rebuild the scanner at the first settled mark from that instant on. `takes_turns`: asked with
    the number of each slice whether monitor and sell desk work before scanner and buy desk there; live it is a race,
    and it decides nothing (decision 0001).
    """

    def __init__(
        self,
        start: DayStart,
        *,
        source: SliceSource,
        broker: FillModel,
        market: MarketFacts,
        plane: DataPlane,
        restart_scanner_at: datetime | None = None,
        takes_turns: Callable[[int], bool] = lambda number: False,
        on_slice: Callable[[datetime], None] | None = None,
    ) -> None:
        self._start = start
        self._source = source
        self._broker = broker
        self._plane = plane
        self._on_slice = on_slice
        self._takes_turns = takes_turns
        self._restart_us = None if restart_scanner_at is None else to_epoch_us(restart_scanner_at)
        self._seen: list[Tick] = []
        self._books = DayBooks(start.settings.risk, {each.stock_code: each for each in start.positions})
        self._books.stop_loss_cooldowns.update(start.stop_loss_cooldowns or {})
        self._books.sell_cooldowns.update(start.sell_cooldowns or {})
        self._scanner = DayScanner(start, self._books)
        self._monitor = DayMonitor(start, self._books, market)
        self._buyer = DayBuyer(start, self._books, broker, market)
        self._seller = DaySeller(start, self._books, broker, market)
        self._published = Published()
        self._signals: list[BuySignal] = []
        self._ticks = self._slices = 0

    def run(self, begins_at: datetime) -> DayResult:
        """The whole day from `begins_at`; what the data plane published before it is known at the first mark."""
        self._published = self._plane.published(begins_at, self._books.held_per_sector())
        while (piece := self._source.next_slice(self._wanted())) is not None:
            self._run_slice(piece)
            now = from_epoch_us(piece.end_us)
            self._published = self._plane.published(now, self._books.held_per_sector())
            if self._on_slice is not None:
                self._on_slice(now)
        return DayResult(
            start=self._start,
            books=self._books,
            signals=tuple(self._signals),
            balance=self._broker.balance(),
            ticks=self._ticks,
            slices=self._slices,
        )

    def _wanted(self) -> list[str]:
        """Codes in the order of claim (S4): held, with open buys, listed."""
        open_buys = sorted({intent.stock_code for intent in self._buyer.unresolved()})
        return list(dict.fromkeys([*self._monitor.codes(), *open_buys, *self._scanner.codes()]))

    def _run_slice(self, piece: Slice) -> None:
        notices = self._broker.executions(piece)
        work: list[Callable[[], None]] = [lambda: self._buy(piece, notices), lambda: self._sell(piece, notices)]
        for part in reversed(work) if self._takes_turns(self._slices) else work:
            part()
        self._exchange_news()
        self._ticks += sum(isinstance(item, Tick) for item in piece.items)
        self._slices += 1
        self._restart_if_due(piece)

    def _buy(self, piece: Slice, notices: Sequence[ExecutionNotice]) -> None:
        """Scanner, then buy desk."""
        signals = self._take(self._scanner.run(piece, self._published, self._monitor.intraday))
        self._buyer.published, self._buyer.intraday = self._published, self._monitor.intraday
        self._buyer.run(notices, [(each, to_epoch_us(each.signalled_at)) for each in signals], piece.end_us)

    def _sell(self, piece: Slice, notices: Sequence[ExecutionNotice]) -> None:
        """Monitor, then sell desk."""
        sells = self._monitor.run(piece, self._published)
        self._seller.run(notices, [(each, to_epoch_us(each.raised_at)) for each in sells], piece.end_us)

    def _take(self, decisions: list[Decision]) -> list[BuySignal]:
        signals = [each for each in decisions if isinstance(each, BuySignal)]
        self._signals.extend(signals)
        self._books.setup_refusals.extend(each for each in decisions if not isinstance(each, BuySignal))
        return signals

    def _exchange_news(self) -> None:
        """Each desk's changes go to the other desk and to the monitor."""
        for desk, other in ((self._buyer, self._seller), (self._seller, self._buyer)):
            told, desk.told = desk.told, []
            for event in told:
                other.book.offer(event)
                self._monitor.offer(event)

    def _restart_if_due(self, piece: Slice) -> None:
        if self._restart_us is None:
            return
        self._seen.extend(item for item in piece.items if isinstance(item, Tick))
        if piece.end_us >= self._restart_us:
            self._restart_us = None
            last = {each.stock_code: each.signalled_at for each in self._signals}
            self._scanner.restart(self._seen, ClockMark(piece.end_us, settled=True), self._published, last)
