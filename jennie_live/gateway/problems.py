"""Errors as JSON with a 4xx or 5xx status; a 422 names the field, the value and the rule."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from jennie_core.domain.base import Message
from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.kis.errors import KisError
from jennie_live.gateway.feed import FeedUnavailableError
from jennie_live.gateway.subscriptions import UnknownClaimantError

JSON = "application/json"
LONGEST_SHOWN = 60


class Problem(Message):
    """Body of every error. `field` and `value` are given where one value of the request broke the rule."""

    rule: str
    detail: str
    field: str | None = None
    value: str | None = None


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "the service token is missing or wrong"},
    422: {"model": Problem, "description": "a value breaks a rule, or the broker refuses it"},
    429: {"model": Problem, "description": "the request budget is used up"},
    503: {"model": Problem, "description": "the broker does not answer"},
}


def problem(status: int, body: Problem) -> Response:
    """An error reply; 429 says when to come again."""
    headers = {"Retry-After": "1"} if status == 429 else None
    return Response(body.model_dump_json(), status_code=status, media_type=JSON, headers=headers)


def invalid(errors: Sequence[Mapping[str, Any]]) -> Response:
    """422 for the first of pydantic's errors. A missing or whole-body error has no value to show."""
    first = errors[0]
    where = [str(part) for part in first["loc"] if part not in ("query", "path", "body", "header")]
    field = ".".join(where) or "body"
    given = first.get("input")
    has_value = first["type"] != "missing" and not isinstance(given, Mapping | bytes)
    value = str(given)[:LONGEST_SHOWN] if has_value else None
    text = str(first["msg"]).removeprefix("Value error, ")
    shown = f"{field}: {text}" + (f", not {value!r}" if value is not None else "")
    return problem(422, Problem(rule="GW-REQUEST", detail=shown, field=field, value=value))


def invalid_model(error: ValidationError) -> Response:
    """422 for a body that is not its model."""
    return invalid(error.errors(include_url=False, include_context=False))


def add_problem_handlers(app: FastAPI) -> None:
    """Each kind of error has its status and its rule."""

    @app.exception_handler(KisError)
    async def kis(_request: Request, error: KisError) -> Response:
        return problem(error.status, Problem(rule=error.rule, detail=error.detail))

    @app.exception_handler(FeedUnavailableError)
    async def feed(_request: Request, error: FeedUnavailableError) -> Response:
        return problem(503, Problem(rule="GW-FEED", detail=f"the claim is noted; {error}"))

    @app.exception_handler(UnknownClaimantError)
    async def claimant(_request: Request, error: UnknownClaimantError) -> Response:
        return problem(404, Problem(rule="GW-CLAIMANT", detail=str(error)))

    @app.exception_handler(MarketTimeUnknownError)
    async def time_unknown(_request: Request, error: MarketTimeUnknownError) -> Response:
        return problem(503, Problem(rule="GW-TIME", detail=str(error)))

    @app.exception_handler(RequestValidationError)
    async def request_invalid(_request: Request, error: RequestValidationError) -> Response:
        return invalid(error.errors())

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        rule = "GW-TOKEN" if error.status_code == 401 else "GW-HTTP"
        return problem(error.status_code, Problem(rule=rule, detail=str(error.detail)))
