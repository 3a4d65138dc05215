"""Order book records H0STASP0, 59 or 63 fields (section 4.5)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from jennie_core.domain.market import ANNOUNCING_PHASES
from jennie_infra.kis.ws_layout import MOST_KRW, MOST_SHARES, PHASES, is_code
from jennie_infra.kis.ws_time import seconds_of_day

LEVELS = 10
ASK_PRICES, BID_PRICES, ASK_SIZES, BID_SIZES = 3, 13, 23, 33
ASK_TOTAL, BID_TOTAL, CUMULATIVE, MIDDLE = 43, 44, 53, 59
WIDTH_WITH_MIDDLE = 63
FINE_BELOW_KRW, COARSE_TICK_KRW = 2_000, 5
"""From 2,000 won on no code of KRX has a finer tick than 5 won (section 5.2)."""
WIDEST_RATIO = 1.9
"""Daily limits of +-30 % around one price keep a book's highest and lowest level below 1.3 / 0.7 of each other."""

Side = tuple[tuple[int, int], ...]


class BookRecord(NamedTuple):
    """A decoded order book: (price, shares) of each level, best first, empty levels left out.

    `second_of_day` is the exchange's HHMMSS; a book names no date.
    """

    code: str
    asks: Side
    bids: Side
    second_of_day: int
    phase: str
    cumulative_volume: int


@dataclass(frozen=True, slots=True)
class Books:
    """Records of one book frame in order; `impossible` counts those that contradict themselves, by reason."""

    records: list[BookRecord]
    impossible: dict[str, int]


class _ImpossibleError(Exception):
    """The record contradicts itself; the text is the reason."""


def decode_books(payload: str, count: int, width: int) -> Books | None:
    """The records of a payload; None when it does not hold `count` of `width` fields."""
    fields = payload.split("^")
    if len(fields) != count * width:
        return None
    records: list[BookRecord] = []
    impossible: dict[str, int] = {}
    for at in range(0, len(fields), width):
        try:
            records.append(_book(fields[at : at + width]))
        except _ImpossibleError as error:
            impossible[str(error)] = impossible.get(str(error), 0) + 1
        except ValueError:
            impossible["not_a_number"] = impossible.get("not_a_number", 0) + 1
    return Books(records, impossible)


def _book(fields: list[str]) -> BookRecord:
    code, phase = fields[0], fields[2]
    _require(is_code(code), "code")
    _require(phase in PHASES, "phase")
    asks = _side(fields, ASK_PRICES, ASK_SIZES, ASK_TOTAL, 1)
    bids = _side(fields, BID_PRICES, BID_SIZES, BID_TOTAL, -1)
    if asks and bids and phase not in ANNOUNCING_PHASES:  # orders of a call auction may stand crossed until its price
        _require(asks[0][0] > bids[0][0], "crossed")
        if len(fields) == WIDTH_WITH_MIDDLE and (middle := float(fields[MIDDLE] or 0)):
            _require(abs(middle * 2 - asks[0][0] - bids[0][0]) <= 1, "middle")
    prices = [price for price, _ in (*asks, *bids)]
    _require(not prices or max(prices) <= WIDEST_RATIO * min(prices), "range")
    cumulative = int(fields[CUMULATIVE])
    _require(0 <= cumulative <= MOST_SHARES, "volume")
    return BookRecord(code, asks, bids, seconds_of_day(fields[1]), phase, cumulative)


def _side(fields: list[str], prices_at: int, sizes_at: int, total_at: int, direction: int) -> Side:
    """Levels of one side: prices strictly away from the best, empty ones (0, 0) last, shares that add up to the total.

    That the total is the sum of the ten levels is what every known book shows; the sheet does not say it.
    """
    prices = [int(text) for text in fields[prices_at : prices_at + LEVELS]]
    sizes = [int(text) for text in fields[sizes_at : sizes_at + LEVELS]]
    total = int(fields[total_at])
    _require(min(sizes) >= 0 and total >= 0, "negative_quantity")
    levels = tuple((price, size) for price, size in zip(prices, sizes, strict=True) if price)
    _require(all(0 < price <= MOST_KRW and size for price, size in levels), "level")
    _require(not any(price % COARSE_TICK_KRW for price, _ in levels if price >= FINE_BELOW_KRW), "tick")
    _require(not any(prices[len(levels) :]) and not any(sizes[len(levels) :]), "level")
    _require(all((after - before) * direction > 0 for (before, _), (after, _) in pairwise(levels)), "level_order")
    _require(sum(sizes) == total <= MOST_SHARES, "total")
    return levels


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise _ImpossibleError(reason)
