"""Control frames of the broker's WebSocket: heartbeat, registration and its answer (section 4.1, 4.2)."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from jennie_infra.kis.ws_time import date_time_us

REGISTER: Final = "1"
RELEASE: Final = "2"
SUBSCRIBED = "OPSP0000"
RELEASED = "OPSP0001"
ALREADY_SUBSCRIBED = "OPSP0002"
NOT_SUBSCRIBED = "OPSP0003"
MAX_SUBSCRIBED = "OPSP0008"
KEY_IN_USE = "OPSP8996"


@dataclass(frozen=True, slots=True)
class PingPong:
    """The heartbeat with the exchange's time; `raw` is echoed."""

    at_us: int
    raw: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Answer to a registration or release."""

    tr_id: str
    tr_key: str
    ok: bool
    code: str
    text: str
    cipher_key: str = ""
    cipher_iv: str = ""


def subscription(approval_key: str, action: Literal["1", "2"], tr_id: str, tr_key: str) -> str:
    """Client frame that registers (1) or releases (2) one key."""
    header = {"approval_key": approval_key, "custtype": "P", "tr_type": action, "content-type": "utf-8"}
    return orjson.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}).decode()


def decode_control(raw: str) -> PingPong | Ack | None:
    """A heartbeat or an answer; None for what is neither."""
    try:
        document = orjson.loads(raw)
        header = document["header"]
        if header["tr_id"] == "PINGPONG":
            return PingPong(date_time_us(header["datetime"]), raw)
        body = document["body"]
        output: Any = body.get("output") or {}
        return Ack(
            tr_id=str(header["tr_id"]),
            tr_key=str(header.get("tr_key") or ""),
            ok=str(body["rt_cd"]) == "0",
            code=str(body["msg_cd"]),
            text=str(body["msg1"]).strip(),
            cipher_key=str(output.get("key") or ""),
            cipher_iv=str(output.get("iv") or ""),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None
