"""Tokens, approval keys and the hash of an order body."""

import hashlib
from datetime import timedelta

import orjson

from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.credentials import TOKEN_LIFE_MS
from jennie_sim.protocol.message import Reply, Request, oauth_failure


def issue_token(broker: Broker, request: Request) -> Reply:
    """`/oauth2/tokenP`: one a minute per appkey, the same token again within six hours."""
    app_key, secret = request.text("APPKEY"), request.text("APPSECRET")
    if not request.text("GRANT_TYPE"):
        return oauth_failure("EGW00115", "grant_type이 없습니다.")
    if request.text("GRANT_TYPE") != "client_credentials":
        return oauth_failure("EGW00116", "지원하지 않는 grant_type 입니다.")
    if refused := _check_pair(broker, app_key, secret):
        return refused
    if broker.settings.token_limit and not broker.keys.may_ask(app_key, broker.now_ms):
        broker.violations.record("token_rate", broker.now_ms, app_key=app_key)
        return oauth_failure("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)")
    token = broker.keys.issue(app_key, broker.now_ms)
    expires = broker.now + timedelta(milliseconds=TOKEN_LIFE_MS - (broker.now_ms - token.issued_ms))
    return Reply(
        {
            "access_token": token.text,
            "access_token_token_expired": f"{expires:%Y-%m-%d %H:%M:%S}",
            "token_type": "Bearer",
            "expires_in": 86_400,
        }
    )


def revoke_token(broker: Broker, request: Request) -> Reply:
    """`/oauth2/revokeP`."""
    if refused := _check_pair(broker, request.text("APPKEY"), request.text("APPSECRET")):
        return refused
    broker.keys.revoke(request.text("TOKEN"))
    return Reply({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"})


def issue_approval(broker: Broker, request: Request) -> Reply:
    """`/oauth2/Approval`: one a second; the secret travels as `secretkey`, one official example says `appsecret`."""
    app_key = request.text("APPKEY")
    if refused := _check_pair(broker, app_key, request.text("SECRETKEY") or request.text("APPSECRET")):
        return refused
    if not broker.limits.approvals.allows(app_key, broker.now_ms):
        broker.violations.record("approval_rate", broker.now_ms, app_key=app_key)
        return oauth_failure("EGW00201", "초당 거래건수를 초과하였습니다.")  # code and shape unverified
    return Reply({"approval_key": broker.keys.approve(app_key)})


def hash_body(broker: Broker, request: Request) -> Reply:
    """`/uapi/hashkey`: any digest will do, it is never verified."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = {}
    return Reply({"BODY": body, "HASH": hashlib.sha256(request.body).hexdigest()})


def _check_pair(broker: Broker, app_key: str, secret: str) -> Reply | None:
    if not app_key:
        return oauth_failure("EGW00102", "AppKey가 없습니다.")
    if not secret:
        return oauth_failure("EGW00104", "AppSecret이 없습니다.")
    if not broker.keys.knows(app_key):
        return oauth_failure("EGW00103", "유효하지 않은 AppKey입니다.")
    if not broker.keys.knows(app_key, secret):
        return oauth_failure("EGW00105", "유효하지 않은 AppSecret입니다.")
    return None
