"""What a replayed day came to: signals, refusals, orders, trades and profit net of costs."""

from collections import Counter
from dataclasses import dataclass

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.enums import OrderSide, OrderState
from jennie_core.domain.orders import AccountBalance
from jennie_core.domain.signals import BuySignal
from jennie_core.replay.day_books import DayBooks, Outcome, Trade
from jennie_core.replay.day_ports import DayStart
from jennie_core.replay.order_hash import HashedOrder, order_hash

NEVER_SENT = frozenset({OrderState.INTENT, OrderState.NOT_PLACED})


@dataclass(frozen=True, slots=True)
class DayResult:
    """The day's books; every figure below is derived from them."""

    start: DayStart
    books: DayBooks
    signals: tuple[BuySignal, ...]
    balance: AccountBalance
    ticks: int
    slices: int

    @property
    def trades(self) -> list[Trade]:
        """Submitted orders, in order of decision."""
        return [trade for trade in self.books.trades.values() if trade.intent.state not in NEVER_SENT]

    @property
    def buy_outcomes(self) -> list[Outcome]:
        """What became of each buy signal, in order."""
        return [each for each in self.books.outcomes if isinstance(each.request, BuySignal)]

    @property
    def order_hash(self) -> str:
        """The hash that a rehearsal of the same day prints."""
        return order_hash(
            HashedOrder(
                market_at=trade.intent.market_at,
                side=trade.intent.side,
                stock_code=trade.intent.stock_code,
                quantity=trade.intent.quantity,
                order_type=trade.intent.order_type,
                limit_price_krw=trade.intent.limit_price_krw,
            )
            for trade in self.trades
        )

    @property
    def decision_hash(self) -> str:
        """Hash over every signal, refusal, order and fill with its figures: byte-equal runs have equal hashes."""
        return canonical_hash(
            [
                [outcome.request.model_dump(mode="json") for outcome in self.books.outcomes],
                [
                    [outcome.decided_at.isoformat(), None if outcome.refusal is None else str(outcome.refusal)]
                    for outcome in self.books.outcomes
                ],
                [
                    [each.code, each.signal_type.value, each.market_us, each.price_krw, str(each.refusal)]
                    for each in self.books.setup_refusals
                ],
                [[str(trade.intent), [str(fill) for fill in trade.fills]] for trade in self.books.trades.values()],
            ]
        )

    def refusals(self) -> dict[str, int]:
        """Refusals of buys by rule, most frequent first: of signals, and of setups that never became one."""
        found = Counter(each.refusal.rule for each in self.buy_outcomes if each.refusal is not None)
        found.update(each.refusal.rule for each in self.books.setup_refusals)
        return dict(found.most_common())

    @property
    def realized_pnl_krw(self) -> int:
        """Won realised by sales, net of their own costs."""
        return sum(trade.realized_pnl_krw for trade in self.trades if trade.realized_pnl_krw is not None)

    @property
    def fees_krw(self) -> int:
        """Commissions of all fills."""
        return sum(fill.fee_krw for trade in self.trades for fill in trade.fills)

    @property
    def taxes_krw(self) -> int:
        """Taxes of all sales."""
        return sum(fill.tax_krw for trade in self.trades for fill in trade.fills)

    @property
    def end_equity_krw(self) -> int:
        """Cash and holdings at the day's last prices."""
        return self.balance.total_evaluation_krw

    @property
    def cash_flow_krw(self) -> int:
        """Won that all fills moved, costs included; negative when more was bought."""
        return sum(
            (fill.amount_krw if trade.intent.side is OrderSide.SELL else -fill.amount_krw) - fill.fee_krw - fill.tax_krw
            for trade in self.trades
            for fill in trade.fills
        )
