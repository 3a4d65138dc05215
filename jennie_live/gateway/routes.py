"""The gateway's reads and claims over HTTP: what jennie_infra/gateway_client.py calls."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator, Field

from jennie_core.domain.base import Message, PriceKrw, StockCode
from jennie_core.domain.enums import Mode
from jennie_core.domain.market import (
    DailyBar,
    IndexQuote,
    InvestorFlow,
    MinuteBar,
    OrderBook,
    Price,
    Quote,
    SessionDay,
)
from jennie_core.domain.orders import AccountBalance, BrokerOrder, BuyableCash, SellableShares
from jennie_infra.kis.capabilities import capability
from jennie_infra.kis.paging import LONGEST_DAILY_HISTORY, LONGEST_DAY_MINUTES
from jennie_infra.kis.reads import KisReads
from jennie_infra.kis.tr_ids import Function
from jennie_live.gateway.access import Caller, Code, TokenCheck
from jennie_live.gateway.books import BookShelf
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.problems import DOCUMENTED
from jennie_live.gateway.subscriptions import Claims

MOST_PRICES = 120

Codes = Annotated[
    tuple[StockCode, ...],
    BeforeValidator(lambda given: given[0].split(",") if len(given) == 1 else given),
    Field(min_length=1, max_length=MOST_PRICES),
    Query(description="codes with commas"),
]


class ClaimBody(Message):
    """What a claimant wants, best first."""

    codes: tuple[StockCode, ...]


class CapabilityRow(Message):
    """One function of the broker in this mode."""

    function: Function
    offered: bool
    substitute: str


class RealtimeStatus(Message):
    """Which codes have ticks by registration and which are polled."""

    connected: bool
    subscribed: tuple[str, ...]
    polled: tuple[str, ...]


def read_routes(reads: KisReads, shelf: BookShelf, check: TokenCheck) -> APIRouter:
    """Quotations and account inquiries."""
    router = APIRouter(prefix="/api", dependencies=[Depends(check)], tags=["reads"], responses=DOCUMENTED)
    _market_routes(router, reads, shelf)
    _account_routes(router, reads)
    return router


def _market_routes(router: APIRouter, reads: KisReads, shelf: BookShelf) -> None:

    @router.get("/market/snapshot")
    async def snapshot(code: Code, caller: Caller) -> Quote:
        """Current quote (현재가)."""
        return await reads.quote(code, caller)

    @router.get("/market/prices")
    async def prices(codes: Codes, caller: Caller) -> list[Price]:
        """Prices of many codes, 30 a request to the broker; a code that the broker does not know is absent."""
        return await reads.prices(codes, caller)

    @router.get("/market/order-book")
    async def order_book(code: Code, caller: Caller) -> OrderBook:
        """Ten levels a side (호가): the pushed book with its age while that is new, else asked of the broker."""
        return shelf.newest(code) or await reads.order_book(code, caller)

    @router.get("/market/daily-prices")
    async def daily_prices(
        code: Code,
        sessions: Annotated[int, Query(ge=1, le=LONGEST_DAILY_HISTORY)],
        caller: Caller,
        until: date | None = None,
    ) -> list[DailyBar]:
        """Adjusted daily bars, oldest first."""
        return await reads.daily_bars(code, sessions, until, caller)

    @router.get("/market/minute-prices")
    async def minute_prices(
        code: Code,
        caller: Caller,
        last: Annotated[int | None, Query(ge=1, le=LONGEST_DAY_MINUTES)] = None,
        day: date | None = None,
    ) -> list[MinuteBar]:
        """Minute bars of today or of an earlier day, oldest first: the newest `last`, or all of them.

        The broker gives 30 a request for today and 120 for an earlier day.
        """
        return await reads.minute_bars(code, last, day, caller)

    @router.get("/market/investor-flows")
    async def investor_flows(code: Code, caller: Caller) -> list[InvestorFlow]:
        """Recent net buying, oldest first (수급)."""
        return await reads.investor_flows(code, caller)

    @router.get("/market/index")
    async def index(index_code: Annotated[str, Query(pattern=r"^\d{4}$")], caller: Caller) -> IndexQuote:
        """Level of an index (0001 KOSPI, 1001 KOSDAQ)."""
        return await reads.index(index_code, caller)

    @router.get("/market/session-days")
    async def session_days(start: date, caller: Caller) -> list[SessionDay]:
        """The broker's calendar from `start`."""
        return await reads.session_days(start, caller)


def _account_routes(router: APIRouter, reads: KisReads) -> None:
    @router.get("/account/balance")
    async def balance(caller: Caller) -> AccountBalance:
        """Cash and holdings (잔고)."""
        return await reads.balance(caller)

    @router.get("/account/buyable-cash")
    async def buyable_cash(code: Code, caller: Caller, limit_price_krw: PriceKrw | None = None) -> BuyableCash:
        """What may be bought of a code (매수가능): at a limit price, or at the market without one."""
        return await reads.buyable_cash(code, limit_price_krw, caller)

    @router.get("/account/sellable-shares")
    async def sellable_shares(code: Code, caller: Caller) -> SellableShares:
        """What may be sold of a code (매도가능)."""
        return await reads.sellable_shares(code, caller)

    @router.get("/trading/orders")
    async def orders_of_day(day: date, caller: Caller) -> list[BrokerOrder]:
        """Every order of a day, oldest first."""
        return await reads.orders_of_day(day, caller)

    @router.get("/trading/open-orders")
    async def open_orders(caller: Caller) -> list[BrokerOrder]:
        """Orders that can still fill."""
        return await reads.open_orders(caller)


def capability_routes(mode: Mode, check: TokenCheck, *, real_quotes: bool) -> APIRouter:
    """What the mode's host offers."""
    router = APIRouter(prefix="/api", dependencies=[Depends(check)], tags=["capabilities"])

    @router.get("/capabilities")
    async def capabilities() -> list[CapabilityRow]:
        """Every function of the broker, whether this mode's host offers it, and what stands in where it does not."""
        rows = ((function, capability(function, mode, real_quotes=real_quotes)) for function in Function)
        return [CapabilityRow(function=name, offered=row.offered, substitute=row.substitute) for name, row in rows]

    return router


def claim_routes(claims: Claims, feed: Feed, check: TokenCheck) -> APIRouter:
    """Who wants ticks of which codes."""
    router = APIRouter(prefix="/api/realtime", dependencies=[Depends(check)], tags=["realtime"], responses=DOCUMENTED)

    @router.put("/claims/{claimant}")
    async def put_claims(claimant: str, body: ClaimBody) -> RealtimeStatus:
        """Replace a claimant's codes; answers after the broker's acknowledgements."""
        claims.put(claimant, body.codes)
        await feed.sync()
        return _status(feed)

    @router.get("/status")
    async def status() -> RealtimeStatus:
        """Registered and polled codes."""
        return _status(feed)

    return router


def _status(feed: Feed) -> RealtimeStatus:
    return RealtimeStatus(connected=feed.connected, subscribed=tuple(sorted(feed.subscribed)), polled=feed.polled())
