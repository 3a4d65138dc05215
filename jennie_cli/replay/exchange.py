"""The rehearsal exchange inside the process: its tapes as slices, its matching as fills."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from jennie_cli.replay.exchange_facts import ExchangeFacts
from jennie_cli.replay.tape_ticks import TapeTicks
from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import OrderType
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import AccountBalance, BrokerOrder, ExecutionNotice, Holding, OrderRequest
from jennie_core.replay.day_ports import Slice
from jennie_core.strategy.slice_marks import SliceMarks
from jennie_sim.exchange import orders as at_exchange
from jennie_sim.exchange.exchange import Exchange
from jennie_sim.exchange.orders import Notice, NoticeKind, OrderKind, OrderStatus
from jennie_sim.exchange.request import OrderRequest as ExchangeRequest
from jennie_sim.market.hours import from_instant, hhmmss, to_instant
from jennie_sim.market.market import Market
from jennie_sim.market.pack import SessionPack
from jennie_sim.protocol.market_events import Span

MAX_CODES = 40
SECOND_MS = 1_000
TYPES = {OrderType.LIMIT: OrderKind.LIMIT, OrderType.MARKET: OrderKind.MARKET}


class InProcessExchange:
    """One account's exchange. `ends` are the slice ends of the day, `start` where market time stands at first."""

    def __init__(
        self, pack: SessionPack, *, start: datetime, ends: Iterable[datetime], commission_ratio: float
    ) -> None:
        self._market = Market(pack)
        self._day = pack.meta.day
        self._midnight_us = to_epoch_us(to_instant(self._day, 0))
        start_ms = from_instant(self._day, start)
        self._exchange = Exchange(self._market, start_ms=start_ms, commission_ratio=commission_ratio)
        self._account = pack.accounts[0].digits
        self.facts = ExchangeFacts(self._market, lambda: self._exchange.now_ms)
        self._ticks = TapeTicks(self._market, self.facts)
        self._ends = iter(ends)
        self._marks = SliceMarks()
        self._notices: list[ExecutionNotice] = []
        self._repetitions: dict[str, int] = {}

    # ---- slices ---------------------------------------------------------------------------------

    def next_slice(self, wanted: Sequence[str]) -> Slice | None:
        """Advance to the next slice end: matching first, then trades and notices in exchange-time order."""
        end = next(self._ends, None)
        if end is None:
            return None
        span = Span(self._exchange.now_ms, from_instant(self._day, end))
        sent = self._exchange.advance(span.until_ms)
        self._notices = [self._decoded(notice) for notice in sent]
        items: list[Tick | ClockMark] = []
        told = [notice.sent_at_ms for notice in sent]
        for second_us, tick in self._ticks.in_order(span, wanted[:MAX_CODES], told):
            items += [*self._marks.before_record(second_us), *([] if tick is None else [tick])]
        end_us = self._midnight_us + span.until_ms * 1_000
        for tick in self._ticks.polled(wanted[MAX_CODES:], end_us):
            items += [*self._marks.before_record(tick.exchange_us), tick]
        mark = self._marks.settle(end_us)
        if mark is not None:
            items.append(mark)
        return Slice(tuple(items), end_us)

    # ---- orders ---------------------------------------------------------------------------------

    def executions(self, piece: Slice) -> Sequence[ExecutionNotice]:
        """The notices of the newest slice; slices that come from a log move the exchange here."""
        until_ms = (piece.end_us - self._midnight_us) // 1_000
        if until_ms > self._exchange.now_ms:
            self._notices = [self._decoded(notice) for notice in self._exchange.advance(until_ms)]
        return self._notices

    def place(self, order: OrderRequest) -> Accepted | Refused:
        """Order entry of the exchange, with its own checks."""
        try:
            taken = self._exchange.place(
                ExchangeRequest(
                    account=self._account,
                    code=order.stock_code,
                    side=order.side,
                    kind=TYPES[order.order_type],
                    quantity=order.quantity,
                    price_krw=order.limit_price_krw or 0,
                    type_code="00" if order.order_type is OrderType.LIMIT else "01",
                )
            )
        except at_exchange.Refused as refused:
            return Refused(rule="BROKER", code=refused.refusal.value, text=str(refused))
        return Accepted(order_number=_number(taken.number), accepted_time=hhmmss(taken.accepted_at_ms))

    def cancel(self, order_number: str) -> None:
        """Cancel the rest; an order that is over stays as it is."""
        try:
            self._exchange.cancel(self._account, int(order_number), None)
        except at_exchange.Refused:
            return

    def order(self, order_number: str) -> BrokerOrder | None:
        """The order list's row."""
        found = self._exchange.orders.get(int(order_number)) if order_number else None
        if found is None:
            return None
        return BrokerOrder(
            order_number=order_number,
            stock_code=found.code,
            side=found.side,
            order_type=OrderType.MARKET if found.kind is OrderKind.MARKET else OrderType.LIMIT,
            ordered_on=self._day,
            ordered_time=hhmmss(found.accepted_at_ms),
            ordered_quantity=found.quantity,
            order_price_krw=found.price_krw,
            filled_quantity=found.filled_quantity,
            filled_amount_krw=found.filled_amount_krw,
            average_price_krw=found.average_price_krw,
            remaining_quantity=found.remaining,
            cancelled_quantity=found.cancelled_quantity,
            rejected_quantity=found.rejected_quantity,
            is_cancelled=found.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED),
        )

    def balance(self) -> AccountBalance:
        """The account as the balance call shows it."""
        account = self._exchange.accounts[self._account]
        holdings = tuple(self._holding(code) for code in sorted(account.positions) if account.positions[code].quantity)
        return AccountBalance(
            deposit_krw=account.settled_krw(0),
            cash_krw=account.settled_krw(2),
            orderable_cash_krw=max(0, account.orderable_krw),
            total_evaluation_krw=account.cash_krw + sum(each.evaluation_krw for each in holdings),
            holdings=holdings,
            inquired_at=to_instant(self._day, self._exchange.now_ms),
        )

    def _holding(self, code: str) -> Holding:
        position = self._exchange.accounts[self._account].positions[code]
        price = self._market.last_price(code, self._exchange.now_ms)
        return Holding(
            stock_code=code,
            stock_name=self._market.listing[code].name,
            quantity=position.quantity,
            sellable_quantity=position.sellable,
            average_price_krw=round(float(position.average_price), 4),
            current_price_krw=price,
            evaluation_krw=price * position.quantity,
        )

    def _decoded(self, notice: Notice) -> ExecutionNotice:
        """The notice as the gateway would decode it, equal ones counted."""
        order, number = notice.order, _number(notice.order.number)
        key = f"{number}:{notice.kind.value}:{hhmmss(notice.at_ms)}:{notice.quantity}:{notice.price_krw}"
        repetition = self._repetitions.get(key, 0)
        self._repetitions[key] = repetition + 1
        return ExecutionNotice(
            notice_key=f"{key}:{repetition}",
            repetition=repetition,
            order_number=number,
            original_order_number=_number(order.original_number) if order.original_number else "",
            stock_code=order.code,
            side=order.side,
            is_execution=notice.kind is NoticeKind.FILLED,
            is_rejected=notice.kind is NoticeKind.REJECTED,
            is_cancel_confirmation=notice.kind in (NoticeKind.CANCELLED, NoticeKind.KILLED),
            quantity=notice.quantity,
            price_krw=notice.price_krw,
            order_quantity=order.quantity,
            exchange_at=to_instant(self._day, notice.at_ms // SECOND_MS * SECOND_MS),
            received_us=self._midnight_us + notice.at_ms * 1_000,
        )


def _number(number: int) -> str:
    return f"{number:010d}"
