"""The exchange: takes orders while time stands, matches them when time moves."""

from collections import defaultdict
from collections.abc import Iterable

from jennie_core.domain.enums import OrderSide
from jennie_core.krx.costs import commission_krw, sell_tax_krw
from jennie_sim.exchange.account import Account, Unsettled
from jennie_sim.exchange.ledger import Ledger, fill_facts, order_facts
from jennie_sim.exchange.matching import Execution, Liquidity, against_trade, opposite_levels
from jennie_sim.exchange.orders import (
    Fill,
    Lifetime,
    Notice,
    NoticeKind,
    Order,
    OrderKind,
    OrderStatus,
    Refusal,
    Refused,
)
from jennie_sim.exchange.request import OrderRequest, check_request, reservation_krw
from jennie_sim.market.hours import SECOND_MS
from jennie_sim.market.market import Market
from jennie_sim.market.path import AUCTION
from jennie_sim.market.tape import Col

EXPIRY_DELAY_MS = 2 * SECOND_MS
"""Day orders lapse this long after the close, when the closing cross has been matched."""


class Exchange:
    """Accounts, order list and matching of one traded day.

    Everything that happens between two calls of `advance` happens at the instant `now_ms`; its consequences (fills and
    notices) come with the next call.
    """

    def __init__(
        self,
        market: Market,
        *,
        start_ms: int,
        commission_ratio: float = 0.00015,
        ledger: Ledger | None = None,
    ) -> None:
        self.market = market
        self.now_ms = start_ms
        self.commission_ratio = commission_ratio
        self.ledger = ledger or Ledger()
        self.accounts = {row.digits: self._open_account(row.digits) for row in market.pack.accounts}
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self.fill_ratio_for_next: float | None = None
        self._incoming: list[Order] = []
        self._resting: dict[str, list[Order]] = defaultdict(list)
        self._notices: list[Notice] = []
        self._expired = False
        self._converted = False

    def _open_account(self, number: str) -> Account:
        row = next(row for row in self.market.pack.accounts if row.digits == number)
        account = Account(number, row.account_name, row.hts_id, row.cash_krw, row.cash_krw)
        for holding in row.holdings:
            position = account.position(holding.code)
            position.quantity = position.carried_quantity = holding.quantity
            position.set_average(holding.average_price_krw)
            if self.market.sessions_since(holding.bought_on) == 1:
                cost = position.cost_krw
                account.unsettled.append(Unsettled(1, -cost - commission_krw(cost, self.commission_ratio)))
        return account

    # ---- requests, at the instant `now_ms` -------------------------------------------------------------------------

    def account(self, number: str) -> Account:
        """An account by its ten digits; raises Refused(UNKNOWN_ACCOUNT)."""
        account = self.accounts.get(number)
        if account is None:
            raise Refused(Refusal.UNKNOWN_ACCOUNT, number)
        return account

    def place(self, request: OrderRequest) -> Order:
        """Take a new order; raises Refused and leaves everything as it was when a rule forbids it."""
        ratio, self.fill_ratio_for_next = self.fill_ratio_for_next, None
        account = self.account(request.account)
        price = check_request(request, account, self.market, self.now_ms, self.commission_ratio)
        order = self._new_order(request, price)
        order.fill_cap = None if ratio is None else int(order.quantity * ratio)
        self._reserve(account, order)
        self._accept(order, NoticeKind.ACCEPTED)
        self._incoming.append(order)
        return order

    def cancel(self, account_number: str, order_number: int, quantity: int | None) -> Order:
        """Cancel all (None) or part of what is left of an order; the cancel is an entry with its own number."""
        original = self._open_order(account_number, order_number)
        quantity = original.remaining if quantity is None else quantity
        if not 0 < quantity <= original.remaining:
            raise Refused(Refusal.BAD_QUANTITY, str(quantity))
        entry = self._follow_up(original, "cancel", quantity, original.price_krw)
        entry.status = OrderStatus.CANCELLED
        entry.cancelled_quantity = quantity
        self._take_out(original, quantity, OrderStatus.CANCELLED)
        self._accept(entry, NoticeKind.CANCELLED)
        return entry

    def revise(
        self, account_number: str, order_number: int, quantity: int | None, price_krw: int, kind: OrderKind
    ) -> Order:
        """Replace all (None) or part of what is left by a new order; the original number is dead for that part."""
        original = self._open_order(account_number, order_number)
        quantity = original.remaining if quantity is None else quantity
        if not 0 < quantity <= original.remaining:
            raise Refused(Refusal.BAD_QUANTITY, str(quantity))
        account = self.account(account_number)
        request = OrderRequest(account_number, original.code, original.side, kind, quantity, price_krw)
        self._release(account, original)
        try:
            price = check_request(request, account, self.market, self.now_ms, self.commission_ratio)
        finally:
            self._reserve(account, original)
        keeps_place = price == original.price_krw and original not in self._incoming
        queue_ahead = original.queue_ahead
        self._take_out(original, quantity, OrderStatus.REPLACED)
        entry = self._follow_up(original, "revise", quantity, price)
        entry.kind, entry.was_aggressive = kind, original.was_aggressive and keeps_place
        self._reserve(account, entry)
        self._accept(entry, NoticeKind.REVISED)
        if keeps_place:
            entry.queue_ahead = queue_ahead
            self._resting[entry.code].append(entry)
        else:
            self._incoming.append(entry)
        return entry

    def trade_by_hand(self, account_number: str, code: str, side: OrderSide, quantity: int, price_krw: int) -> Order:
        """A trade in the broker's own app: ordered and filled at once at the given price, cash and shares permitting."""
        request = OrderRequest(account_number, code, side, OrderKind.LIMIT, quantity, price_krw, by_hand=True)
        account = self.account(account_number)
        check_request(request, account, self.market, self.now_ms, self.commission_ratio)
        order = self._new_order(request, price_krw)
        self._reserve(account, order)
        self._accept(order, NoticeKind.ACCEPTED)
        self._fill(order, Execution(quantity, price_krw), self.now_ms)
        return order

    def lift_fill_caps(self) -> None:
        """End of the partial-fill fault: what it held back may be filled from now on."""
        self.fill_ratio_for_next = None
        for order in self.open_orders():
            order.fill_cap = None

    # ---- time ------------------------------------------------------------------------------------------------------

    def advance(self, until_ms: int) -> list[Notice]:
        """Move time to `until_ms`; returns all notices since the last call in exchange-time order."""
        self._enter_incoming()
        self._convert_conditional(until_ms)
        for row, code in self._trades_of_open_orders(until_ms):
            self._match_trade(code, row)
        if until_ms >= self.market.hours.close_ms + EXPIRY_DELAY_MS and not self._expired:
            self._expire()
        self.now_ms = until_ms
        notices, self._notices = self._notices, []
        return sorted(notices, key=lambda notice: notice.at_ms)

    def open_orders(self, account_number: str | None = None) -> list[Order]:
        """Orders with something left, oldest first."""
        return [
            order
            for order in self.orders.values()
            if order.is_working and order.remaining > 0 and account_number in (None, order.account)
        ]

    def _enter_incoming(self) -> None:
        """Match what was accepted since the last slice against the book of this instant."""
        incoming = sorted(self._incoming, key=lambda order: (order.code, order.side.value, order.priority()))
        self._incoming = []
        shared: dict[tuple[str, OrderSide], Liquidity] = {}
        hours = self.market.hours
        continuous = hours.open_ms <= self.now_ms < hours.continuous_end_ms
        for order in incoming:
            if not order.is_working or order.remaining <= 0:
                continue
            book = self.market.book(order.code, self.now_ms)
            if continuous and self.market.tape(order.code).index_at(self.now_ms) >= 0:
                key = (order.code, order.side)
                if key not in shared:
                    shared[key] = Liquidity(opposite_levels(book, order), self.market.bar(order.code))
                self._sweep(order, shared[key])
                order.queue_ahead = 0 if order.filled_quantity else book.size_at(self._own_price(order), order.is_buy)
            if order.remaining > 0 and order.is_working:
                if order.lifetime is Lifetime.DAY:
                    self._resting[order.code].append(order)
                else:
                    self._kill(order)

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
            self._fill(order, execution, self.now_ms)

    def _trades_of_open_orders(self, until_ms: int) -> Iterable[tuple[list[int], str]]:
        codes = [code for code, orders in self._resting.items() if orders]
        found = [(row, code) for code in codes for row in self.market.tape(code).between(self.now_ms, until_ms)]
        return sorted(found, key=lambda pair: (pair[0][Col.AT_MS], pair[1]))

    def _match_trade(self, code: str, row: list[int]) -> None:
        limits = self.market.limits(code)
        at_ms = row[Col.AT_MS]
        for side, limit_price in ((OrderSide.BUY, limits.upper_krw), (OrderSide.SELL, limits.lower_krw)):
            orders = sorted((o for o in self._resting[code] if o.side is side and o.fillable > 0), key=Order.priority)
            if not orders:
                continue
            for order, execution in against_trade(orders, row, limit_price):
                self._fill(order, execution, at_ms)
            if row[Col.SIDE] == AUCTION:
                book = self.market.book(code, at_ms)
                for order in orders:
                    order.queue_ahead = book.size_at(self._own_price(order), order.is_buy)
        self._resting[code] = [order for order in self._resting[code] if order.is_working and order.remaining > 0]

    def _convert_conditional(self, until_ms: int) -> None:
        """조건부지정가 becomes a market order when the closing auction begins."""
        if self._converted or until_ms <= self.market.hours.continuous_end_ms:
            return
        self._converted = True
        for orders in self._resting.values():
            for order in orders:
                if order.kind is OrderKind.CONDITIONAL:
                    order.kind = OrderKind.MARKET

    def _expire(self) -> None:
        self._expired = True
        at_ms = self.market.hours.close_ms + EXPIRY_DELAY_MS
        for order in self.open_orders():
            order.cancelled_quantity += order.remaining
            order.status = OrderStatus.EXPIRED
            self._release(self.accounts[order.account], order)
            self.ledger.append("expired", at_ms, order_facts(order))
        self._resting.clear()

    # ---- booking ---------------------------------------------------------------------------------------------------

    def _new_order(self, request: OrderRequest, price_krw: int) -> Order:
        return Order(
            number=len(self.orders) + 1,
            account=request.account,
            code=request.code,
            side=request.side,
            kind=request.kind,
            lifetime=request.lifetime,
            quantity=request.quantity,
            price_krw=price_krw,
            accepted_at_ms=self.now_ms,
            type_code=request.type_code,
        )

    def _follow_up(self, original: Order, action: str, quantity: int, price_krw: int) -> Order:
        return Order(
            number=len(self.orders) + 1,
            account=original.account,
            code=original.code,
            side=original.side,
            kind=original.kind,
            lifetime=original.lifetime,
            quantity=quantity,
            price_krw=price_krw,
            accepted_at_ms=self.now_ms,
            type_code=original.type_code,
            action=action,
            original_number=original.number,
        )

    def _open_order(self, account_number: str, order_number: int) -> Order:
        order = self.orders.get(order_number)
        if order is None or order.account != account_number or order.action == "cancel":
            raise Refused(Refusal.UNKNOWN_ORDER, str(order_number))
        if not order.is_working or order.remaining <= 0:
            raise Refused(Refusal.NOTHING_LEFT, str(order_number))
        return order

    def _accept(self, order: Order, kind: NoticeKind) -> None:
        self.orders[order.number] = order
        self.ledger.append(kind.value, self.now_ms, order_facts(order))
        self._notices.append(Notice(kind, order, order.quantity, order.price_krw, self.now_ms, order.account))

    def _take_out(self, order: Order, quantity: int, status: OrderStatus) -> None:
        account = self.accounts[order.account]
        self._release(account, order)
        order.cancelled_quantity += quantity
        if order.remaining == 0:
            order.status = status
            self._incoming = [waiting for waiting in self._incoming if waiting is not order]
            self._resting[order.code] = [waiting for waiting in self._resting[order.code] if waiting is not order]
        else:
            self._reserve(account, order)

    def _kill(self, order: Order) -> None:
        quantity = order.remaining
        self._take_out(order, quantity, OrderStatus.CANCELLED)
        self.ledger.append("killed", self.now_ms, order_facts(order))
        self._notices.append(Notice(NoticeKind.KILLED, order, quantity, order.price_krw, self.now_ms, order.account))

    def _fill(self, order: Order, execution: Execution, at_ms: int) -> None:
        account = self.accounts[order.account]
        listed = self.market.listing[order.code]
        amount = execution.quantity * execution.price_krw
        tax, profit = 0, 0
        if not order.is_buy:
            tax = sell_tax_krw(amount, listed.market, self.market.day, listed.kind)
            profit = account.profit_of_sale(order.code, execution.quantity, execution.price_krw)
        fill = Fill(
            number=len(self.fills) + 1,
            order_number=order.number,
            code=order.code,
            side=order.side,
            quantity=execution.quantity,
            price_krw=execution.price_krw,
            at_ms=at_ms,
            fee_krw=commission_krw(amount, self.commission_ratio),
            tax_krw=tax,
            realized_pnl_krw=profit,
        )
        self._release(account, order)
        order.filled_quantity += fill.quantity
        order.filled_amount_krw += fill.amount_krw
        order.fills.append(fill)
        account.book(fill)
        if order.remaining == 0:
            order.status = OrderStatus.FILLED
        else:
            self._reserve(account, order)
        self.fills.append(fill)
        self.ledger.append("fill", at_ms, fill_facts(fill) | {"account": order.account})
        self._notices.append(Notice(NoticeKind.FILLED, order, fill.quantity, fill.price_krw, at_ms, order.account))

    def _reserve(self, account: Account, order: Order) -> None:
        if order.is_buy:
            upper = self.market.limits(order.code).upper_krw
            account.reserved[order.number] = reservation_krw(
                order.kind, order.remaining, order.price_krw, upper, self.commission_ratio
            )
        else:
            account.position(order.code).sell_reserved += order.remaining

    def _release(self, account: Account, order: Order) -> None:
        if order.is_buy:
            account.reserved.pop(order.number, None)
        else:
            account.position(order.code).sell_reserved -= order.remaining
