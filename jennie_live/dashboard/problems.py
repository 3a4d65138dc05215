"""Errors as answers: each names its rule, says what is wrong and what to do next."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from jennie_infra.clock import MarketTimeUnknownError
from jennie_infra.dagster_client import DagsterError, DagsterUnavailableError
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.gateway_client import GatewayError, GatewayRefusedError
from jennie_live.dashboard.schemas.base import Problem


class ProblemError(Exception):
    """A request that cannot be served, with its status."""

    def __init__(self, status: int, rule: str, detail: str, next_step: str) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = Problem(rule=rule, detail=detail, next_step=next_step)


def of_store(error: StoreUnreadableError) -> Problem:
    """An unreadable store as a problem."""
    return Problem(rule=f"STORE-{error.store.upper()}", detail=str(error), next_step=error.next_step)


def of_gateway(error: GatewayError) -> Problem:
    """A failed read of the broker as a problem."""
    rule = error.rule if isinstance(error, GatewayRefusedError) else "BROKER-SILENT"
    return Problem(rule=rule, detail=str(error), next_step="check kis-gateway on the System page")


def of_dagster(error: DagsterError) -> Problem:
    """A failed call to Dagster as a problem."""
    rule = "DAGSTER-DOWN" if isinstance(error, DagsterUnavailableError) else "DAGSTER-REFUSED"
    return Problem(rule=rule, detail=str(error), next_step=error.next_step)


def install(app: FastAPI) -> None:
    """Answer known errors with their problem instead of a traceback."""

    @app.exception_handler(ProblemError)
    async def _problem(_request: Request, error: ProblemError) -> JSONResponse:
        return _answer(error.status, error.problem)

    @app.exception_handler(StoreUnreadableError)
    async def _store(_request: Request, error: StoreUnreadableError) -> JSONResponse:
        return _answer(503, of_store(error))

    @app.exception_handler(GatewayError)
    async def _gateway(_request: Request, error: GatewayError) -> JSONResponse:
        return _answer(503, of_gateway(error))

    @app.exception_handler(DagsterError)
    async def _dagster(_request: Request, error: DagsterError) -> JSONResponse:
        return _answer(503, of_dagster(error))

    @app.exception_handler(MarketTimeUnknownError)
    async def _time(_request: Request, error: MarketTimeUnknownError) -> JSONResponse:
        return _answer(
            503, Problem(rule="TIME-UNKNOWN", detail=str(error), next_step="check kis-gateway on the System page")
        )

    @app.exception_handler(RequestValidationError)
    async def _body(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _answer(
            422, Problem(rule="REQUEST", detail=f"{where}: {first['msg']}", next_step="correct the value and try again")
        )


def _answer(status: int, problem: Problem) -> JSONResponse:
    return JSONResponse(problem.model_dump(), status_code=status, headers={"Cache-Control": "no-store"})
