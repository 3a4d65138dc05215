"""A tiny market whose every trade is written by hand: for tests that must know the next trade."""

from datetime import date

import numpy as np
import polars as pl

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.enums import Market as Segment
from jennie_sim.market.market import Market
from jennie_sim.market.pack import FLOW_SCHEMA, CarriedHolding, Listed, PackAccount, PackMeta, SessionPack
from jennie_sim.market.path import DayBar, Trades
from jennie_sim.market.tape import Col, Tape

DAY = date(2025, 6, 27)
YESTERDAY = date(2025, 6, 26)
BEFORE = date(2025, 6, 25)
CODE, OTHER, HALTED = "700010", "700020", "700030"
ACCOUNT = "5012345601"
BASE_KRW = 70_000
LEVEL_SIZE = 100
APP_KEY, APP_SECRET = "K" * 36, "S" * 180
HTS_ID = "jennie"

TradeRow = tuple[str, int, int, int]
"""Time HH:MM:SS, price, size, aggressor (1 buyer, 3 auction, 5 seller)."""

LISTING = {
    CODE: Listed(
        CODE, "가람전자", Segment.KOSPI, AssetKind.COMMON, ListingStatus.NORMAL, BASE_KRW, 1_000_000, "반도체"
    ),
    OTHER: Listed(
        OTHER, "여울소프트", Segment.KOSDAQ, AssetKind.COMMON, ListingStatus.ADMINISTRATIVE, BASE_KRW, None, "인터넷"
    ),
    HALTED: Listed(
        HALTED, "토담건설", Segment.KOSPI, AssetKind.COMMON, ListingStatus.HALTED, BASE_KRW, 2_000_000, "건설"
    ),
}


def at(clock: str) -> int:
    """Milliseconds since midnight of HH:MM:SS."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000


def handmade_market(
    rows: dict[str, list[TradeRow]],
    *,
    day: date = DAY,
    cash_krw: int = 100_000_000,
    holdings: tuple[CarriedHolding, ...] = (),
    interruptions: bool = False,
) -> Market:
    """A market whose tapes are exactly `rows` (by code); with `interruptions` these set off VIs as any path does.

    Every best quote shows LEVEL_SIZE shares and each of the nine levels behind it one share.
    """
    bars = {code: _bar(code, trades) for code, trades in rows.items()}
    account = PackAccount(
        account_number=ACCOUNT,
        account_name="모의고객",
        hts_id=HTS_ID,
        app_key=APP_KEY,
        app_secret=APP_SECRET,
        cash_krw=cash_krw,
        holdings=holdings,
    )
    meta = PackMeta(day=day, seed=1, source="hand-made", simulated=True)
    market = Market(SessionPack(meta, (account,), LISTING, bars, _history(), _index(day), flows=_flows()))
    for code, trades in rows.items():
        market.replace_tape(code, _tape(market, code, trades, interruptions))
    return market


def _bar(code: str, trades: list[TradeRow]) -> DayBar:
    prices = [price for _, price, _, _ in trades]
    return DayBar(code, prices[0], max(prices), min(prices), prices[-1], sum(size for _, _, size, _ in trades))


def _tape(market: Market, code: str, trades: list[TradeRow], interruptions: bool) -> Tape:
    maker = market.maker(code)
    made = Trades(
        at_ms=np.array([at(clock) for clock, _, _, _ in trades], dtype=np.int64),
        price=np.array([price for _, price, _, _ in trades], dtype=np.int64),
        size=np.array([size for _, _, size, _ in trades], dtype=np.int64),
        side=np.array([side for _, _, _, side in trades], dtype=np.int64),
    )
    tape = maker.make(*maker.interrupt(made, BASE_KRW)) if interruptions else maker.make(made)
    for quote, size, total in ((Col.ASK, Col.ASK_SIZE, Col.TOTAL_ASK), (Col.BID, Col.BID_SIZE, Col.TOTAL_BID)):
        present = tape.rows[:, quote] > 0
        tape.rows[:, size] = np.where(present, LEVEL_SIZE, 0)
        tape.rows[:, total] = np.where(present, LEVEL_SIZE + 9, 0)
    return tape


def _history() -> pl.DataFrame:
    rows = [
        (code, day, BASE_KRW - 500, BASE_KRW + 1_000, BASE_KRW - 1_000, BASE_KRW, 50_000)
        for code in LISTING
        for day in (BEFORE, YESTERDAY)
    ]
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Int64)
    return pl.DataFrame(rows, schema={"code": pl.String, "date": pl.Date, **numbers}, orient="row")


def _flows() -> pl.DataFrame:
    rows = [(CODE, BEFORE, 300, -200), (CODE, YESTERDAY, -1_000, 4_000)]
    return pl.DataFrame(rows, schema=FLOW_SCHEMA, orient="row")


def _index(day: date) -> pl.DataFrame:
    points = dict.fromkeys(("open", "high", "low", "close"), pl.Float64)
    rows = [("KOSPI", YESTERDAY, 3000.0, 3010.0, 2990.0, 3000.0), ("KOSPI", day, 3005.0, 3030.0, 2995.0, 3020.0)]
    return pl.DataFrame(rows, schema={"index_code": pl.String, "date": pl.Date, **points}, orient="row")
