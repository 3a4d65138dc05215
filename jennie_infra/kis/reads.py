"""The broker's reads as domain models: ascending order, substitutes where a mode lacks a call (capabilities.py)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from jennie_core.domain.enums import Mode, OrderType
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
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.kis import codec_account, codec_market, codec_orderable, codec_quotes
from jennie_infra.kis.capabilities import capability
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import KisRefusedError
from jennie_infra.kis.paging import all_pages, daily_bars, minute_bars
from jennie_infra.kis.tr_ids import Function

CALENDAR_DAYS = 25
"""How far chk-holiday looks ahead; the committed calendar answers as far where it stands in."""


class KisReads:
    """Typed reads for one account. `now` is market time (T1); `caller` names the service that asks, for the budget.

    `quotations` is a client of the real host for calls that name no account, where paper mode has a key for it.
    """

    def __init__(
        self,
        client: KisClient,
        who: Credentials,
        mode: Mode,
        now: Callable[[], datetime],
        quotations: KisClient | None = None,
    ) -> None:
        self._client = client
        self._quotations = quotations or client
        self._real_quotes = quotations is not None
        self._who = who
        self._mode = mode
        self._now = now
        self._names: dict[str, str] = {}

    async def quote(self, code: str, caller: str) -> Quote:
        """Current quote."""
        reply = await self._quotations.read(codec_quotes.quote_call(code), caller)
        return codec_quotes.decode_quote(reply, code, self._names.get(code, ""), self._now())

    async def prices(self, codes: Sequence[str], caller: str) -> list[Price]:
        """Prices of many codes, 30 a request; a code the broker does not know is absent. One quote each on paper."""
        if not self._offers(Function.PRICES):
            answers = await asyncio.gather(*(self._price(code, caller) for code in codes))
            return [price for price in answers if price is not None]
        found: list[Price] = []
        for start in range(0, len(codes), codec_market.CODES_PER_CALL):
            call = codec_market.prices_call(codes[start : start + codec_market.CODES_PER_CALL])
            found += codec_market.decode_prices(await self._quotations.read(call, caller), self._now())
        return found

    async def order_book(self, code: str, caller: str) -> OrderBook:
        """Ten levels a side."""
        reply = await self._quotations.read(codec_quotes.order_book_call(code), caller)
        return codec_quotes.decode_order_book(reply, code, self._now())

    async def daily_bars(self, code: str, sessions: int, until: date | None, caller: str) -> list[DailyBar]:
        """Up to `sessions` adjusted bars, oldest first (R-GW-05)."""
        bars, name = await daily_bars(self._quotations, code, sessions, until or self._now().date(), caller)
        if name:
            self._names[code] = name
        return bars

    async def minute_bars(self, code: str, last: int | None, on: date | None, caller: str) -> list[MinuteBar]:
        """Minute bars of today, or of an earlier day `on`, oldest first: the newest `last` of them or all."""
        now = self._now()
        if on is not None and on > now.date():
            raise KisRefusedError("GW-DAY", "", f"day: {on} lies after {now.date()}")
        return await minute_bars(self._quotations, code, last, now, on or now.date(), caller)

    async def investor_flows(self, code: str, caller: str) -> list[InvestorFlow]:
        """Recent net buying, oldest first."""
        reply = await self._quotations.read(codec_quotes.investor_flows_call(code), caller)
        return codec_quotes.decode_investor_flows(reply, code)

    async def index(self, index_code: str, caller: str) -> IndexQuote:
        """Level of an index; on paper the summary of its chart."""
        if self._offers(Function.INDEX):
            reply = await self._quotations.read(codec_market.index_call(index_code), caller)
            return codec_market.decode_index(reply, index_code, self._now())
        reply = await self._quotations.read(codec_market.index_bars_call(index_code, self._now().date()), caller)
        return codec_market.decode_index_summary(reply, index_code, self._now())

    async def session_days(self, start: date, caller: str) -> list[SessionDay]:
        """The broker's calendar from `start`; on paper the committed calendar, without the days it does not know."""
        if self._offers(Function.SESSION_DAYS):
            reply = await self._quotations.read(codec_market.session_days_call(start), caller)
            return codec_market.decode_session_days(reply)
        calendar = KrxCalendar.shipped()
        days = ((day, calendar.is_session(day)) for day in (start + timedelta(days=n) for n in range(CALENDAR_DAYS)))
        return [SessionDay(day=day, is_open=is_open) for day, is_open in days if is_open is not None]

    async def balance(self, caller: str) -> AccountBalance:
        """Cash and holdings; two requests, and one more per page."""
        pages = await all_pages(self._client, codec_account.balance_call(self._who), caller)
        buyable = await self._client.read(codec_orderable.buyable_cash_call(self._who), caller)
        found = codec_account.decode_balance(pages, codec_orderable.decode_orderable_cash(buyable), self._now())
        self._names |= {holding.stock_code: holding.stock_name for holding in found.holdings}
        return found

    async def buyable_cash(self, code: str, limit_price_krw: int | None, caller: str) -> BuyableCash:
        """What may be bought of a code at a limit, or at the market without one."""
        reply = await self._client.read(codec_orderable.buyable_call(self._who, code, limit_price_krw), caller)
        order_type = OrderType.LIMIT if limit_price_krw else OrderType.MARKET
        return codec_orderable.decode_buyable(reply, code, order_type, self._now())

    async def sellable_shares(self, code: str, caller: str) -> SellableShares:
        """What may be sold of a code; on paper the balance says it."""
        if self._offers(Function.SELLABLE_SHARES):
            reply = await self._client.read(codec_orderable.sellable_call(self._who, code), caller)
            return codec_orderable.decode_sellable(reply, code, self._now())
        return codec_orderable.sellable_of(await self.balance(caller), code)

    async def orders_of_day(self, on: date, caller: str) -> list[BrokerOrder]:
        """Every order of a day with what was filled, oldest first; other venues included where the host lists them."""
        call = codec_account.orders_of_day_call(self._who, on, self._venue)
        return codec_account.decode_orders(await all_pages(self._client, call, caller))

    async def open_orders(self, caller: str) -> list[BrokerOrder]:
        """Orders that can still fill; on paper the unfilled rows of the order list stand in."""
        today = self._now().date()
        if self._offers(Function.OPEN_ORDERS):
            pages = await all_pages(self._client, codec_account.open_orders_call(self._who), caller)
            return codec_account.decode_open_orders(pages, today)
        call = codec_account.orders_of_day_call(self._who, today, self._venue, open_only=True)
        orders = codec_account.decode_orders(await all_pages(self._client, call, caller))
        return [order for order in orders if order.remaining_quantity > 0 and not order.is_cancelled]

    async def _price(self, code: str, caller: str) -> Price | None:
        try:
            return codec_market.price_of(await self.quote(code, caller))
        except KisRefusedError:
            return None

    @property
    def _venue(self) -> str:
        return "KRX" if self._mode is Mode.PAPER else "ALL"

    def _offers(self, function: Function) -> bool:
        return capability(function, self._mode, real_quotes=self._real_quotes).offered
