"""The exchange: takes orders while time stands, matches them when time moves."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.account import Account
from jennie_sim.exchange.books import Books
from jennie_sim.exchange.ledger import Ledger
from jennie_sim.exchange.matching import Execution, Liquidity, against_trade, opposite_levels
from jennie_sim.exchange.orders import (
    Fill,
    Lifetime,
    Notice,
    NoticeKind,
    Order,
    OrderKind,
    OrderStatus,
)
from jennie_sim.exchange.request import OrderRequest, check_request
from jennie_sim.market.hours import SECOND_MS
from jennie_sim.market.market import Market
from jennie_sim.market.path import AUCTION
from jennie_sim.market.tape import Col

EXPIRY_DELAY_MS = 2 * SECOND_MS
"""Day orders lapse this long after the close, when the closing cross has been matched."""


class Exchange:
    """Order entry and matching of one traded day.

    Everything that happens between two calls of `advance` happens at the instant `now_ms`; its consequences (fills and
    notices) come with the next call.
    """

    def __init__(
        self, market: Market, *, start_ms: int, commission_ratio: float = 0.00015, ledger: Ledger | None = None
    ) -> None:
        self.market = market
        self.now_ms = start_ms
        self.books = Books(market, commission_ratio, ledger or Ledger())
        self.fill_ratio_for_next: float | None = None
        """Share of the next order that may be filled; only a switched-on fault sets it."""
        self.reject_next = False
        """The next order is accepted and then rejected; only a switched-on fault sets it."""
        self._incoming: list[Order] = []
        self._resting: dict[str, list[Order]] = defaultdict(list)
        self._expired = False
        self._converted = False

    @property
    def accounts(self) -> dict[str, Account]:
        """Accounts by their ten digits."""
        return self.books.accounts

    @property
    def orders(self) -> dict[int, Order]:
        """The day's order list, oldest first."""
        return self.books.orders

    @property
    def fills(self) -> list[Fill]:
        """The day's executions in the order in which they were booked."""
        return self.books.fills

    def open_orders(self, account_number: str | None = None) -> list[Order]:
        """Orders with something left, oldest first."""
        return [order for order in self.orders.values() if order.is_open and account_number in (None, order.account)]

    def place(self, request: OrderRequest) -> Order:
        """Take a new order; raises Refused and leaves everything as it was when a rule forbids it."""
        ratio, self.fill_ratio_for_next = self.fill_ratio_for_next, None
        doomed, self.reject_next = self.reject_next, False
        order = self._checked(request)
        order.fill_cap = None if ratio is None else int(order.quantity * ratio)
        self._enter(order, NoticeKind.ACCEPTED)
        if doomed:
            self.books.reject(order, self.now_ms)
        else:
            self._incoming.append(order)
        return order

    def cancel(self, account_number: str, order_number: int, quantity: int | None) -> Order:
        """Cancel all (None) or part of what is left of an order; the cancel is an entry with its own number."""
        original, quantity = self.books.changeable(account_number, order_number, quantity)
        entry = self._follow_up(original, "cancel", quantity)
        entry.status, entry.cancelled_quantity = OrderStatus.CANCELLED, quantity
        self.books.take_out(original, quantity, OrderStatus.CANCELLED)
        self.books.accept(entry, NoticeKind.CANCELLED)
        return entry

    def revise(
        self, account_number: str, order_number: int, quantity: int | None, price_krw: int, kind: OrderKind
    ) -> Order:
        """Replace all (None) or part of what is left by a new order; the original number is dead for that part.

        At an unchanged price the new order keeps its place in the queue.
        """
        original, quantity = self.books.changeable(account_number, order_number, quantity)
        account = self.accounts[account_number]
        request = OrderRequest(
            account_number, original.code, original.side, kind, quantity, price_krw, original.lifetime
        )
        self.books.release(account, original)
        try:
            checked = self._checked(request)
        finally:
            self.books.reserve(account, original)
        keeps_place = checked.price_krw == original.price_krw and original not in self._incoming
        self.books.take_out(original, quantity, OrderStatus.REPLACED)
        entry = self._follow_up(original, "revise", quantity)
        entry.kind, entry.price_krw = kind, checked.price_krw
        self._enter(entry, NoticeKind.REVISED)
        if keeps_place:
            entry.queue_ahead, entry.was_aggressive = original.queue_ahead, original.was_aggressive
            self._resting[entry.code].append(entry)
        else:
            self._incoming.append(entry)
        return entry

    def trade_by_hand(self, account_number: str, code: str, side: OrderSide, quantity: int, price_krw: int) -> Order:
        """A trade in the broker's own app: filled at once at the given price, cash and shares permitting."""
        request = OrderRequest(account_number, code, side, OrderKind.LIMIT, quantity, price_krw, by_hand=True)
        order = self._checked(request)
        self._enter(order, NoticeKind.ACCEPTED)
        self.books.fill(order, Execution(quantity, price_krw), self.now_ms)
        return order

    def halt(self, code: str) -> None:
        """Begin a trading halt now (거래정지): nothing is traded, new orders are refused, resting ones stay."""
        self.market.halt(code, self.now_ms)
        self.books.ledger.append("halt", self.now_ms, {"code": code})

    def resume(self, code: str, auction_ms: int) -> None:
        """End a trading halt: a call auction of `auction_ms`, then continuous trading."""
        self.market.resume(code, self.now_ms, auction_ms)
        self.books.ledger.append("resume", self.now_ms, {"code": code})

    def lift_fill_caps(self) -> None:
        """End of the partial-fill fault: what it held back may be filled from now on."""
        self.fill_ratio_for_next = None
        for order in self.open_orders():
            order.fill_cap = None

    def advance(self, until_ms: int) -> list[Notice]:
        """Move time to `until_ms`; returns all notices since the last call in exchange-time order."""
        self._match_incoming()
        self._convert_conditional(until_ms)
        for row, code in self._trades_of_open_orders(until_ms):
            self._match_trade(code, row)
        if until_ms >= self.market.hours.close_ms + EXPIRY_DELAY_MS and not self._expired:
            self._expire()
        self.now_ms = until_ms
        return self.books.take_notices()

    def _checked(self, request: OrderRequest) -> Order:
        account = self.books.account(request.account)
        price = check_request(request, account, self.market, self.now_ms, self.books.commission_ratio)
        return Order(
            number=self.books.next_number(),
            account=request.account,
            code=request.code,
            side=request.side,
            kind=request.kind,
            lifetime=request.lifetime,
            quantity=request.quantity,
            price_krw=price,
            accepted_at_ms=self.now_ms,
            type_code=request.type_code,
        )

    def _enter(self, order: Order, kind: NoticeKind) -> None:
        self.books.reserve(self.accounts[order.account], order)
        self.books.accept(order, kind)

    def _follow_up(self, original: Order, action: str, quantity: int) -> Order:
        return replace(
            original,
            number=self.books.next_number(),
            action=action,
            original_number=original.number,
            quantity=quantity,
            accepted_at_ms=self.now_ms,
            status=OrderStatus.WORKING,
            filled_quantity=0,
            filled_amount_krw=0,
            cancelled_quantity=0,
            rejected_quantity=0,
            queue_ahead=0,
            was_aggressive=False,
            fill_cap=None,
            fills=[],
        )

    def _match_incoming(self) -> None:
        """Match what was accepted since the last slice against the book of this instant."""
        incoming = sorted(
            (order for order in self._incoming if order.is_open),
            key=lambda order: (order.code, order.side.value, order.priority()),
        )
        self._incoming = []
        shared: dict[tuple[str, OrderSide], Liquidity] = {}
        for order in incoming:
            if self._trades_at_once(order.code):
                book = self.market.book(order.code, self.now_ms)
                key = (order.code, order.side)
                if key not in shared:
                    shared[key] = Liquidity(opposite_levels(book, order), self.market.bar(order.code))
                self._sweep(order, shared[key])
                if not order.filled_quantity:
                    order.queue_ahead = book.size_at(self._own_price(order), order.is_buy)
            if order.is_open and order.lifetime is not Lifetime.DAY:
                self.books.kill(order, self.now_ms)
            elif order.is_open:
                self._resting[order.code].append(order)

    def _trades_at_once(self, code: str) -> bool:
        """Continuous trading of a code is on: past its opening cross, in no auction, not halted."""
        market = self.market
        if market.in_auction(code, self.now_ms) or market.is_halted(code, self.now_ms):
            return False
        return market.tape(code).index_at(self.now_ms) >= 0

    def _own_price(self, order: Order) -> int:
        if order.kind is not OrderKind.MARKET:
            return order.price_krw
        limits = self.market.limits(order.code)
        return limits.upper_krw if order.is_buy else limits.lower_krw

    def _sweep(self, order: Order, liquidity: Liquidity) -> None:
        if order.lifetime is Lifetime.FOK and liquidity.available(order) < order.fillable:
            return
        for execution in liquidity.take(order):
            order.was_aggressive = True
            self.books.fill(order, execution, self.now_ms)

    def _trades_of_open_orders(self, until_ms: int) -> Iterable[tuple[list[int], str]]:
        codes = [code for code, orders in self._resting.items() if any(order.is_open for order in orders)]
        found = [(row, code) for code in codes for row in self.market.tape(code).between(self.now_ms, until_ms)]
        return sorted(found, key=lambda pair: (pair[0][Col.AT_MS], pair[1]))

    def _match_trade(self, code: str, row: list[int]) -> None:
        limits, at_ms = self.market.limits(code), row[Col.AT_MS]
        for side, limit_price in ((OrderSide.BUY, limits.upper_krw), (OrderSide.SELL, limits.lower_krw)):
            waiting = [order for order in self._resting[code] if order.side is side and order.is_open]
            if not waiting:
                continue
            waiting.sort(key=Order.priority)
            for order, execution in against_trade(waiting, row, limit_price):
                self.books.fill(order, execution, at_ms)
            if row[Col.SIDE] == AUCTION:  # a new book opens behind the cross
                book = self.market.book(code, at_ms)
                for order in waiting:
                    order.queue_ahead = book.size_at(self._own_price(order), order.is_buy)
        self._resting[code] = [order for order in self._resting[code] if order.is_open]

    def _convert_conditional(self, until_ms: int) -> None:
        """조건부지정가 becomes a market order when the closing auction begins."""
        if self._converted or until_ms <= self.market.hours.continuous_end_ms:
            return
        self._converted = True
        for order in (order for orders in self._resting.values() for order in orders if order.is_open):
            if order.kind is OrderKind.CONDITIONAL:
                account = self.accounts[order.account]
                self.books.release(account, order)
                order.kind = OrderKind.MARKET
                self.books.reserve(account, order)

    def _expire(self) -> None:
        self._expired = True
        for order in self.open_orders():
            self.books.expire(order, self.market.hours.close_ms + EXPIRY_DELAY_MS)
        self._resting.clear()
