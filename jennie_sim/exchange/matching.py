"""Which shares an order gets, at which price: against the book on arrival, then against the tape."""

from collections.abc import Iterator
from dataclasses import dataclass

from jennie_sim.exchange.orders import Order, OrderKind
from jennie_sim.market.book import Book, Level
from jennie_sim.market.path import AUCTION, BUYER, SELLER, DayBar
from jennie_sim.market.tape import Col


@dataclass(frozen=True, slots=True)
class Execution:
    """So many shares at one price."""

    quantity: int
    price_krw: int


class Liquidity:
    """What is left of one instant's book while several orders of one side take from it."""

    def __init__(self, levels: tuple[Level, ...], bar: DayBar) -> None:
        inside = [level for level in levels if bar.low <= level.price <= bar.high]
        if not inside and levels:  # a day without any range trades at its one price
            inside = [Level(min(max(levels[0].price, bar.low), bar.high), levels[0].size)]
        self._levels = [[level.price, level.size] for level in inside]

    def available(self, order: Order) -> int:
        """Shares the order could take now."""
        return sum(size for price, size in self._levels if reaches(order, price))

    def take(self, order: Order) -> Iterator[Execution]:
        """Walk the levels, best first, as far as the order's price reaches."""
        wanted = order.fillable
        for level in self._levels:
            if wanted <= 0 or not reaches(order, level[0]):
                return
            quantity = min(wanted, level[1])
            if quantity:
                level[1] -= quantity
                wanted -= quantity
                yield Execution(quantity, level[0])


def opposite_levels(book: Book, order: Order) -> tuple[Level, ...]:
    """The side of the book an order takes from."""
    return book.asks if order.is_buy else book.bids


def reaches(order: Order, price: int) -> bool:
    """Would the order trade at this price?"""
    if order.kind is OrderKind.MARKET:
        return True
    return price <= order.price_krw if order.is_buy else price >= order.price_krw


def against_trade(orders: list[Order], row: list[int], limit_price: int) -> Iterator[tuple[Order, Execution]]:
    """Let resting orders of one code and side share one trade of the tape, in price-time order.

    A trade that passes an order's price shows that the order would have been hit first; a trade at its price first
    eats the queue ahead. `limit_price` is the day's upper limit for purchases, the lower for sales: a market order that
    waits there queues like everybody else. Together they get at most the trade's size.
    """
    price, left, side = row[Col.PRICE], row[Col.SIZE], row[Col.SIDE]
    for order in orders:
        if left <= 0:
            return
        if not reaches(order, price):
            continue
        own_price = limit_price if order.kind is OrderKind.MARKET else order.price_krw
        hits_our_side = side == (SELLER if order.is_buy else BUYER)
        if hits_our_side and price == own_price and order.queue_ahead:
            passed = min(order.queue_ahead, left)
            order.queue_ahead -= passed
            left -= passed
        quantity = min(order.fillable, left)
        if quantity <= 0:
            continue
        left -= quantity
        passive = hits_our_side and side != AUCTION and not order.was_aggressive and order.kind is not OrderKind.MARKET
        yield order, Execution(quantity, own_price if passive else price)
