"""The broker's reads as domain models: paging, ascending order, substitutes where a mode lacks a call."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from jennie_core.domain.enums import Mode
from jennie_core.domain.market import DailyBar, IndexQuote, InvestorFlow, MinuteBar, OrderBook, Quote, SessionDay
from jennie_core.domain.orders import AccountBalance, BrokerOrder
from jennie_infra.kis import codec_account, codec_quotes
from jennie_infra.kis.capabilities import capability
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.codec_rest import RestCall, RestReply, next_pages
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import KisMalformedError, KisRefusedError
from jennie_infra.kis.tr_ids import Function

MAX_PAGES = 60
LONGEST_DAILY_HISTORY = 3_000
DAY_START = time(9, 0)


class KisReads:
    """Typed reads for one account. `now` is market time (T1); `caller` names the service that asks, for the budget."""

    def __init__(self, client: KisClient, who: Credentials, mode: Mode, now: Callable[[], datetime]) -> None:
        self._client = client
        self._who = who
        self._mode = mode
        self._now = now
        self._names: dict[str, str] = {}

    async def quote(self, code: str, caller: str) -> Quote:
        """Current quote."""
        reply = await self._client.read(codec_quotes.quote_call(code), caller)
        return codec_quotes.decode_quote(reply, code, self._names.get(code, ""), self._now())

    async def order_book(self, code: str, caller: str) -> OrderBook:
        """Ten levels a side."""
        reply = await self._client.read(codec_quotes.order_book_call(code), caller)
        return codec_quotes.decode_order_book(reply, code, self._now())

    async def daily_bars(self, code: str, sessions: int, until: date | None, caller: str) -> list[DailyBar]:
        """Up to `sessions` adjusted bars, oldest first (R-GW-05); pages by moving the end date back."""
        bars: dict[date, DailyBar] = {}
        end = until or self._now().date()
        for _ in range(MAX_PAGES):
            reply = await self._client.read(codec_quotes.daily_bars_call(code, end), caller)
            if name := codec_quotes.stock_name(reply):
                self._names[code] = name
            page = [bar for bar in codec_quotes.decode_daily_bars(reply, code) if bar.trade_date <= end]
            if not page:
                break
            bars |= {bar.trade_date: bar for bar in page}
            if len(bars) >= sessions:
                break
            end = min(bar.trade_date for bar in page) - timedelta(days=1)
        return [bars[day] for day in sorted(bars)][-sessions:]

    async def minute_bars(self, code: str, last: int | None, caller: str) -> list[MinuteBar]:
        """Today's minute bars, oldest first, the newest `last` of them or all; 30 a request."""
        bars: dict[datetime, MinuteBar] = {}
        today = self._now().date()
        anchor = self._now()
        for _ in range(MAX_PAGES):
            call = codec_quotes.minute_bars_call(code, anchor.strftime("%H%M%S"))
            page = codec_quotes.decode_minute_bars(await self._client.read(call, caller), code)
            fresh = [bar for bar in page if bar.started_at.date() == today and bar.started_at not in bars]
            if not fresh:
                break
            bars |= {bar.started_at: bar for bar in fresh}
            oldest = min(bar.started_at for bar in fresh)
            if oldest.time() <= DAY_START or (last is not None and len(bars) >= last):
                break
            anchor = oldest - timedelta(minutes=1)
        ordered = [bars[start] for start in sorted(bars)]
        return ordered if last is None else ordered[-last:]

    async def investor_flows(self, code: str, caller: str) -> list[InvestorFlow]:
        """Recent net buying, oldest first."""
        return codec_quotes.decode_investor_flows(
            await self._client.read(codec_quotes.investor_flows_call(code), caller), code
        )

    async def index(self, index_code: str, caller: str) -> IndexQuote:
        """Level of an index; refused in paper mode."""
        self._require(Function.INDEX)
        reply = await self._client.read(codec_quotes.index_call(index_code), caller)
        return codec_quotes.decode_index(reply, index_code, self._now())

    async def session_days(self, start: date, caller: str) -> list[SessionDay]:
        """The broker's calendar from `start`; refused in paper mode, where the committed calendar stands alone."""
        self._require(Function.SESSION_DAYS)
        return codec_quotes.decode_session_days(await self._client.read(codec_quotes.session_days_call(start), caller))

    async def balance(self, caller: str) -> AccountBalance:
        """Cash and holdings; two requests, and one more per page."""
        pages = await self._pages(codec_account.balance_call(self._who), caller)
        buyable = await self._client.read(codec_account.buyable_cash_call(self._who), caller)
        found = codec_account.decode_balance(pages, codec_account.decode_orderable_cash(buyable), self._now())
        self._names |= {holding.stock_code: holding.stock_name for holding in found.holdings}
        return found

    async def orders_of_day(self, on: date, caller: str) -> list[BrokerOrder]:
        """Every order of a day with what was filled, oldest first; other venues included where the host lists them."""
        return codec_account.decode_orders(
            await self._pages(codec_account.orders_of_day_call(self._who, on, self._venue), caller)
        )

    async def open_orders(self, caller: str) -> list[BrokerOrder]:
        """Orders that can still fill; in paper mode the unfilled rows of the order list stand in."""
        today = self._now().date()
        if capability(Function.OPEN_ORDERS, self._mode).offered:
            pages = await self._pages(codec_account.open_orders_call(self._who), caller)
            return codec_account.decode_open_orders(pages, today)
        call = codec_account.orders_of_day_call(self._who, today, self._venue, open_only=True)
        orders = codec_account.decode_orders(await self._pages(call, caller))
        return [order for order in orders if order.remaining_quantity > 0 and not order.is_cancelled]

    @property
    def _venue(self) -> str:
        return "KRX" if self._mode is Mode.PAPER else "ALL"

    def _require(self, function: Function) -> None:
        if not capability(function, self._mode).offered:
            raise KisRefusedError("GW-MODE", "", f"{function.value} is not offered in {self._mode.value} mode")

    async def _pages(self, call: RestCall, caller: str) -> list[RestReply]:
        pages: list[RestReply] = []
        following: RestCall | None = call
        while following is not None:
            if len(pages) >= MAX_PAGES:
                raise KisMalformedError("BROKER-SHAPE", f"{call.function.value} does not end after {MAX_PAGES} pages")
            pages.append(await self._client.read(following, caller))
            following = next(next_pages(pages[-1], following), None)
        return pages
