"""What a call auction would trade if it ended now (예상체결): shown in order books and status calls, never matched."""

from dataclasses import dataclass

import numpy as np

from jennie_sim.market.interruption import Interruption
from jennie_sim.market.market import Market
from jennie_sim.market.path import AUCTION
from jennie_sim.market.tape import Col, Tape

FINDS_ITS_PRICE_AT = 0.8
"""Part of an auction after which the expected price has reached the price that it will have."""


@dataclass(frozen=True, slots=True)
class ExpectedMatch:
    """Expected price in won and volume in shares; `phase` is the broker's HOUR_CLS_CODE."""

    price: int
    volume: int
    phase: str


def expected_match(market: Market, code: str, at_ms: int) -> ExpectedMatch | None:
    """The expected match at an instant; None outside auctions, while halted, and when nothing will be traded."""
    tape, hours = market.tape(code), market.hours
    if not tape.times or market.is_halted(code, at_ms) or at_ms < hours.entry_ms or at_ms >= hours.close_ms:
        return None
    interruption = tape.interruption_at(at_ms)
    if interruption is not None:
        return _in_interruption(tape, interruption, at_ms)
    last = tape.index_at(at_ms)
    if last < 0 and at_ms < hours.open_ms:
        part = (at_ms - hours.entry_ms) / (hours.open_ms - hours.entry_ms)
        return _between(market, code, market.listing[code].base_price_krw, tape.row(0), part, "B")
    closing = tape.row(-1)
    if at_ms >= hours.continuous_end_ms and closing[Col.SIDE] == AUCTION and closing[Col.AT_MS] >= hours.close_ms:
        part = (at_ms - hours.continuous_end_ms) / (hours.close_ms - hours.continuous_end_ms)
        return _between(market, code, market.last_price(code, at_ms), closing, part, "A")
    return None


def _in_interruption(tape: Tape, interruption: Interruption, at_ms: int) -> ExpectedMatch:
    part = (at_ms - interruption.begins_ms) / (interruption.ends_ms - interruption.begins_ms)
    cross = tape.row(min(tape.index_at(at_ms) + 1, len(tape.times) - 1))
    return ExpectedMatch(interruption.price_krw, int(cross[Col.SIZE] * part), "C")


def _between(market: Market, code: str, before: int, cross: list[int], part: float, phase: str) -> ExpectedMatch:
    found = before + (cross[Col.PRICE] - before) * min(1.0, part / FINDS_ITS_PRICE_AT)
    price = int(market.grid(code).nearest(np.array([found]))[0])
    return ExpectedMatch(price, int(cross[Col.SIZE] * part), phase)
