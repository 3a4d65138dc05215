"""Typed client of kis-gateway: the only way any process reaches the broker."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import aiohttp
import orjson
from pydantic import TypeAdapter, ValidationError

from jennie_core.domain.base import Message
from jennie_core.domain.decisions import Refused, Unknown
from jennie_core.domain.market import DailyBar, IndexQuote, InvestorFlow, MinuteBar, OrderBook, Price, Quote, SessionDay
from jennie_core.domain.orders import (
    AccountBalance,
    BrokerOrder,
    BuyableCash,
    CancelRequest,
    OrderReply,
    OrderRequest,
    ReviseRequest,
    SellableShares,
)

M = TypeVar("M", bound=Message)
T = TypeVar("T")

READ_TIMEOUT_SECONDS = 5.0
ORDER_TIMEOUT_SECONDS = 10.0
_ORDER_TIMEOUT = aiohttp.ClientTimeout(total=ORDER_TIMEOUT_SECONDS, connect=1.0)
_JSON_BODY = {"Content-Type": "application/json"}

_DAILY = TypeAdapter(list[DailyBar])
_PRICES = TypeAdapter(list[Price])
_MINUTE = TypeAdapter(list[MinuteBar])
_ORDERS = TypeAdapter(list[BrokerOrder])
_FLOWS = TypeAdapter(list[InvestorFlow])
_DAYS = TypeAdapter(list[SessionDay])


class GatewayError(Exception):
    """A read could not be answered; the reading is unknown (I4)."""


class GatewayUnavailableError(GatewayError):
    """The gateway did not answer in time or at all."""


class GatewayRefusedError(GatewayError):
    """The gateway or the broker refused the read, with a rule."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


