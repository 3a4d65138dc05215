"""The gateway's HTTP API: what jennie_infra/gateway_client.py calls. Everything below /api needs the service token."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from jennie_core.domain.base import Message, StockCode
from jennie_core.domain.market import DailyBar, IndexQuote, InvestorFlow, MinuteBar, OrderBook, Quote, SessionDay
from jennie_core.domain.orders import (
    AccountBalance,
    BrokerOrder,
    CancelRequest,
    OrderReply,
    OrderRequest,
    ReviseRequest,
)
from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.kis.errors import KisError
from jennie_infra.kis.reads import LONGEST_DAILY_HISTORY, KisReads
from jennie_live.gateway.feed import Feed, FeedUnavailableError
from jennie_live.gateway.orders import OrderDesk
from jennie_live.gateway.subscriptions import Claims, UnknownClaimantError

T = TypeVar("T", bound=Message)

BEARER = "Bearer "
JSON = "application/json"


class Problem(Message):
    """Body of every error."""

    rule: str
    detail: str


class ClaimBody(Message):
    """What a claimant wants, best first."""

    codes: tuple[StockCode, ...]


class RealtimeStatus(Message):
    """Which codes have ticks by registration and which are polled."""

    connected: bool
    subscribed: tuple[str, ...]
    polled: tuple[str, ...]


def problem(status: int, rule: str, detail: str) -> Response:
    """An error reply; 429 says when to come again."""
    headers = {"Retry-After": "1"} if status == 429 else None
    body = Problem(rule=rule, detail=detail).model_dump_json()
    return Response(body, status_code=status, media_type=JSON, headers=headers)


class TokenCheck:
    """Compares the bearer token in constant time."""

    def __init__(self, token: str) -> None:
        self._expected = (BEARER + token).encode()

    def passes(self, authorization: str | None) -> bool:
        """Whether the header carries the service token."""
        return authorization is not None and hmac.compare_digest(authorization.encode(), self._expected)

    async def __call__(self, authorization: Annotated[str | None, Header()] = None) -> None:
        """FastAPI dependency; 401 without the token."""
        if not self.passes(authorization):
            raise HTTPException(401, "the service token is missing or wrong")


async def _caller(x_service: Annotated[str, Header()] = "unnamed") -> str:
    return x_service


Caller = Annotated[str, Depends(_caller)]
Code = Annotated[StockCode, Query()]


def read_routes(reads: KisReads, check: TokenCheck) -> APIRouter:
    """Quotations and account inquiries."""
    router = APIRouter(prefix="/api", dependencies=[Depends(check)], tags=["reads"])

    @router.get("/market/snapshot")
    async def snapshot(code: Code, caller: Caller) -> Quote:
        """Current quote (현재가)."""
        return await reads.quote(code, caller)

    @router.get("/market/order-book")
    async def order_book(code: Code, caller: Caller) -> OrderBook:
        """Ten levels a side (호가)."""
        return await reads.order_book(code, caller)

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
        code: Code, caller: Caller, last: Annotated[int | None, Query(ge=1, le=400)] = None
    ) -> list[MinuteBar]:
        """Today's minute bars, oldest first: the newest `last`, or all of them (30 a request to the broker)."""
        return await reads.minute_bars(code, last, caller)

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

    @router.get("/account/balance")
    async def balance(caller: Caller) -> AccountBalance:
        """Cash and holdings (잔고)."""
        return await reads.balance(caller)

    @router.get("/trading/orders")
    async def orders_of_day(day: date, caller: Caller) -> list[BrokerOrder]:
        """Every order of a day, oldest first."""
        return await reads.orders_of_day(day, caller)

    @router.get("/trading/open-orders")
    async def open_orders(caller: Caller) -> list[BrokerOrder]:
        """Orders that can still fill."""
        return await reads.open_orders(caller)

    return router


def claim_routes(claims: Claims, feed: Feed, check: TokenCheck) -> APIRouter:
    """Who wants ticks of which codes."""
    router = APIRouter(prefix="/api/realtime", dependencies=[Depends(check)], tags=["realtime"])

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


def add_order_routes(app: FastAPI, desk: OrderDesk, check: TokenCheck) -> None:
    """Order, revise and cancel: the body goes straight into its model and the reply straight out (the hot path)."""

    async def place(request: Request) -> Response:
        """Place an order once; a repeated intent returns what came of it before (O2)."""
        return await _order_call(request, check, OrderRequest.model_validate_json, desk.place)

    async def revise(request: Request) -> Response:
        """Give the remainder of an order another price, once per revision (O2); the broker's new number comes back."""
        return await _order_call(request, check, ReviseRequest.model_validate_json, desk.revise)

    async def cancel(request: Request) -> Response:
        """Cancel the whole remainder of an order."""
        return await _order_call(request, check, CancelRequest.model_validate_json, desk.cancel)

    for path, endpoint, model in (
        ("/api/trading/order", place, OrderRequest),
        ("/api/trading/revise", revise, ReviseRequest),
        ("/api/trading/cancel", cancel, CancelRequest),
    ):
        app.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            tags=["orders"],
            responses={200: {"model": OrderReply}},
            openapi_extra={"requestBody": {"required": True, "content": {JSON: {"schema": model.model_json_schema()}}}},
        )


async def _order_call(
    request: Request,
    check: TokenCheck,
    parse: Callable[[bytes], T],
    act: Callable[[T], Awaitable[OrderReply]],
) -> Response:
    if not check.passes(request.headers.get("authorization")):
        return problem(401, "GW-TOKEN", "the service token is missing or wrong")
    try:
        order = parse(await request.body())
    except ValidationError as error:
        return problem(422, "GW-REQUEST", _first(error))
    reply = await act(order)
    return Response(reply.model_dump_json(), media_type=JSON)


def add_problem_handlers(app: FastAPI) -> None:
    """Errors as JSON {"rule", "detail"} with a 4xx or 5xx status."""

    @app.exception_handler(KisError)
    async def kis(_request: Request, error: KisError) -> Response:
        return problem(error.status, error.rule, error.detail)

    @app.exception_handler(FeedUnavailableError)
    async def feed(_request: Request, error: FeedUnavailableError) -> Response:
        return problem(503, "GW-FEED", f"the claim is noted; {error}")

    @app.exception_handler(UnknownClaimantError)
    async def claimant(_request: Request, error: UnknownClaimantError) -> Response:
        return problem(404, "GW-CLAIMANT", str(error))

    @app.exception_handler(MarketTimeUnknownError)
    async def time_unknown(_request: Request, error: MarketTimeUnknownError) -> Response:
        return problem(503, "GW-TIME", str(error))

    @app.exception_handler(RequestValidationError)
    async def request_invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return problem(422, "GW-REQUEST", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, "GW-TOKEN" if error.status_code == 401 else "GW-HTTP", str(error.detail))


def _status(feed: Feed) -> RealtimeStatus:
    return RealtimeStatus(connected=feed.connected, subscribed=tuple(sorted(feed.subscribed)), polled=feed.polled())


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
