"""The rehearsal exchange with a tape written by hand, as a process: PORT ADMIN_PORT TOKEN_FILE are its arguments."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.enums import Market as Segment
from jennie_core.krx.calendar import KrxCalendar
from jennie_sim.app import Sim, serve
from jennie_sim.market import handmade
from jennie_sim.market.handmade import BASE_KRW, TradeRow, handmade_market
from jennie_sim.market.pack import CarriedHolding, Listed
from jennie_sim.settings import SimSettings

CODES = tuple(f"7001{number:02d}" for number in range(1, 13))
HELD = "700199"
"""A code of which the account holds HELD_SHARES at the start."""
HELD_SHARES, HELD_AVERAGE_KRW = 80, 68_000
CASH_KRW = 20_000_000
START = "09:29:00"
TICK_SECONDS = 5
MINUTES = 40
SESSIONS = 60


def tape() -> list[TradeRow]:
    """One trade at the same price every five seconds: fills depend on the orders alone."""
    first = 9 * 3600
    clocks = range(first, first + (MINUTES + 30) * 60, TICK_SECONDS)
    return [(f"{each // 3600:02d}:{each % 3600 // 60:02d}:{each % 60:02d}", BASE_KRW, 1_000, 1) for each in clocks]


def history() -> pl.DataFrame:
    """Quiet bars of the sessions before, enough for the loss limits of the day and the week."""
    calendar, days = KrxCalendar.shipped(), [handmade.DAY]
    while len(days) <= SESSIONS:
        days.append(calendar.previous_session(days[-1]))
    rows = [(code, day, *(BASE_KRW,) * 4, 50_000) for code in handmade.LISTING for day in reversed(days[1:])]
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Int64)
    return pl.DataFrame(rows, schema={"code": pl.String, "date": pl.Date, **numbers}, orient="row")


def build(token: str, rows: Callable[[str], list[TradeRow]] = lambda code: tape()) -> Sim:
    """The exchange with its listing, tapes (`rows` by code) and account."""
    for code in (*CODES, HELD):
        handmade.LISTING[code] = Listed(
            code, f"연습{code[-2:]}", Segment.KOSPI, AssetKind.COMMON, ListingStatus.NORMAL, BASE_KRW, 1_000_000, "연습"
        )
    handmade._history = history
    market = handmade_market(
        {code: rows(code) for code in (*CODES, HELD)},
        cash_krw=CASH_KRW,
        holdings=(
            CarriedHolding(
                code=HELD, quantity=HELD_SHARES, average_price_krw=HELD_AVERAGE_KRW, bought_on=handmade.BEFORE
            ),
        ),
    )
    settings = SimSettings(accept_any_key=True, commission_ratio=0.00015)
    return Sim.build(market, settings, token, handmade.at(START))


def main() -> None:
    """Serve until SIGTERM; market time stands until the admin port moves it."""
    port, admin_port, token_file = sys.argv[1:]
    sim = build(Path(token_file).read_text().strip())
    asyncio.run(serve(sim, int(port), int(admin_port), None))


if __name__ == "__main__":
    main()
