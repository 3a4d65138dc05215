"""The exchange of the feed's drills: sixty codes whose every trade is known, as a process like `exchange.py`."""

import asyncio
import random
import sys
from pathlib import Path

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.enums import Market as Segment
from jennie_sim.app import Sim, serve
from jennie_sim.market import handmade
from jennie_sim.market.handmade import BASE_KRW, TradeRow, handmade_market
from jennie_sim.market.pack import CarriedHolding, Listed
from jennie_sim.settings import SimSettings
from tests.drills.exchange import CASH_KRW, HELD, HELD_AVERAGE_KRW, HELD_SHARES, START, history

CODES = tuple(f"7001{number:02d}" for number in range(1, 61))
TICK_SECONDS = 2
FROM_SECOND, UNTIL_SECOND = 9 * 3600, 10 * 3600
FALL_SECOND, FALLEN_KRW = 9 * 3600 + 32 * 60, 60_000
"""From here on the held code trades below its hard stop."""
BURST = ("09:31:00", "09:32:00", 50)
"""Drill 19: from, until, and how many times the usual rate."""


def tape(code: str, *, burst: bool) -> list[TradeRow]:
    """Trades of one code, the same in every process: prices within half a percent.

    Those of the held code are around what was paid, so that no exit fires before the fall.
    """
    rng = random.Random(code)
    first, last, times = handmade.at(BURST[0]) // 1_000, handmade.at(BURST[1]) // 1_000, BURST[2]
    rows: list[TradeRow] = []
    for second in range(FROM_SECOND, UNTIL_SECOND, TICK_SECONDS):
        clock = f"{second // 3600:02d}:{second % 3600 // 60:02d}:{second % 60:02d}"
        for _ in range(times if burst and first <= second < last else 1):
            price = (HELD_AVERAGE_KRW if code == HELD else BASE_KRW) + 100 * rng.randint(-3, 3)
            if code == HELD and second >= FALL_SECOND:
                price = FALLEN_KRW
            rows.append((clock, price, rng.randint(50, 900), 1))
    return rows


def build(token: str, *, burst: bool) -> Sim:
    """The exchange with its listing, tapes and account."""
    for code in (*CODES, HELD):
        handmade.LISTING[code] = Listed(
            code, f"연습{code[-2:]}", Segment.KOSPI, AssetKind.COMMON, ListingStatus.NORMAL, BASE_KRW, 1_000_000, "연습"
        )
    handmade._history = history
    carried = CarriedHolding(
        code=HELD, quantity=HELD_SHARES, average_price_krw=HELD_AVERAGE_KRW, bought_on=handmade.BEFORE
    )
    tapes = {code: tape(code, burst=burst) for code in (*CODES, HELD)}
    market = handmade_market(tapes, cash_krw=CASH_KRW, holdings=(carried,))
    settings = SimSettings(accept_any_key=True, commission_ratio=0.00015)
    return Sim.build(market, settings, token, handmade.at(START))


def main(*, burst: bool = False) -> None:
    """Serve until SIGTERM; market time stands until the admin port moves it."""
    port, admin_port, token_file = sys.argv[1:]
    sim = build(Path(token_file).read_text().strip(), burst=burst)
    asyncio.run(serve(sim, int(port), int(admin_port), None))


if __name__ == "__main__":
    main()
