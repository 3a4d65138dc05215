"""The exchange of drill 36: prices rise while orders fill, fall through the loss limit, and come back after it."""

import asyncio
import sys
from pathlib import Path

from jennie_sim.app import serve
from jennie_sim.market.handmade import BASE_KRW, TradeRow
from tests.drills import exchange
from tests.drills.exchange import HELD

WORSE_AT, FALL_AT, LOW_AT, BACK_AT = "09:31:20", "09:31:30", "09:31:50", "09:32:10"
PRICES = ((WORSE_AT, 71_400), (FALL_AT, 69_400), (LOW_AT, 65_000), (BACK_AT, 73_000))
"""From when on which price holds; before the first one BASE_KRW does, for the held code always."""


def rows(code: str) -> list[TradeRow]:
    """Trades every five seconds."""

    def price(clock: str) -> int:
        return next((price for since, price in reversed(PRICES) if clock >= since), BASE_KRW)

    return [(clock, BASE_KRW if code == HELD else price(clock), size, side) for clock, _, size, side in exchange.tape()]


def main() -> None:
    """Serve until SIGTERM; market time stands until the admin port moves it."""
    port, admin_port, token_file = sys.argv[1:]
    sim = exchange.build(Path(token_file).read_text().strip(), rows)
    asyncio.run(serve(sim, int(port), int(admin_port), None))


if __name__ == "__main__":
    main()
