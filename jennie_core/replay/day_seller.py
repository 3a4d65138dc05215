"""The sell desk of a replayed day: each sell order to at most one market order of managed shares (R-SELL)."""

from collections.abc import Sequence
from datetime import datetime

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal, Refused
from jennie_core.domain.enums import ListingStatus
from jennie_core.domain.signals import SellOrder
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day_books import DayBooks, Outcome
from jennie_core.replay.day_desk import DayDesk
from jennie_core.replay.day_ports import DayStart, FillModel, MarketFacts
from jennie_core.strategy.book import PositionChange
from jennie_core.strategy.booking import Booked
from jennie_core.strategy.sell_checks import SellFacts, check_sell, halted_refusal
from jennie_core.strategy.sell_intent import sell_intent
from jennie_core.strategy.tracked_order import TrackedOrder


class DaySeller(DayDesk[SellOrder]):
    """Decides on sell orders from memory."""

    name = "sell-executor"

    def __init__(self, start: DayStart, books: DayBooks, broker: FillModel, market: MarketFacts) -> None:
        super().__init__(start, books, broker)
        self._market = market
        self._seen: set[str] = set()
        self._failed_at: dict[str, datetime] = {}

    def handle(self, request: SellOrder) -> None:
        """Decide, send, keep the one outcome."""
        self.note(request, Outcome(request, self.now, self._decide(request)))

    def _decide(self, order: SellOrder) -> Refusal | None:
        code = order.stock_code
        position = self.book.positions.get(code)
        facts = SellFacts(
            order=order,
            market_time=self.now,
            session=session_times(self.start.day),
            is_session=KrxCalendar.shipped().is_session(self.start.day),
            seen_order_ids=self._seen,
            stops=StopState(),
            position=position,
            has_unresolved=bool(self.unresolved(code)),
            last_failure_at=self._failed_at.get(code),
        )
        refusal = check_sell(facts, self.settings.orders)
        self._seen.add(order.order_id)
        if refusal is not None:
            return refusal
        if position is None:
            return Refusal(rule="R-SELL-04", detail="no managed shares held")
        if code in self._failed_at and not order.sell_reason.is_operator_order:
            quote = self._market.quote(code)
            if quote is not None and quote.status is ListingStatus.HALTED:
                return halted_refusal(code)
        outcome = self.submit(sell_intent(self.sender, order, position, self.now, self._market.listing(code)))
        if isinstance(outcome, Refused):
            return Refusal(rule=outcome.rule, detail=outcome.text, value=outcome.code or None)
        return None

    def booked(self, result: Booked) -> None:
        """Every sell rests its code, a stop loss rests it longer."""
        self.books.book_sale(result)

    def ended(self, order: TrackedOrder) -> None:
        """A sell without a fill is remembered until the stock sells or is gone."""
        code = order.intent.stock_code
        if order.intent.filled_quantity == 0:
            self._failed_at[code] = self.now
        else:
            self._failed_at.pop(code, None)

    def settle(self, changed: Sequence[PositionChange]) -> None:
        """Forget failures of stocks that are no longer held."""
        held = {code for code, position in self.book.positions.items() if position.quantity}
        self._failed_at = {code: at for code, at in self._failed_at.items() if code in held}
