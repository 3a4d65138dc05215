"""Prices: ticks, marks, quotes, bars."""

from datetime import date, datetime
from typing import Literal, NamedTuple

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, PriceKrw, StockCode
from jennie_core.domain.enums import AssetKind, ListingStatus, Market

CONTINUOUS_PHASE = "0"
INTERRUPTION_PHASE = "C"
ANNOUNCING_PHASES = frozenset("ABC")
"""HOUR_CLS_CODE of records that trade nothing: expected match before the open (B), after 15:20 (A), in a VI (C)."""


class Tick(NamedTuple):
    """One trade (체결) in the compact form that travels on `stream:ticks`.

    Times are microseconds since the epoch; `exchange_us` is the exchange's trade time, `received_us` the
    gateway's real clock. `session_phase` is the KRX phase code: "0" continuous, "A"/"B" auctions, "C" volatility
    interruption.
    """

    code: str
    price_krw: int
    volume: int
    cumulative_volume: int
    ask_krw: int
    bid_krw: int
    exchange_us: int
    received_us: int
    session_phase: str = "0"
    source: str = "ws"  # ws = trade feed, poll = REST quote with the volume difference (R-GW-12)


class ClockMark(NamedTuple):
    """Market time on a stream (T2). All that came before it in time is before it in the stream.

    A `settled` mark is one that workers pass on and answer with a watermark (T3): every mark in live operation,
    the end of each time slice in a rehearsal.
    """

    market_us: int
    settled: bool


class Quote(Message):
    """A REST snapshot of one code (현재가)."""

    code: StockCode
    name: str
    price_krw: PriceKrw
    previous_close_krw: PriceKrw
    open_krw: int = Field(ge=0, description="0 before the first trade")
    high_krw: int = Field(ge=0)
    low_krw: int = Field(ge=0)
    volume: int = Field(ge=0)
    turnover_krw: int = Field(ge=0)
    upper_limit_krw: PriceKrw
    lower_limit_krw: PriceKrw
    change_pct: float
    per: float | None = None
    pbr: float | None = None
    market_cap_krw: int | None = None
    week52_high_krw: int | None = None
    week52_low_krw: int | None = None
    status: ListingStatus = ListingStatus.NORMAL
    market: Market = Market.UNKNOWN
    asset_kind: AssetKind | None = Field(default=None, description="None where the broker does not tell")
    in_volatility_interruption: bool = False
    quoted_at: MarketTime


class Price(Message):
    """Price of one of many codes asked for together; it says nothing of the listing's status (멀티종목 시세)."""

    code: StockCode
    name: str
    price_krw: PriceKrw
    previous_close_krw: PriceKrw
    open_krw: int
    high_krw: int
    low_krw: int
    volume: int
    turnover_krw: int
    upper_limit_krw: int
    lower_limit_krw: int
    change_pct: float
    quoted_at: MarketTime


class OrderBook(Message):
    """Ten levels a side, best first; empty levels are left out (호가)."""

    code: StockCode
    asks: tuple[tuple[int, int], ...]
    bids: tuple[tuple[int, int], ...]
    quoted_at: MarketTime
    source: Literal["poll", "push"] = "poll"
    age_seconds: float = 0.0
    """Market time since `quoted_at` when the book was handed out; an asked one is new."""


class DailyBar(Message):
    """One session of one code, oldest first wherever a list of them travels (R-GW-05)."""

    code: StockCode
    trade_date: date
    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    volume: int


class MinuteBar(Message):
    """One minute of one code; `started_at` is the first instant of the minute."""

    code: StockCode
    started_at: MarketTime
    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    volume: int


class IndexQuote(Message):
    """Level and day change of an index (0001 KOSPI, 1001 KOSDAQ)."""

    index_code: str
    level: float = Field(gt=0)
    change_pct: float
    quoted_at: MarketTime


class InvestorFlow(Message):
    """Net buying in shares of one trade date (수급); None where the source has no figure yet."""

    code: StockCode
    trade_date: date
    foreign_net_shares: int | None = None
    institution_net_shares: int | None = None
    individual_net_shares: int | None = None


class Listing(Message):
    """A listed code as the stock master knows it (종목 마스터)."""

    code: StockCode
    name: str
    market: Market
    sector_group: str | None = None
    market_cap_krw: int | None = None
    status: ListingStatus = ListingStatus.NORMAL


class SessionDay(Message):
    """The broker's word on one calendar day (chk-holiday)."""

    day: date
    is_open: bool


def bar_minute(exchange_time: datetime) -> datetime:
    """Start of the minute that holds `exchange_time`."""
    return exchange_time.replace(second=0, microsecond=0)
