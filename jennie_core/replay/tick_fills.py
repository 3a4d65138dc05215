"""Fills against recorded trades: after the order, at the trade's price and worse, within a share of its volume.

A log of trades has no order book, so this is an estimate with stated rules. A market order takes the trades at or after
the instant at which it was sent, `slippage_bps` worse, rounded to the next legal price against us. A limit order takes
trades *through* its price only, never one at it: nobody knows the queue. All orders of one code and side together get
`volume_share_ratio` of what was traded. An interruption or a gap in the log trades nothing. What is left at the close
lapses; time-outs and cancels are the desk's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from jennie_core.domain.base import KST, from_epoch_us
from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.enums import OrderSide, OrderType
from jennie_core.domain.market import CONTINUOUS_PHASE, Tick
from jennie_core.domain.orders import AccountBalance, BrokerOrder, ExecutionNotice, Holding, OrderRequest
from jennie_core.krx.sessions import session_times
from jennie_core.krx.ticks import ceil_to_tick, floor_to_tick
from jennie_core.replay.day_ports import Slice
from jennie_core.replay.paper_account import PaperAccount
from jennie_core.replay.tape_board import TapeBoard
from jennie_core.replay.tick_order import RestingOrder
from jennie_core.strategy.fills import costs

MILLION = 1_000_000
EXPIRY_DELAY_US = 2 * MILLION


@dataclass(frozen=True, slots=True)
class TickFillRules:
    """What is assumed of the market that the log does not show."""

    slippage_bps: float = 5.0
    volume_share_ratio: float = 0.1
    commission_ratio: float = 0.00015


class TickFills:
    """The broker of a recorded day."""

    def __init__(
        self, day: date, account: PaperAccount, board: TapeBoard, rules: TickFillRules = TickFillRules()
    ) -> None:
        self._day = day
        self._account = account
        self._board = board
        self._rules = rules
        self._orders: dict[str, RestingOrder] = {}
        self._carry: dict[tuple[str, OrderSide], int] = {}
        self._times = session_times(day)

    def executions(self, piece: Slice) -> Sequence[ExecutionNotice]:
        """What open orders got of the slice's trades, in their order."""
        notices: list[ExecutionNotice] = []
        open_codes = {order.request.stock_code for order in self._orders.values() if order.remaining}
        for item in piece.items:
            if isinstance(item, Tick) and item.code in open_codes and self._is_trade(item):
                notices.extend(self._match(item))
        self._board.observe(piece)
        if piece.end_us >= self._times.close_us + EXPIRY_DELAY_US:
            for order in self._orders.values():
                self._take_out(order)
        return notices

    def place(self, order: OrderRequest) -> Accepted | Refused:
        """Check hours, shares and cash as the broker does, then take the order."""
        now = from_epoch_us(self._board.now_us)
        if not self._times.opening_auction_at <= now < self._times.close_at:
            return Refused(rule="BROKER", code="hours", text=f"no orders at {now:%H:%M:%S}")
        refused = self._refuse_buy(order) if order.side is OrderSide.BUY else self._refuse_sell(order)
        if refused is not None:
            return refused
        number = f"{len(self._orders) + 1:010d}"
        self._orders[number] = RestingOrder(number, order, self._board.now_us)
        self._reserve(self._orders[number])
        return Accepted(order_number=number, accepted_time=f"{now.astimezone(KST):%H%M%S}")

    def cancel(self, order_number: str) -> None:
        """Take out what is left."""
        order = self._orders.get(order_number)
        if order is not None:
            self._take_out(order)

    def order(self, order_number: str) -> BrokerOrder | None:
        """The order as a broker's list would show it."""
        found = self._orders.get(order_number)
        return None if found is None else found.row(self._day)

    def balance(self) -> AccountBalance:
        """Cash and holdings at the last prices; a price that is unknown counts as 0 and is known to be so."""
        account, board = self._account, self._board
        holdings = tuple(
            Holding(
                stock_code=code,
                stock_name=board.name(code),
                quantity=account.held(code),
                sellable_quantity=account.sellable(code),
                average_price_krw=shares.average_price_krw,
                current_price_krw=board.last_price(code) or 0,
                evaluation_krw=(board.last_price(code) or 0) * account.held(code),
            )
            for code, shares in sorted(account.shares.items())
            if account.held(code)
        )
        return AccountBalance(
            deposit_krw=account.cash_krw,
            cash_krw=account.cash_krw,
            orderable_cash_krw=max(0, account.orderable_krw),
            total_evaluation_krw=account.cash_krw + sum(each.evaluation_krw for each in holdings),
            holdings=holdings,
            inquired_at=from_epoch_us(board.now_us),
        )

    # ---- matching -------------------------------------------------------------------------------

    def _is_trade(self, tick: Tick) -> bool:
        return tick.session_phase == CONTINUOUS_PHASE and tick.volume > 0 and tick.price_krw > 0

    def _match(self, tick: Tick) -> Iterator[ExecutionNotice]:
        for side in OrderSide:
            key = (tick.code, side)
            waiting = sorted(
                (each for each in self._orders.values() if each.is_hit_by(tick, side)), key=RestingOrder.priority
            )
            if not waiting:
                self._carry.pop(key, None)
                continue
            budget = self._carry.get(key, 0) + tick.volume * round(self._rules.volume_share_ratio * MILLION)
            for order in waiting:
                quantity = min(order.remaining, budget // MILLION)
                if quantity > 0:
                    budget -= quantity * MILLION
                    yield self._fill(order, quantity, self._price(order, tick.price_krw), tick.exchange_us)
            self._carry[key] = min(budget, tick.volume * MILLION)

    def _price(self, order: RestingOrder, traded_krw: int) -> int:
        """The trade's price, worse by the slippage, legal, inside the day's limits and never beyond our own limit."""
        code, listing = order.request.stock_code, self._board.listing(order.request.stock_code)
        worse = -(-traded_krw * round(self._rules.slippage_bps * 100) // MILLION)
        is_buy = order.request.side is OrderSide.BUY
        moved = traded_krw + worse if is_buy else traded_krw - worse
        round_to = ceil_to_tick if is_buy else floor_to_tick
        price = round_to(max(1, moved), on=self._day, kind=listing.kind, market=listing.market)
        limits, own = self._board.limits(code), order.request.limit_price_krw
        if limits is not None:
            price = min(max(price, limits.lower_krw), limits.upper_krw)
        if own is None:
            return price
        return min(price, own) if is_buy else max(price, own)

    def _fill(self, order: RestingOrder, quantity: int, price_krw: int, at_us: int) -> ExecutionNotice:
        request, amount = order.request, quantity * price_krw
        listing = self._board.listing(request.stock_code)
        fee, tax = costs(request.side, amount, self._day, self._rules.commission_ratio, order.amount_krw, listing)
        self._release(order)
        order.filled += quantity
        order.amount_krw += amount
        book = self._account.buy if request.side is OrderSide.BUY else self._account.sell
        book(request.stock_code, quantity, price_krw, fee + tax)
        self._reserve(order)
        order.executions += 1
        return ExecutionNotice(
            notice_key=f"{order.number}:x:{order.executions}",
            order_number=order.number,
            stock_code=request.stock_code,
            side=request.side,
            is_execution=True,
            quantity=quantity,
            price_krw=price_krw,
            order_quantity=request.quantity,
            exchange_at=from_epoch_us(at_us),
            received_us=at_us,
        )

    # ---- cash and shares ------------------------------------------------------------------------

    def _refuse_buy(self, order: OrderRequest) -> Refused | None:
        needed = self._needed_krw(order, order.quantity)
        if needed is None:
            return Refused(rule="BROKER", code="limit", text="price limit unknown: a market buy cannot be checked")
        if needed > self._account.orderable_krw:
            return Refused(rule="BROKER", code="cash", text=f"needs {needed}, has {self._account.orderable_krw}")
        return None

    def _refuse_sell(self, order: OrderRequest) -> Refused | None:
        sellable = self._account.sellable(order.stock_code)
        if order.quantity <= sellable:
            return None
        return Refused(rule="BROKER", code="shares", text=f"wants {order.quantity}, may sell {sellable}")

    def _needed_krw(self, order: OrderRequest, quantity: int) -> int | None:
        limits = self._board.limits(order.stock_code)
        price = order.limit_price_krw if order.order_type is OrderType.LIMIT else limits.upper_krw if limits else None
        if price is None:
            return None
        return quantity * price + costs(OrderSide.BUY, quantity * price, self._day, self._rules.commission_ratio)[0]

    def _reserve(self, order: RestingOrder) -> None:
        request = order.request
        if order.remaining == 0:
            return
        if request.side is OrderSide.BUY:
            self._account.reserved[order.number] = self._needed_krw(request, order.remaining) or 0
        else:
            promised = self._account.promised
            promised[request.stock_code] = promised.get(request.stock_code, 0) + order.remaining

    def _release(self, order: RestingOrder) -> None:
        if order.request.side is OrderSide.BUY:
            self._account.reserved.pop(order.number, None)
        else:
            self._account.promised[order.request.stock_code] -= order.remaining

    def _take_out(self, order: RestingOrder) -> None:
        if order.remaining == 0:
            return
        self._release(order)
        order.cancelled = order.remaining
