"""H0STASP0: the order book as the broker's record of 59 or 63 fields (protocol sheet 4.5)."""

from jennie_sim.market.auction import ExpectedMatch
from jennie_sim.market.book import DEPTH_LEVELS, Book
from jennie_sim.protocol.trade_record import side_sign


def book_record(
    code: str, at: str, book: Book, volume: int, fields: int, expected: ExpectedMatch | None, base_krw: int
) -> str:
    """One record, fields joined by ^; `at` is HHMMSS, `volume` the cumulative volume of the day.

    `expected` is what a running call auction would trade, `base_krw` the price its change is told against.
    """
    gap = [0] * DEPTH_LEVELS
    ask_sizes = [level.size for level in book.asks]
    bid_sizes = [level.size for level in book.bids]
    values: list[object] = [
        *(code, at, expected.phase if expected else "0"),
        *([level.price for level in book.asks] + gap)[:DEPTH_LEVELS],
        *([level.price for level in book.bids] + gap)[:DEPTH_LEVELS],
        *(ask_sizes + gap)[:DEPTH_LEVELS],
        *(bid_sizes + gap)[:DEPTH_LEVELS],
        *(sum(ask_sizes), sum(bid_sizes), 0, 0),
        *_expected(expected, base_krw),
        *(volume, 0, 0, 0, 0, ""),
    ]
    if fields >= 63:
        middle = (book.best_ask + book.best_bid) // 2 if book.asks and book.bids else 0
        values += [middle, 0, "", "2"]
    return "^".join(map(str, values))


def _expected(expected: ExpectedMatch | None, base_krw: int) -> tuple[object, ...]:
    if expected is None:
        return (0, 0, 0, 0, "3", "0.00")
    change = expected.price - base_krw
    sign = side_sign(change)
    return (expected.price, expected.volume, expected.volume, change, sign, f"{change * 100 / base_krw:.2f}")
