"""Order, revise and cancel over HTTP: the body straight into its model, the reply straight out (the hot path)."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from jennie_core.domain.base import Message
from jennie_core.domain.orders import CancelRequest, OrderReply, OrderRequest, ReviseRequest
from jennie_live.gateway.access import SECURITY, TokenCheck
from jennie_live.gateway.orders import OrderDesk
from jennie_live.gateway.problems import DOCUMENTED, JSON, Problem, invalid_model, problem

T = TypeVar("T", bound=Message)
Endpoint = Callable[[Request], Awaitable[Response]]


class OrderLane:
    """ASGI middleware: takes the order calls straight to their endpoints, past the search for the route and FastAPI's
    layers, which an endpoint that reads its own body does not need. Everything else, another method of the same paths
    included, goes on to the app.
    """

    def __init__(self, app: ASGIApp, endpoints: dict[str, Endpoint]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)


def add_order_routes(app: FastAPI, desk: OrderDesk, check: TokenCheck) -> None:
    """The three calls that move money: documented like any route, called through the lane."""

    async def place(request: Request) -> Response:
        """Place an order once; a repeated intent returns what came of it before (O2)."""
        return await _order_call(request, check, OrderRequest.model_validate_json, desk.place)

    async def revise(request: Request) -> Response:
        """Give the remainder of an order another price, once per revision (O2); the broker's new number comes back."""
        return await _order_call(request, check, ReviseRequest.model_validate_json, desk.revise)

    async def cancel(request: Request) -> Response:
        """Cancel the whole remainder of an order."""
        return await _order_call(request, check, CancelRequest.model_validate_json, desk.cancel)

    endpoints: dict[str, Endpoint] = {}
    for path, endpoint, model in (
        ("/api/trading/order", place, OrderRequest),
        ("/api/trading/revise", revise, ReviseRequest),
        ("/api/trading/cancel", cancel, CancelRequest),
    ):
        endpoints[path] = endpoint
        app.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            tags=["orders"],
            responses={200: {"model": OrderReply}, **{status: DOCUMENTED[status] for status in (401, 422)}},
            openapi_extra={
                "requestBody": {"required": True, "content": {JSON: {"schema": model.model_json_schema()}}},
                "security": SECURITY,
            },
        )
    app.add_middleware(OrderLane, endpoints=endpoints)


async def _order_call(
    request: Request,
    check: TokenCheck,
    parse: Callable[[bytes], T],
    act: Callable[[T], Awaitable[OrderReply]],
) -> Response:
    if not check.passes(request.headers.get("authorization")):
        return problem(401, Problem(rule="GW-TOKEN", detail="the service token is missing or wrong"))
    try:
        order = parse(await request.body())
    except ValidationError as error:
        return invalid_model(error)
    reply = await act(order)
    return Response(reply.model_dump_json(), media_type=JSON)
