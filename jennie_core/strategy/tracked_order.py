"""What is known of one order beyond its intent, and what notices, inquiries and time make of it (drills 6-9, R-ORD)."""

from dataclasses import dataclass, field

from jennie_core.domain.enums import OrderState, OrderType, SellReason
from jennie_core.domain.orders import BrokerOrder, ExecutionNotice
from jennie_core.domain.trading_settings import OrderSettings
from jennie_core.strategy import fills
from jennie_core.strategy.booking import NewFill
from jennie_core.strategy.fills import Inquiry
from jennie_core.strategy.intent import Intent

SECOND_US = 1_000_000
FORCED_POLLS = 10
FORCED_POLL_SECONDS = 5


@dataclass(slots=True)
class TrackedOrder:
    """One intent and its tracking; all times are market time in microseconds."""

    intent: Intent
    first_mark_us: int | None = None
    polls: int = 0
    next_inquiry_us: int | None = None
    cancel_asked: bool = False
    cancels_sent: int = 0
    must_read: bool = False
    inquiry: Inquiry | None = None
    live_number: str = ""
    """The broker's number under which the rest may fill, once an inquiry has told it; a revision changes it."""
    frozen: str = ""
    settled: bool = False
    seen: set[str] = field(default_factory=set)

    @property
    def is_working(self) -> bool:
        """The broker has it and it may still fill."""
        return self.intent.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)

    @property
    def is_unknown(self) -> bool:
        """Its fate is open and only an inquiry may settle it; an intent that was never answered counts as such."""
        return self.intent.state in (OrderState.UNKNOWN, OrderState.INTENT, OrderState.SENT)

    def fill_of(self, notice: ExecutionNotice, now_us: int, commission_ratio: float) -> NewFill | None:
        """The fill that an execution notice tells of; None when it is known, covered, or may be a repetition.

        A notice that cannot be booked for certain asks for a reading of the order (`must_read`).
        """
        fill = fills.from_notice(self.intent, notice, commission_ratio)
        if fill.fill_id in self.seen:
            return None
        if notice.repetition > 0:
            self.seen.add(fill.fill_id)
            self.inquiry = (self.inquiry or Inquiry(now_us)).doubted()
            self.must_read = True
            return None
        if self.inquiry is not None and self.inquiry.may_cover(fills.notice_time_us(notice)):
            self.seen.add(fill.fill_id)
            self.inquiry = self.inquiry.set_aside(fill.quantity)
            self.must_read = True
            return None
        if fill.quantity > self.intent.remaining_quantity:
            self.must_read = True
            return None
        return fill

    def read(self, now_us: int, new: list[NewFill]) -> None:
        """Note that the order was read; `new` are the fills that the reading has beyond our books."""
        before = self.inquiry or Inquiry(now_us)
        self.inquiry = before.followed_by(now_us, sum(fill.quantity for fill in new))
        self.must_read = False

    def plan(self, now_us: int, settings: OrderSettings, *, cancels_all: bool) -> None:
        """Decide at a settled mark whether the order is to be cancelled or read now (R-ORD-04..09)."""
        polls, pause = self._patience(settings)
        if self.first_mark_us is None:
            self.first_mark_us = now_us
            self.next_inquiry_us = now_us + pause * SECOND_US
        if not self.is_working:
            return
        if cancels_all:
            self.cancel_asked = True
        if self.intent.order_type is OrderType.LIMIT:
            self.cancel_asked |= now_us >= self.first_mark_us + settings.limit_timeout_seconds * SECOND_US
        elif self.next_inquiry_us is not None and now_us >= self.next_inquiry_us:
            self.must_read = True
            self.polls += 1
            self.next_inquiry_us = now_us + pause * SECOND_US
            self.cancel_asked |= self.polls >= polls

    def _patience(self, settings: OrderSettings) -> tuple[int, int]:
        """(polls, seconds between them) before the rest is cancelled; a forced liquidation has longer (R-ORD-09)."""
        if self.intent.reason == SellReason.FORCED_LIQUIDATION.value:
            return FORCED_POLLS, FORCED_POLL_SECONDS
        return settings.confirm_polls, settings.confirm_poll_seconds


def end_of(row: BrokerOrder) -> OrderState | None:
    """State of an order that the broker's list shows as over; None while it may fill. Full fills need no word."""
    if row.remaining_quantity > 0 and not row.is_cancelled:
        return None
    if row.rejected_quantity > 0 and row.filled_quantity == 0:
        return OrderState.REJECTED
    return OrderState.CANCELLED
