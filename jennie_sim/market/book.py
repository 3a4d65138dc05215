"""The synthetic order book around the last trade: ten levels a side, the same for everybody who looks."""

from dataclasses import dataclass

from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.tape import Col, Tape

DEPTH_LEVELS = 10
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Level:
    """One price level: price in won, size in shares."""

    price: int
    size: int


@dataclass(frozen=True, slots=True)
class Book:
    """Levels of both sides, best first; a side that has run out at the price limit is empty."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]

    @property
    def best_ask(self) -> int:
        """0 when nobody sells."""
        return self.asks[0].price if self.asks else 0

    @property
    def best_bid(self) -> int:
        """0 when nobody buys."""
        return self.bids[0].price if self.bids else 0

    def size_at(self, price: int, bid_side: bool) -> int:
        """Shares that wait at a price on one side; 0 beyond the visible levels."""
        return next((level.size for level in (self.bids if bid_side else self.asks) if level.price == price), 0)


EMPTY_BOOK = Book((), ())


def book_after(tape: Tape, index: int, grid: PriceGrid, lower_limit: int, upper_limit: int) -> Book:
    """The book after trade `index` of the tape; before the first trade there is none."""
    if index < 0:
        return EMPTY_BOOK
    row = tape.row(index)
    asks = _side(row[Col.ASK], row[Col.ASK_SIZE], row[Col.TOTAL_ASK], grid.step_up, upper_limit, 1, index)
    bids = _side(row[Col.BID], row[Col.BID_SIZE], row[Col.TOTAL_BID], grid.step_down, lower_limit, -1, index)
    return Book(asks, bids)


def _side(best: int, size: int, total: int, step: object, limit: int, direction: int, index: int) -> tuple[Level, ...]:
    if best <= 0 or (best - limit) * direction > 0:
        return ()
    prices = [best]
    while len(prices) < DEPTH_LEVELS and prices[-1] != limit:
        following = step(prices[-1])  # type: ignore[operator]
        if (following - limit) * direction > 0:
            break
        prices.append(following)
    weights = [_weight(price, index) for price in prices[1:]]
    rest, scale = max(total - size, len(weights)), sum(weights)
    sizes = [size, *(max(1, rest * weight // scale) for weight in weights)]
    return tuple(Level(price, amount) for price, amount in zip(prices, sizes, strict=True))


def _weight(price: int, index: int) -> int:
    """Pseudo-random 60..140 that stays the same for about fifty trades, so that the book does not flicker."""
    mixed = (price * 0x9E3779B97F4A7C15 + (index // 50) * 0xBF58476D1CE4E5B9) & _MASK
    mixed ^= mixed >> 29
    return 60 + (mixed * 0x94D049BB133111EB & _MASK) // (1 << 57) % 81
