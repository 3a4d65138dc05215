"""The REST face: reads a request, asks the handler of its tr_id, writes the reply the way real clients need it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import orjson

from jennie_sim.exchange.orders import Refusal
from jennie_sim.faults.registry import Fault, FaultName
from jennie_sim.protocol import oauth
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.catalogue import CALLS, Call, canonical
from jennie_sim.protocol.message import Reply, Request, failure, refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
OauthHandler = Callable[[Broker, Request], Reply]

log = logging.getLogger("jennie_sim.rest")

NO_ORDER_PRODUCTS = ("29",)
"""ACNT_PRDT_CD of accounts that may not order: individual retirement pensions (IRP)."""

OAUTH: dict[str, OauthHandler] = {
    "/oauth2/tokenP": oauth.issue_token,
    "/oauth2/revokeP": oauth.revoke_token,
    "/oauth2/Approval": oauth.issue_approval,
    "/uapi/hashkey": oauth.hash_body,
}


async def serve_rest(broker: Broker, scope: Scope, receive: Receive, send: Send) -> None:
    """Handle one HTTP request of the broker's protocol."""
    request = await read_request(scope, receive)
    name, call = _target(request)
    broker.requests_served += 1
    if not broker.faults:
        await _write(request, _answer(broker, request, call), send)
        return
    occasion, targets = broker.occasion(request), (name, request.tr_id, canonical(request.tr_id))
    if fault := broker.faults.strike(FaultName.DROP_REQUEST, *targets, occasion=occasion):
        await _cut(fault, scope, receive)
        return
    delay = broker.faults.strike(FaultName.DELAY, *targets, occasion=occasion)
    if delay and not delay.params["after"]:
        await asyncio.sleep(delay.params["ms"] / 1_000)
    reply = _forced_status(broker, targets, occasion) or _answer(broker, request, call, occasion)
    if fault := broker.faults.strike(FaultName.ACCEPT_THEN_DROP_REPLY, *targets, occasion=occasion):
        await _cut(fault, scope, receive)
        return
    if delay and delay.params["after"]:
        await asyncio.sleep(delay.params["ms"] / 1_000)
    await _write(request, reply, send)


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Collect headers, query and JSON body; all names become case-insensitive."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    params: dict[str, Any] = {
        name.upper(): value for name, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    }
    if body:
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, dict):
            params.update({str(name).upper(): value for name, value in parsed.items()})
    return Request(scope["path"], scope["method"], headers, params, body)


def _target(request: Request) -> tuple[str, Call | None]:
    """Name of the endpoint for faults, and its handler; the tr_id decides, the path does not matter."""
    if request.path in OAUTH:
        return request.path.rsplit("/", 1)[-1], None
    call = CALLS.get(canonical(request.tr_id))
    return (call.name if call else request.path.rsplit("/", 1)[-1]), call


def _answer(broker: Broker, request: Request, call: Call | None, occasion: str = "") -> Reply:
    if request.path in OAUTH:
        return OAUTH[request.path](broker, request)
    if refused := _check_access(broker, request):
        return refused
    if call is None:
        return failure("OPSQ0002", "없는 서비스 코드 입니다.")
    if refused := _check_account(broker, request, call):
        return refused
    targets = (call.name, request.tr_id, canonical(request.tr_id))
    if fault := broker.faults.strike(FaultName.REJECT, *targets, occasion=occasion):
        if not fault.params["late"]:
            return call.reject(request, fault)
        broker.exchange.reject_next = True
    try:
        return call.handler(broker, request, canonical(request.tr_id))
    except Exception:  # a fault of ours must look like one of the broker's server, and be seen in the log
        log.exception("handler of %s failed", call.name)
        return failure("EGW00002", "서버 에러가 발생했습니다.", status=500)


def _check_access(broker: Broker, request: Request) -> Reply | None:
    app_key = request.headers.get("appkey", "")
    if not broker.keys.knows(app_key):
        return failure("EGW00103", "유효하지 않은 AppKey입니다.", status=403)
    if not broker.keys.knows(app_key, request.headers.get("appsecret", "")):
        return failure("EGW00105", "유효하지 않은 AppSecret입니다.", status=403)
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not token:
        return failure("EGW00122", "token을 찾을 수 없습니다.", status=500)
    problem = broker.keys.token_problem(token, app_key, broker.now_ms)
    if problem == "EGW00123":
        return failure(problem, "기간이 만료된 token 입니다.", status=500)
    if problem:
        return failure(problem, "유효하지 않은 token 입니다.", status=500)
    if not broker.limits.requests.allows(app_key, broker.now_ms):
        broker.violations.record("request_rate", broker.now_ms, app_key=app_key, tr_id=request.tr_id)
        return failure("EGW00201", "초당 거래건수를 초과하였습니다.", status=500)
    return None


def _check_account(broker: Broker, request: Request, call: Call) -> Reply | None:
    """Calls of the account ledger: their own limit, and the account must belong to the appkey."""
    if not call.is_of_account:
        return None
    app_key = request.headers.get("appkey", "")
    if not broker.limits.ledger.allows(app_key, broker.now_ms):
        broker.violations.record("ledger_rate", broker.now_ms, app_key=app_key, tr_id=request.tr_id)
        return failure("EGW00215", "원장 초당 거래건수를 초과하였습니다.", status=500)
    if not broker.keys.may_use(app_key, request.account):
        return refusal(Refusal.UNKNOWN_ACCOUNT, request.is_paper, request.account)
    if call.is_order and request.text("ACNT_PRDT_CD") in NO_ORDER_PRODUCTS:
        return refusal(Refusal.ACCOUNT_TYPE, request.is_paper)
    return None


def _forced_status(broker: Broker, targets: tuple[str, ...], occasion: str) -> Reply | None:
    fault = broker.faults.strike(FaultName.STATUS, *targets, occasion=occasion)
    if fault is None:
        return None
    body = fault.params["body"]
    if isinstance(body, str):
        return Reply({}, status=fault.params["status"], raw=body.encode())
    if isinstance(body, dict):
        return Reply(body, status=fault.params["status"])
    return failure(fault.params["msg_cd"], fault.params["msg1"], status=fault.params["status"])


async def _cut(fault: Fault, scope: Scope, receive: Receive) -> None:
    """Never answer: reset the connection, or let the client wait until it gives up."""
    abort = scope.get("jennie.abort")
    if fault.params["how"] == "reset" and abort is not None:
        abort()
        return
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(request: Request, reply: Reply, send: Send) -> None:
    """Title-Case standard headers, lower-case tr_id, tr_cont and gt_uid: other spellings break published clients."""
    body = reply.encode()
    headers = [
        (b"Content-Type", b"application/json; charset=utf-8"),
        (b"Content-Length", str(len(body)).encode()),
        (b"tr_id", request.tr_id.encode("latin-1")),
        (b"tr_cont", reply.tr_cont.encode()),
        (b"gt_uid", uuid4().hex.encode()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
