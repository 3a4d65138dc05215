"""HTTP to the broker: reads with retries and a breaker, orders exactly once, a deadline on everything."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from jennie_core.domain.decisions import OrderOutcome, Refused, Unknown
from jennie_core.domain.enums import Mode
from jennie_infra.clock import real_now_us
from jennie_infra.kis.circuits import Circuits
from jennie_infra.kis.codec_orders import decode_order_reply
from jennie_infra.kis.codec_rest import RestCall, RestReply
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import (
    BreakerOpenError,
    BudgetExhaustedError,
    KisError,
    KisMalformedError,
    KisRateLimitedError,
    KisRefusedError,
    KisTokenDeadError,
    KisUnavailableError,
    KisUnreachedError,
    TokenUnavailableError,
    classify,
)
from jennie_infra.kis.limits import CallKind, RequestBudget
from jennie_infra.kis.token import IssuedToken, TokenKeeper
from jennie_infra.kis.tr_ids import ENDPOINTS, Function, Generation, path, tr_id

READ_DEADLINE_SECONDS = 4.5
ORDER_REPLY_SECONDS = 8.0
TOKEN_DEADLINE_SECONDS = 5.0
CONNECT_SECONDS = 1.0
READ_ATTEMPTS = 3
ORDER_KEEPALIVE_SECONDS = 4.0
"""Shorter than a server's usual five: an order on a socket that the server is closing would be an unknown outcome."""

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class OrderSent:
    """Outcome of an order call; `sent_at_us` is None when nothing left the machine."""

    outcome: OrderOutcome
    sent_at_us: int | None = None


NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Nothing can have left: there was no connection to leave on."""

_NOT_AGAIN = (BreakerOpenError, BudgetExhaustedError, KisRateLimitedError, TokenUnavailableError)


def _worth_retrying(error: BaseException) -> bool:
    """A passing fault or a token that died; not a limit, a refusal or a reply that makes no sense."""
    return isinstance(error, KisUnavailableError) and not isinstance(error, _NOT_AGAIN)


class KisClient:
    """All requests of the gateway to the REST host. `tokens` is attached after construction (it issues through us)."""

    def __init__(
        self, rest_url: str, mode: Mode, who: Credentials, budget: RequestBudget, generation: Generation = "new"
    ) -> None:
        self._rest_url = rest_url.rstrip("/")
        self._mode = mode
        self._who = who
        self._generation = generation
        self.budget = budget
        self.circuits = Circuits()
        self.tokens: TokenKeeper | None = None
        self._reads: aiohttp.ClientSession | None = None
        self._orders: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open one pool for reads and one for orders: a slow read never holds an order's connection."""
        self._reads = _session(keepalive=30.0)
        self._orders = _session(keepalive=ORDER_KEEPALIVE_SECONDS)

    async def close(self) -> None:
        """Close both pools."""
        for session in (self._reads, self._orders):
            if session is not None:
                await session.close()

    async def read(self, call: RestCall, caller: str, deadline_seconds: float = READ_DEADLINE_SECONDS) -> RestReply:
        """A read with up to three tries inside the deadline. Raises KisError."""
        try:
            async with asyncio.timeout(deadline_seconds):
                async for attempt in AsyncRetrying(
                    stop=stop_after_attempt(READ_ATTEMPTS),
                    wait=wait_random_exponential(multiplier=0.2, max=1.0),
                    retry=retry_if_exception(_worth_retrying),
                    reraise=True,
                ):
                    with attempt:
                        return await self._read_once(call, caller, deadline_seconds)
        except TimeoutError:
            raise KisUnavailableError(
                "GW-DEADLINE", f"{call.function.value} took over {deadline_seconds:.1f} s"
            ) from None
        raise AssertionError("a retry loop ends by return or exception")

    async def _read_once(self, call: RestCall, caller: str, wait_seconds: float) -> RestReply:
        function = call.function
        self.circuits.check(function)
        try:
            token = await self._token(wait_seconds)
            await self.budget.acquire(CallKind.READ, caller, wait_seconds)
        except BaseException:
            self.circuits.abandoned(function)
            raise
        try:
            reply = await self._ask(call, token)
        except (KisRefusedError, KisMalformedError, KisRateLimitedError, KisTokenDeadError):
            self.circuits.succeeded(function)
            raise
        except (KisUnavailableError, asyncio.CancelledError) as lost:
            self.circuits.failed(function, unreached=isinstance(lost, KisUnreachedError))
            raise
        self.circuits.succeeded(function)
        return reply

    async def _ask(self, call: RestCall, token: str) -> RestReply:
        session = _opened(self._reads)
        try:
            async with session.get(
                self._rest_url + path(call.function), params=dict(call.fields), headers=self._headers(call, token)
            ) as response:
                body = _json(await response.read())
                failure = classify(response.status, body)
                if failure is None and isinstance(body, dict):
                    return RestReply(body, response.headers.get("tr_cont", ""))
                error = failure.as_error() if failure else KisMalformedError("BROKER-SHAPE", "reply is not an object")
        except NO_CONNECTION as lost:
            raise KisUnreachedError("BROKER-UNREACHED", f"{call.function.value}: {type(lost).__name__}") from lost
        except (aiohttp.ClientError, TimeoutError) as lost:
            raise KisUnavailableError("BROKER-DOWN", f"{call.function.value}: {type(lost).__name__}") from lost
        if isinstance(error, KisTokenDeadError) and self.tokens is not None:
            self.tokens.reject(token)
        raise error

    async def send_order(self, call: RestCall, deadline: float) -> OrderSent:
        """Send an order or cancel once. `deadline` (monotonic) bounds the waiting before it is sent, never after.

        Nothing here sends twice: no retry wraps this call, and aiohttp repeats idempotent methods only.
        """
        try:
            token = await self._token(deadline - time.monotonic())
            kind = CallKind.ENTRY if call.function is Function.BUY else CallKind.EXIT
            await self.budget.acquire(kind, call.function.value, deadline - time.monotonic())
        except KisError as error:
            return OrderSent(Refused(rule=error.rule, text=f"not sent: {error.detail}"))
        rest = deadline - time.monotonic()
        if rest <= 0:
            return OrderSent(Refused(rule="GW-DEADLINE", text="not sent: its time was over before it could leave"))
        body = orjson.dumps(call.fields)
        headers = self._headers(call, token)
        timeout = aiohttp.ClientTimeout(total=ORDER_REPLY_SECONDS, connect=min(CONNECT_SECONDS, rest))
        sent_at_us = real_now_us()
        try:
            async with _opened(self._orders).post(
                self._rest_url + path(call.function), data=body, headers=headers, timeout=timeout
            ) as response:
                parsed = _json(await response.read())
                outcome = decode_order_reply(response.status, parsed)
        except NO_CONNECTION as error:
            self.circuits.failed(call.function, unreached=True)
            return OrderSent(Refused(rule="GW-UNREACHED", text=f"not sent: no connection ({type(error).__name__})"))
        except (aiohttp.ClientError, TimeoutError) as error:
            self.circuits.failed(call.function)
            return OrderSent(Unknown(reason=f"no answer from the broker: {type(error).__name__}"), sent_at_us)
        self.circuits.succeeded(call.function)
        if isinstance(outcome, Refused) and outcome.rule == "BROKER-TOKEN" and self.tokens is not None:
            self.tokens.reject(token)
        return OrderSent(outcome, sent_at_us)

    async def issue_token(self) -> IssuedToken:
        """POST /oauth2/tokenP. Raises KisError; EGW00133 arrives as KisRateLimitedError."""
        body = await self._authorise(
            "/oauth2/tokenP",
            {"grant_type": "client_credentials", "appkey": self._who.app_key, "appsecret": self._who.app_secret},
        )
        token, life = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(life, int | float | str):
            raise _failure(body, "token reply has no access_token")
        return IssuedToken(token, int(life))

    async def approval_key(self) -> str:
        """POST /oauth2/Approval: the key that opens the WebSocket."""
        body = await self._authorise(
            "/oauth2/Approval",
            {"grant_type": "client_credentials", "appkey": self._who.app_key, "secretkey": self._who.app_secret},
        )
        key = body.get("approval_key")
        if not isinstance(key, str) or not key:
            raise _failure(body, "approval reply has no approval_key")
        return key

    async def _authorise(self, where: str, fields: dict[str, str]) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=TOKEN_DEADLINE_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with _opened(self._reads).post(
                self._rest_url + where,
                data=orjson.dumps(fields),
                headers={"Content-Type": JSON_TYPE},
                timeout=timeout,
            ) as response:
                body = _json(await response.read())
        except NO_CONNECTION as error:
            raise KisUnreachedError("BROKER-UNREACHED", f"{where}: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise KisUnavailableError("BROKER-DOWN", f"{where}: {type(error).__name__}") from error
        if not isinstance(body, dict):
            raise KisMalformedError("BROKER-SHAPE", f"{where}: the reply is not an object")
        return body

    async def _token(self, wait_seconds: float) -> str:
        if self.tokens is None:
            raise TokenUnavailableError("GW-TOKEN", "the token keeper is not attached")
        return await self.tokens.get(max(0.0, wait_seconds))

    def _headers(self, call: RestCall, token: str) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {token}",
            "appkey": self._who.app_key,
            "appsecret": self._who.app_secret,
            "tr_id": tr_id(call.function, self._mode, self._generation),
            "custtype": "P",
            "tr_cont": "N" if call.next_page else "",
        }
        if ENDPOINTS[call.function].method == "POST":
            headers["Content-Type"] = JSON_TYPE
        return headers


def _session(keepalive: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=READ_DEADLINE_SECONDS, connect=CONNECT_SECONDS),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=keepalive),
    )


def _opened(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
    if session is None:
        raise KisUnavailableError("GW-CLIENT", "the client is not open")
    return session


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _failure(body: dict[str, Any], otherwise: str) -> KisError:
    failure = classify(0, body)
    if failure is None or not failure.code:
        return KisMalformedError("BROKER-SHAPE", otherwise)
    return failure.as_error()