class GatewayClient:
    """One keep-alive HTTP session to the gateway; `token` is the service token."""

    def __init__(self, base_url: str, token: str, service: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "X-Service": service}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the session; call once inside the running loop."""
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=READ_TIMEOUT_SECONDS, connect=1.0),
            connector=aiohttp.TCPConnector(limit=32, keepalive_timeout=60),
        )

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def quote(self, code: str) -> Quote:
        """Current quote of a code."""
        return await self._model(Quote, "GET", "/api/market/snapshot", {"code": code})

    async def order_book(self, code: str) -> OrderBook:
        """Ten levels a side."""
        return await self._model(OrderBook, "GET", "/api/market/order-book", {"code": code})

    async def daily_bars(self, code: str, sessions: int, until: date | None = None) -> list[DailyBar]:
        """Up to `sessions` daily bars, oldest first, the last one at or before `until`."""
        query = {"code": code, "sessions": str(sessions)} | ({"until": until.isoformat()} if until else {})
        return await self._list(_DAILY, "/api/market/daily-prices", query)

    async def prices(self, codes: Sequence[str]) -> list[Price]:
        """Prices of up to 120 codes in few requests; a code that the broker does not know is absent."""
        return await self._list(_PRICES, "/api/market/prices", {"codes": ",".join(codes)})

    async def minute_bars(self, code: str, last: int | None = None, day: date | None = None) -> list[MinuteBar]:
        """Minute bars of today or of an earlier `day`, oldest first: the newest `last` or all.

        The broker gives 30 a request (120 for an earlier day): ask for few.
        """
        query = {"code": code} | ({"last": str(last)} if last else {}) | ({"day": day.isoformat()} if day else {})
        return await self._list(_MINUTE, "/api/market/minute-prices", query)

    async def investor_flows(self, code: str) -> list[InvestorFlow]:
        """Recent net buying, oldest first."""
        return await self._list(_FLOWS, "/api/market/investor-flows", {"code": code})

    async def index(self, index_code: str) -> IndexQuote:
        """Level of an index."""
        return await self._model(IndexQuote, "GET", "/api/market/index", {"index_code": index_code})

    async def session_days(self, start: date) -> list[SessionDay]:
        """The broker's calendar from `start`."""
        return await self._list(_DAYS, "/api/market/session-days", {"start": start.isoformat()})

    async def balance(self) -> AccountBalance:
        """Cash and holdings as the broker has them."""
        return await self._model(AccountBalance, "GET", "/api/account/balance", {})

    async def buyable_cash(self, code: str, limit_price_krw: int | None = None) -> BuyableCash:
        """What may be bought of a code at a limit price, or at the market without one."""
        query = {"code": code} | ({"limit_price_krw": str(limit_price_krw)} if limit_price_krw else {})
        return await self._model(BuyableCash, "GET", "/api/account/buyable-cash", query)

    async def sellable_shares(self, code: str) -> SellableShares:
        """What may be sold of a code."""
        return await self._model(SellableShares, "GET", "/api/account/sellable-shares", {"code": code})

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        """Every order of the day with its executions, oldest first."""
        return await self._list(_ORDERS, "/api/trading/orders", {"day": day.isoformat()})

    async def open_orders(self) -> list[BrokerOrder]:
        """Orders that can still fill."""
        return await self._list(_ORDERS, "/api/trading/open-orders", {})

    async def claim_codes(self, claimant: str, codes: list[str]) -> None:
        """Say which codes a claimant (held, open_orders, watchlist, manual) wants ticks for, best first (S4).

        Returns after the gateway has the broker's acknowledgements, or raises GatewayError.
        """
        await self._request("PUT", f"/api/realtime/claims/{claimant}", {}, body={"codes": codes})

    async def place(self, order: OrderRequest) -> OrderReply:
        """Place an order. Never raises for a lost reply: that is `Unknown`; never sends twice."""
        return await self._order_call("/api/trading/order", order, order.intent_id)

    async def cancel(self, request: CancelRequest) -> OrderReply:
        """Cancel the remainder of an order; the state is to be read back whatever the answer says."""
        return await self._order_call("/api/trading/cancel", request, request.intent_id)

    async def revise(self, request: ReviseRequest) -> OrderReply:
        """Give the remainder of an order another price; an acceptance carries the number that is alive from then on."""
        return await self._order_call("/api/trading/revise", request, request.intent_id)

    async def _order_call(self, path: str, request: Message, intent_id: str) -> OrderReply:
        if self._session is None:
            return OrderReply(intent_id=intent_id, outcome=Refused(rule="GW-CLIENT", text="client is not open"))
        try:
            async with self._session.post(
                self._base_url + path,
                data=request.model_dump_json().encode(),
                headers=_JSON_BODY,
                timeout=_ORDER_TIMEOUT,
            ) as response:
                body = await response.read()
                if response.status == 200:
                    return OrderReply.model_validate_json(body)
                if response.status in (401, 403, 409, 422, 429):
                    rule, detail = _problem(response.status, body)
                    outcome = Refused(rule=rule, code=str(response.status), text=detail)
                    return OrderReply(intent_id=intent_id, outcome=outcome)
                return OrderReply(intent_id=intent_id, outcome=Unknown(reason=f"gateway answered {response.status}"))
        except aiohttp.ClientConnectorError as error:
            return OrderReply(
                intent_id=intent_id,
                outcome=Refused(rule="GW-DOWN", text=f"gateway not reached: {type(error).__name__}"),
            )
        except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
            return OrderReply(
                intent_id=intent_id, outcome=Unknown(reason=f"no answer from the gateway: {type(error).__name__}")
            )

    async def _model(self, model: type[M], method: str, path: str, query: Mapping[str, str]) -> M:
        raw = await self._request(method, path, query)
        try:
            return model.model_validate_json(raw)
        except ValidationError as error:
            raise GatewayError(f"{path}: reply is not a {model.__name__}: {error.error_count()} errors") from error

    async def _list(self, adapter: TypeAdapter[list[T]], path: str, query: Mapping[str, str]) -> list[T]:
        raw = await self._request("GET", path, query)
        try:
            return adapter.validate_json(raw)
        except ValidationError as error:
            raise GatewayError(f"{path}: reply is malformed: {error.error_count()} errors") from error

    async def _request(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> bytes:
        if self._session is None:
            raise GatewayUnavailableError("client is not open")
        try:
            async with self._session.request(
                method,
                self._base_url + path,
                params=dict(query),
                data=None if body is None else orjson.dumps(body),
                headers=_JSON_BODY,
            ) as response:
                raw = await response.read()
                if response.status == 200:
                    return raw
                raise GatewayRefusedError(*_problem(response.status, raw))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GatewayUnavailableError(f"{path}: {type(error).__name__}") from error


def _problem(status: int, raw: bytes) -> tuple[str, str]:
    try:
        detail = orjson.loads(raw)
        return str(detail["rule"]), str(detail["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "GW-HTTP", f"status {status}"
