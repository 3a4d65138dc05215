"""The exchange's bookkeeping: every acceptance, fill and cancellation lands in accounts, order list and ledger."""

from jennie_core.krx.costs import commission_krw, sell_tax_krw
from jennie_sim.exchange.account import Account, Unsettled
from jennie_sim.exchange.ledger import Ledger, fill_facts, order_facts
from jennie_sim.exchange.matching import Execution
from jennie_sim.exchange.orders import (
    Fill,
    Notice,
    NoticeKind,
    Order,
    OrderStatus,
    Refusal,
    Refused,
)
from jennie_sim.exchange.request import reservation_krw
from jennie_sim.market.market import Market
from jennie_sim.market.pack import PackAccount


class Books:
    """Accounts, order list, fills and the notices that have not gone out yet."""

    def __init__(self, market: Market, commission_ratio: float, ledger: Ledger) -> None:
        self.market = market
        self.commission_ratio = commission_ratio
        self.ledger = ledger
        self.accounts = {row.digits: self._open_account(row) for row in market.pack.accounts}
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self._notices: list[Notice] = []
        self._charged: dict[int, int] = {}
        """Won filled so far by the number of the order that a chain of revisions began with."""

    def _open_account(self, row: PackAccount) -> Account:
        """Carried holdings bought on the session before are not settled before tomorrow."""
        account = Account(row.digits, row.account_name, row.hts_id, row.cash_krw, row.cash_krw)
        for holding in row.holdings:
            position = account.position(holding.code)
            position.quantity = position.carried_quantity = holding.quantity
            position.set_average(holding.average_price_krw)
            if self.market.sessions_since(holding.bought_on) == 1:
                cost = position.cost_krw
                account.unsettled.append(Unsettled(1, -cost - commission_krw(cost, self.commission_ratio)))
        return account

    def account(self, number: str) -> Account:
        """An account by its ten digits; raises Refused(UNKNOWN_ACCOUNT)."""
        account = self.accounts.get(number)
        if account is None:
            raise Refused(Refusal.UNKNOWN_ACCOUNT, number)
        return account

    def changeable(self, account_number: str, order_number: int, quantity: int | None) -> tuple[Order, int]:
        """An order that can still be revised or cancelled, and the quantity meant (None = all that is left)."""
        self.account(account_number)
        order = self.orders.get(order_number)
        if order is None or order.account != account_number or order.action == "cancel":
            raise Refused(Refusal.UNKNOWN_ORDER, str(order_number))
        if not order.is_open:
            raise Refused(Refusal.NOTHING_LEFT, str(order_number))
        meant = order.remaining if quantity is None else quantity
        if not 0 < meant <= order.remaining:
            raise Refused(Refusal.BAD_QUANTITY, str(meant))
        return order, meant

    def next_number(self) -> int:
        """Number of the next entry of the order list."""
        return len(self.orders) + 1

    def take_notices(self) -> list[Notice]:
        """The notices since the last call in order of exchange time."""
        notices, self._notices = self._notices, []
        return sorted(notices, key=lambda notice: notice.at_ms)

    def accept(self, order: Order, kind: NoticeKind) -> None:
        """Enter an order, revise or cancel into the order list."""
        self.orders[order.number] = order
        self.ledger.append(kind.value, order.accepted_at_ms, order_facts(order))
        self._tell(kind, order, order.quantity, order.price_krw, order.accepted_at_ms)

    def take_out(self, order: Order, quantity: int, status: OrderStatus) -> None:
        """Withdraw shares from an order; `status` is what it becomes when nothing is left."""
        account = self.accounts[order.account]
        self.release(account, order)
        order.cancelled_quantity += quantity
        if order.remaining:
            self.reserve(account, order)
        else:
            order.status = status

    def kill(self, order: Order, at_ms: int) -> None:
        """Cancel the remainder of an IOC or FOK order."""
        quantity = order.remaining
        self.take_out(order, quantity, OrderStatus.CANCELLED)
        self.ledger.append(NoticeKind.KILLED.value, at_ms, order_facts(order))
        self._tell(NoticeKind.KILLED, order, quantity, order.price_krw, at_ms)

    def reject(self, order: Order, at_ms: int) -> None:
        """The market turns an accepted order down; the notice is the only word of it."""
        self.release(self.accounts[order.account], order)
        quantity = order.remaining
        order.rejected_quantity, order.status = quantity, OrderStatus.REJECTED
        self.ledger.append(NoticeKind.REJECTED.value, at_ms, order_facts(order))
        self._tell(NoticeKind.REJECTED, order, quantity, order.price_krw, at_ms)

    def expire(self, order: Order, at_ms: int) -> None:
        """A day order lapses after the close; the broker sends no notice for it."""
        self.take_out(order, order.remaining, OrderStatus.EXPIRED)
        self.ledger.append(OrderStatus.EXPIRED.value, at_ms, order_facts(order))

    def fill(self, order: Order, execution: Execution, at_ms: int) -> None:
        """Book one execution with its fee and tax."""
        account = self.accounts[order.account]
        fee, tax = self._charge(order, execution.quantity * execution.price_krw)
        profit = 0
        if not order.is_buy:
            profit = account.profit_of_sale(order.code, execution.quantity, execution.price_krw)
        fill = Fill(
            number=len(self.fills) + 1,
            order_number=order.number,
            code=order.code,
            side=order.side,
            quantity=execution.quantity,
            price_krw=execution.price_krw,
            at_ms=at_ms,
            fee_krw=fee,
            tax_krw=tax,
            realized_pnl_krw=profit,
        )
        self.release(account, order)
        order.filled_quantity += fill.quantity
        order.filled_amount_krw += fill.amount_krw
        order.fills.append(fill)
        account.book(fill)
        if order.remaining:
            self.reserve(account, order)
        else:
            order.status = OrderStatus.FILLED
        self.fills.append(fill)
        self.ledger.append("fill", at_ms, fill_facts(fill) | {"account": order.account})
        self._tell(NoticeKind.FILLED, order, fill.quantity, fill.price_krw, at_ms)

    def _charge(self, order: Order, amount_krw: int) -> tuple[int, int]:
        """Fee and tax of one execution: both are truncated on the total of the order, revisions included.

        A client that has lost a notice can ask for an order's total only; what an order costs must not depend on how
        its executions were cut (the broker's own rounding is unverified).
        """
        root = order
        while root.action == "revise":
            root = self.orders[root.original_number]
        listed, before = self.market.listing[order.code], self._charged.get(root.number, 0)

        def of_total(total_krw: int) -> tuple[int, int]:
            tax = 0 if order.is_buy else sell_tax_krw(total_krw, listed.market, self.market.day, listed.kind)
            return commission_krw(total_krw, self.commission_ratio), tax

        (fee, tax), (fee_before, tax_before) = of_total(before + amount_krw), of_total(before)
        self._charged[root.number] = before + amount_krw
        return fee - fee_before, tax - tax_before

    def reserve(self, account: Account, order: Order) -> None:
        """Tie up the cash or the shares that the rest of an order may need."""
        if order.is_buy:
            upper = self.market.limits(order.code).upper_krw
            account.reserved[order.number] = reservation_krw(
                order.kind, order.remaining, order.price_krw, upper, self.commission_ratio
            )
        else:
            account.position(order.code).sell_reserved += order.remaining

    def release(self, account: Account, order: Order) -> None:
        """Undo `reserve`; call it before the rest changes."""
        if order.is_buy:
            account.reserved.pop(order.number, None)
        else:
            account.position(order.code).sell_reserved -= order.remaining

    def _tell(self, kind: NoticeKind, order: Order, quantity: int, price_krw: int, at_ms: int) -> None:
        self._notices.append(Notice(kind, order, quantity, price_krw, at_ms, order.account))
